"""Traces for OpenTelemetry: ticks and their stages, sends, commits of pings, requests. No other room knows it.

Tracing is off unless the address of a collector is set. It needs the extra `otel`. A thread of the library collects
and sends the spans. Spans that the collector does not take are dropped, and nothing here waits for it.
Sources: OpenTelemetry trace specification 1.x, OTLP/HTTP, semantic conventions for HTTP, W3C Trace Context.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from alerting.notifiers.transport import tls
from alerting.span import Attribute
from heartbeat.settings import BadSetting, Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span as OtelSpan

SCOPE = "heartbeat"
"""The prefix of span attributes, and the name of this program's tracer."""
UNSEEN = ("/livez", "/readyz", "/metrics", "/ping/")
"""Paths whose requests have no spans: machines request them all the time."""
SERVER_ERROR = 500

Scope = MutableMapping[str, Any]
Asgi = Callable[[Scope, Any, Any], Awaitable[None]]


class Tracing:
    """Sends the spans of this process to a collector."""

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry import propagate, trace

        self._provider = provider
        self._trace = trace
        self._extract = propagate.extract
        self._tracer = provider.get_tracer(SCOPE, version("heartbeat"))

    @contextmanager
    def span(self, name: str, /, **facts: Attribute) -> Iterator["_Span"]:
        """Open a span below the current one. It fails with the exception that leaves it."""
        otel_span = self._tracer.start_span(name, attributes=_named(facts))
        span = _Span(otel_span)
        try:
            with self._current(otel_span):
                yield span
        finally:
            # A span that does not end is never sent.
            if not span.forgotten:
                otel_span.end()

    def batch(self, pings: int, seconds: float) -> None:
        """Add a span for a batch of pings that was committed just now."""
        from opentelemetry.context import Context

        now = time.time_ns()
        began = now - round(seconds * 1e9)
        facts = _named({"pings": pings})
        self._tracer.start_span("ping batch", context=Context(), start_time=began, attributes=facts).end(now)

    def trace_requests(self, app: Asgi) -> Asgi:
        """Return the web application with a span for each request, below the caller's span in `traceparent`."""

        async def traced(scope: Scope, receive: Any, send: Any) -> None:
            path = scope.get("path", "")
            if scope["type"] != "http" or path.startswith(UNSEEN):
                await app(scope, receive, send)
                return
            with self._request(scope) as span:
                await app(scope, receive, _noting_answer(span, scope, send))

        return traced

    def close(self, seconds: float) -> None:
        """Send the remaining spans for up to `seconds`, and give up the rest."""
        # The library would wait for a hanging collector far longer than a stop may take.
        last = threading.Thread(target=self._provider.shutdown, daemon=True)
        last.start()
        last.join(seconds)

    @contextmanager
    def _request(self, scope: Scope) -> Iterator["OtelSpan"]:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        # Not the path: an answer link in it carries the right to answer.
        span = self._tracer.start_span(
            scope["method"],
            context=self._extract(headers),
            kind=self._trace.SpanKind.SERVER,
            attributes={"http.request.method": scope["method"]},
        )
        try:
            with self._current(span):
                yield span
        finally:
            span.end()

    @contextmanager
    def _current(self, span: "OtelSpan") -> Iterator[None]:
        """Make this span the current one. Of an exception, only the type is sent: its message may be confidential."""
        with self._trace.use_span(span, record_exception=False, set_status_on_exception=False):
            try:
                yield
            except Exception as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(self._trace.StatusCode.ERROR)
                raise


class _Span:
    """One span, as other rooms use it: see `alerting.span`."""

    def __init__(self, otel_span: "OtelSpan") -> None:
        self._otel_span = otel_span
        self.forgotten = False

    def record(self, **facts: Attribute) -> None:
        """Add attributes."""
        self._otel_span.set_attributes(_named(facts))

    def discard(self) -> None:
        """Do not send this span."""
        self.forgotten = True


class InLogs(logging.Filter):
    """Adds the ids of the current span to each log line."""

    def filter(self, record: logging.LogRecord) -> bool:
        from opentelemetry.trace import format_span_id, format_trace_id, get_current_span

        context = get_current_span().get_span_context()
        if context.is_valid:
            record.trace_id = format_trace_id(context.trace_id)
            record.span_id = format_span_id(context.span_id)
        return True


def begin(settings: Settings) -> Tracing | None:
    """Start tracing to the collector in the settings. Return None if they name none.

    Raises `BadSetting` if the extra is not installed.
    """
    if not settings.otlp_url:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise BadSetting(
            "Traces are on (HEARTBEAT_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT is set), but OpenTelemetry is not "
            "installed: install heartbeat[otel], or remove the setting."
        ) from None
    of_process = {
        "service.name": SCOPE,
        "service.version": version("heartbeat"),
        "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
    }
    # The operator's own description, in the environment variables of the library, takes precedence.
    resource = Resource.create().merge(Resource(of_process)).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(
        endpoint=settings.otlp_url, certificate_file=_authorities(settings.environment)
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    for handler in logging.getLogger().handlers:
        handler.addFilter(InLogs())
    return Tracing(provider)


def _authorities(environ: Mapping[str, str]) -> str | None:
    """Return the authorities that a collector is trusted by: those of the library's own variables come first."""
    own = ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE")
    places = (*map(environ.get, own), *tls.authorities(environ))
    return next(filter(None, places), None)


def _named(facts: dict[str, Attribute]) -> dict[str, Attribute]:
    return {f"{SCOPE}.{name}": value for name, value in facts.items()}


def _route(scope: Scope) -> str | None:
    """Return the pattern of the request's route.

    FastAPI stores the pattern of the whole path apart from that of the router that holds the route.
    """
    whole = scope.get("fastapi", {}).get("effective_route_context")
    return getattr(whole, "path", None) or getattr(scope.get("route"), "path", None)


def _noting_answer(span: "OtelSpan", scope: Scope, send: Any) -> Any:
    """Return a `send` that gives the span its name and status. The route is known only once the answer begins."""

    async def noting(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            from opentelemetry.trace import StatusCode

            route = _route(scope)
            if route is not None:
                span.update_name(f"{scope['method']} {route}")
                span.set_attribute("http.route", route)
            span.set_attribute("http.response.status_code", message["status"])
            if message["status"] >= SERVER_ERROR:
                span.set_status(StatusCode.ERROR)
        await send(message)

    return noting
