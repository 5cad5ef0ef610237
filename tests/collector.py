"""A collector of traces for tests: a loopback server that reads what it is sent as OTLP, and remembers."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True, slots=True)
class Told:
    """One span as it arrived."""

    name: str
    id: str
    parent: str
    trace: str
    kind: int
    failed: bool
    seconds: float
    known: dict[str, Any]
    process: dict[str, Any]


@dataclass(slots=True)
class Collector:
    """What has arrived so far. `paths` are the addresses that it was sent to."""

    url: str
    spans: list[Told] = field(default_factory=list)
    paths: set[str] = field(default_factory=set)
    hanging: threading.Event = field(default_factory=threading.Event)

    def named(self, name: str) -> list[Told]:
        """The spans of one name."""
        return [span for span in self.spans if span.name == name]

    def take(self, path: str, body: bytes) -> None:
        """One request."""
        self.paths.add(path)
        asked = ExportTraceServiceRequest.FromString(body)
        for resource in asked.resource_spans:
            process = _known(resource.resource.attributes)
            for scope in resource.scope_spans:
                self.spans += [_told(span, process) for span in scope.spans]


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that listens. While it is `hanging` it takes requests and does not answer."""
    let_go = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if collector.hanging.is_set():
                let_go.wait(30)
            unpacked = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            collector.take(self.path, unpacked)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing is said of requests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector = Collector(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield collector
    finally:
        let_go.set()
        server.shutdown()
        server.server_close()


def _told(span: Any, process: dict[str, Any]) -> Told:
    return Told(
        name=span.name,
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        trace=span.trace_id.hex(),
        kind=span.kind,
        failed=span.status.code == 2,
        seconds=(span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
        known=_known(span.attributes) | ({"events": list(span.events)} if span.events else {}),
        process=process,
    )


def _known(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}
