"""A phone of the tests' own: a loopback HTTP server that answers as webhooks, ntfy and Twilio do, and remembers."""

import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl

from tests.e2e.patience import eventually


@dataclass(frozen=True, slots=True)
class Call:
    """One request that the phone has received."""

    path: str
    headers: dict[str, str]
    said: dict[str, Any]
    at: float = field(default_factory=time.monotonic)

    @property
    def notice(self) -> str:
        """The notice's id, the same whenever the same notice is sent again."""
        return self.headers.get("webhook-id", "")

    @property
    def kind(self) -> str:
        """What it is for, as a webhook names it: "page", "recovered"."""
        return str(self.said.get("type", "")).removeprefix("incident.")

    @property
    def data(self) -> dict[str, Any]:
        """The facts of a webhook."""
        found: dict[str, Any] = self.said.get("data", {})
        return found

    @property
    def symptoms(self) -> set[str]:
        """The titles of what is wrong. A message of the service about itself has none."""
        return {symptom["title"] for symptom in self.data["details"].get("symptoms", ())}


class Phone:
    """Takes every call at any path. `hanging` makes it listen and say nothing."""

    def __init__(self, address: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        self.calls: list[Call] = []
        self.hanging = threading.Event()
        self._let_go = threading.Event()
        self._server = _Server(address, _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._let_go.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def webhook(self) -> dict[str, str]:
        """What a service's environment needs for the contact `{webhook: "${PHONE}"}`."""
        return {"PHONE": f"{self.url}/webhook"}

    def of(self, kind: str) -> list[Call]:
        """The webhook calls of one kind, in the order in which they came."""
        return [call for call in list(self.calls) if call.kind == kind]

    def times_rung(self) -> Counter[str]:
        """How often each notice has come."""
        return Counter(call.notice for call in list(self.calls) if call.notice)

    def paged_for(self) -> dict[str, set[str]]:
        """By the title of each symptom the notices that were pages and named it."""
        found: dict[str, set[str]] = {}
        for call in self.of("page"):
            for title in call.symptoms:
                found.setdefault(title, set()).add(call.notice)
        return found

    def await_kind(self, kind: str, *, within: float = 30, after: int = 0) -> Call:
        """The first call of this kind, not counting so many of them."""
        found = eventually(lambda: self.of(kind)[after:], within=within, what=f"a call {kind!r}")
        return found[0]

    def take(self, call: Call) -> dict[str, Any]:
        """Remember a call; what to answer."""
        self.calls.append(call)
        if self.hanging.is_set():
            self._let_go.wait()
        return {"id": f"message-{len(self.calls)}"}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that hangs up is no news."""


def _handler(phone: Phone) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            if headers.get("content-type") == "application/x-www-form-urlencoded":
                # Twilio takes forms, and answers with the id of a message.
                phone.take(Call(self.path, headers, dict(parse_qsl(body.decode()))))
                self._answer({"sid": f"SM{len(phone.calls):032x}", "status": "queued"})
            else:
                self._answer(phone.take(Call(self.path, headers, json.loads(body or b"{}"))))

        def do_GET(self) -> None:
            self._answer(phone.take(Call(self.path, {}, {})))

        def _answer(self, said: dict[str, Any]) -> None:
            body = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Tests read `calls`, nobody reads a log."""

    return Handler
