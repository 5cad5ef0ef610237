"""Traces for OpenTelemetry: ticks and their stages, sends, commits of pings, requests. The only room that knows of it.

Off unless an address of a collector is set, and then the extra `otel` must be installed. Spans are collected and
sent by a thread of the library; what the collector does not take is dropped, and nothing here waits for it.
Sources: OpenTelemetry trace specification 1.x, OTLP/HTTP, semantic conventions for HTTP, W3C Trace Context.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from alerting.span import Fact
from heartbeat.settings import BadSetting, Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span as Told

SCOPE = "heartbeat"
"""The prefix of what is known of a span, and the name under which this program tells it."""
UNSEEN = ("/livez", "/readyz", "/metrics", "/ping/")
"""Addresses whose requests are no spans: machines ask for them all the time."""
SERVER_ERROR = 500

Scope = MutableMapping[str, Any]
Asgi = Callable[[Scope, Any, Any], Awaitable[None]]


class Tracing:
    """Tells a collector what the process does. `close` gives up what has not left in time."""

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry import propagate, trace

        self._provider = provider
        self._trace = trace
        self._extract = propagate.extract
        self._tracer = provider.get_tracer(SCOPE, version("heartbeat"))

    @contextmanager
    def span(self, name: str, /, **facts: Fact) -> Iterator["_Span"]:
        """A piece of work within the one that is being done; it fails with the exception that leaves it."""
        begun = self._tracer.start_span(name, attributes=_named(facts))
        span = _Span(begun)
        try:
            with self._current(begun):
                yield span
        finally:
            # One that never ends is never told.
            if not span.forgotten:
                begun.end()

    def batch(self, pings: int, seconds: float) -> None:
        """A batch of pings was committed just now."""
        from opentelemetry.context import Context

        now = time.time_ns()
        began = now - round(seconds * 1e9)
        known = _named({"pings": pings})
        self._tracer.start_span("ping batch", context=Context(), start_time=began, attributes=known).end(now)

    def trace_requests(self, app: Asgi) -> Asgi:
        """The web application, each request a span under the one that the caller names in `traceparent`."""

        async def traced(scope: Scope, receive: Any, send: Any) -> None:
            path = scope.get("path", "")
            if scope["type"] != "http" or path.startswith(UNSEEN):
                await app(scope, receive, send)
                return
            with self._request(scope) as span:
                await app(scope, receive, _watched(span, scope, send))

        return traced

    def close(self, seconds: float) -> None:
        """Send what is left, for up to `seconds`."""
        # The library would wait for a collector that hangs far longer than a stop may take.
        last = threading.Thread(target=self._provider.shutdown, daemon=True)
        last.start()
        last.join(seconds)

    @contextmanager
    def _request(self, scope: Scope) -> Iterator["Told"]:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        # Not the path: a link to answer by carries the right to do so in it.
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
    def _current(self, span: "Told") -> Iterator[None]:
        """What is done now is done within this span. Of an exception only the kind is told: its words may hold what
        nobody outside should read."""
        with self._trace.use_span(span, record_exception=False, set_status_on_exception=False):
            try:
                yield
            except Exception as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(self._trace.StatusCode.ERROR)
                raise


class _Span:
    """One span, as the rooms see it."""

    def __init__(self, told: "Told") -> None:
        self._told = told
        self.forgotten = False

    def know(self, **facts: Fact) -> None:
        """Something that is known of it now."""
        self._told.set_attributes(_named(facts))

    def forget(self) -> None:
        """It was nothing that anybody need hear of."""
        self.forgotten = True


class InLogs(logging.Filter):
    """Gives each line of the log the ids of the span during which it is written."""

    def filter(self, record: logging.LogRecord) -> bool:
        from opentelemetry.trace import format_span_id, format_trace_id, get_current_span

        context = get_current_span().get_span_context()
        if context.is_valid:
            record.trace_id = format_trace_id(context.trace_id)
            record.span_id = format_span_id(context.span_id)
        return True


def begin(settings: Settings) -> Tracing | None:
    """Tell the collector that the settings name; None where they name none. Raises `BadSetting` where the extra is
    not installed."""
    if not settings.otlp_url:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise BadSetting(
            "Traces are wanted (HEARTBEAT_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT is set), but OpenTelemetry is "
            "not installed: install heartbeat[otel], or take the setting away."
        ) from None
    of_process = {
        "service.name": SCOPE,
        "service.version": version("heartbeat"),
        "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
    }
    # What the operator says of the process in the environment of the library counts for more.
    resource = Resource.create().merge(Resource(of_process)).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.otlp_url)))
    for handler in logging.getLogger().handlers:
        handler.addFilter(InLogs())
    return Tracing(provider)


def _named(facts: dict[str, Fact]) -> dict[str, Fact]:
    return {f"{SCOPE}.{name}": value for name, value in facts.items()}


def _route(scope: Scope) -> str | None:
    """The pattern of the route that the request took. FastAPI keeps that of the whole address apart from that of the
    router in which the route stands."""
    whole = scope.get("fastapi", {}).get("effective_route_context")
    return getattr(whole, "path", None) or getattr(scope.get("route"), "path", None)


def _watched(span: "Told", scope: Scope, send: Any) -> Any:
    """Gives the span its name and status once the answer begins: only then is it known which route it took."""

    async def watching(message: MutableMapping[str, Any]) -> None:
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

    return watching
