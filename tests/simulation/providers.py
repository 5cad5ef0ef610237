"""The providers at the other end of the wire, and the phones behind them, which keep whatever they showed.

A contact is named by person and number ("first/1"). Its provider speaks the webhook's or ntfy's protocol as the
original does, in good and in bad weather.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, ClassVar, Self

import httpx

from alerting.notice import Notice
from alerting.notifiers.contract import (
    Accepted,
    Arrived,
    Contact,
    Outcome,
    Received,
    Undelivered,
    Unreachable,
)
from heartbeat import signed_link
from heartbeat.signed_link import Answerer
from tests.simulation.process import Point, Process
from tests.simulation.virtual import EPOCH

SECRET = "a secret that signs the links of the simulation"
FOR_EVER = float("inf")
OPERATOR = "operator/1"


class Ill(StrEnum):
    """What can be wrong with a provider."""

    LIMITED = "429 Too Many Requests"
    BROKEN = "500 Internal Server Error"
    AWAY = "503 Service Unavailable"
    REFUSES = "connection refused"
    MUTE = "shows the page and never answers"
    HANGS = "takes the request and never answers"
    FORBIDS = "403 Forbidden"
    GONE = "410 Gone"
    MOVED = "302 Found"


class Slip(StrEnum):
    """What can go wrong with a message after a provider that reports has accepted it."""

    LOST = "shows nothing, and reports nothing"
    UNREPORTED = "shows the page, and reports nothing"
    LATE = "shows the page, and reports it late, twice"
    UNDELIVERED = "shows nothing, and reports so, twice"
    CONTRARY = "shows nothing, reports that it did, and then that it did not"
    EARLY = "shows the page, and reports it before it has accepted it"
    HELD = "shows the page, and accepts it once it is let go"


FINAL = (Ill.FORBIDS, Ill.GONE, Ill.MOVED)
"""With these, a provider refuses for good."""
UNSHOWN = (Slip.LOST, Slip.UNDELIVERED, Slip.CONTRARY)
REPORTS_WITHIN = 40.0
"""Seconds within which a provider reports, where nothing is wrong."""
STATUS = {Ill.LIMITED: 429, Ill.BROKEN: 500, Ill.AWAY: 503, Ill.FORBIDS: 403, Ill.GONE: 410, Ill.MOVED: 302}


@dataclass(frozen=True, slots=True)
class Fault:
    """A stretch of bad weather over one contact, in the loop's time."""

    contact: str
    ill: Ill | Slip
    begins: float
    ends: float
    retry_after: int | None = None

    @property
    def felt_until(self) -> float:
        """A sender that was told to come back later may still be waiting for a while after it."""
        return self.ends + (self.retry_after or 0)


@dataclass(slots=True)
class Show:
    """What a phone showed. `receipt`: whether the sender has been told so, and lived to hear it."""

    at: float
    contact: str
    kind: str
    title: str
    text: str
    incident: int | None
    occurrence: int | None = None
    notice: str = ""
    dedup: str = ""
    jobs: frozenset[str] = frozenset()
    ack_url: str | None = None
    receipt: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def person(self) -> str:
        return self.contact.partition("/")[0]

    def names(self, job: str) -> bool:
        """Whether it says that this job is down."""
        return (
            job in self.jobs
            or re.search(rf"(?<![\w-]){re.escape(job)}(?![\w-])", f"{self.title}\n{self.text}") is not None
        )


class Network:
    """All providers, their weather, and all that was ever shown."""

    def __init__(self, time: Callable[[], float], latency: Callable[[], float]) -> None:
        self.shows: list[Show] = []
        self.faults: list[Fault] = []
        self.reported: dict[str, float] = {}
        """When the service had the first report on each id."""
        self.let_go = asyncio.Event()
        """Set when a provider that holds its answer back gives it."""
        self.taken: list[str] = []
        """The ids under which a provider that reports has taken messages, in order."""
        self.undelivered: dict[str, float] = {}
        """When it had the first report that nothing was shown."""
        self.heard: list[tuple[float, str, Ill | Slip | None]] = []
        """Each request that reached a provider: when, for which contact, and in what weather."""
        self.time = time
        self.latency = latency

    def weather(self, contact: str) -> Fault | None:
        """What is wrong with a contact now."""
        now = self.time()
        return next((f for f in self.faults if f.contact == contact and f.begins <= now < f.ends), None)

    def show(self, show: Show) -> None:
        """A phone lights up."""
        show.at = self.time()
        self.shows.append(show)

    async def deliver(self, request: httpx.Request) -> tuple[httpx.Response, Show | None]:
        """One request and its answer. Each half of the way takes its time."""
        await asyncio.sleep(self.latency())
        show, answer = _READ[request.url.host](request)
        fault = self.weather(show.contact)
        self.heard.append((self.time(), show.contact, fault.ill if fault else None))
        if fault is None or fault.ill is not Ill.REFUSES:
            await request.extensions["trace"]("http11.send_request_body.complete", {})
        if fault is None or fault.ill is Ill.MUTE:
            self.show(show)
        if fault is not None and isinstance(fault.ill, Ill):
            return await self._spoilt(fault, fault.ill, request), None
        await asyncio.sleep(self.latency())
        return _answer(200, answer), show

    async def _spoilt(self, fault: Fault, ill: Ill, request: httpx.Request) -> httpx.Response:
        if ill in (Ill.MUTE, Ill.HANGS):
            await asyncio.Event().wait()
        if ill is Ill.REFUSES:
            raise httpx.ConnectError("All connection attempts failed", request=request)
        await asyncio.sleep(self.latency())
        headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        return _answer(STATUS[ill], {"error": ill.value}, headers)


class Wire(httpx.AsyncBaseTransport):
    """One process's way to the providers."""

    def __init__(self, network: Network, process: Process) -> None:
        self._network = network
        self._process = process

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._process.reach(Point.BEFORE_SEND)
        answer, show = await self._network.deliver(request)
        self._process.reach(Point.AFTER_SEND)
        if show is not None:
            show.receipt = True
        return answer


@dataclass(frozen=True, slots=True)
class Terminal:
    """The service's own terminal, where the catch-all is shown: a notifier like any other."""

    network: Network
    process: Process
    kind: ClassVar[str] = "console"
    digests: ClassVar[bool] = False
    secret_settings: ClassVar[frozenset[str]] = frozenset()
    secret_address: ClassVar[bool] = False

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        raise NotImplementedError("the world brings it")

    @classmethod
    def wrong_address(cls, _address: str) -> str | None:
        return None

    async def send(self, notice: Notice, _contact: Contact) -> Outcome:
        about: dict[str, Any] = {
            "details": dict(notice.details),
            "title": notice.title,
            "lines": list(notice.lines),
        }
        about |= {"incident": notice.incident, "dedup_key": notice.dedup_key, "ack_url": notice.ack_url}
        self.process.reach(Point.BEFORE_SEND)
        show = _machine_read(OPERATOR, notice.kind.value, notice.id, about)
        self.network.show(show)
        self.process.reach(Point.AFTER_SEND)
        show.receipt = True
        return Accepted("printed")


@dataclass(frozen=True, slots=True)
class Beeper:
    """A provider that reports later what became of a message. It has the place of Slack, which nobody here uses."""

    network: Network
    process: Process
    report: Callable[[Arrived | Undelivered], Awaitable[bool]]
    kind: ClassVar[str] = "slack"
    digests: ClassVar[bool] = False
    secret_settings: ClassVar[frozenset[str]] = frozenset()
    secret_address: ClassVar[bool] = False
    receipt_within: ClassVar[timedelta] = timedelta(seconds=REPORTS_WITHIN)

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        raise NotImplementedError("the world brings it")

    @classmethod
    def wrong_address(cls, _address: str) -> str | None:
        return None

    def received(self, headers: Mapping[str, str], body: bytes) -> Received:
        raise NotImplementedError("the world hands reports over itself")

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        name = contact.address.removeprefix("beeper/")
        self.process.reach(Point.BEFORE_SEND)
        await asyncio.sleep(self.network.latency())
        fault = self.network.weather(name)
        ill = fault.ill if fault else None
        self.network.heard.append((self.network.time(), name, ill))
        if isinstance(ill, Ill):
            return Unreachable(ill.value, may_have_arrived=False)
        number = f"beep {len(self.network.heard)}"
        about: dict[str, Any] = {"details": dict(notice.details), "title": notice.title}
        about |= {"incident": notice.incident, "dedup_key": notice.dedup_key, "ack_url": notice.ack_url}
        if ill not in UNSHOWN:
            show = _machine_read(name, notice.kind.value, notice.id, about | {"lines": list(notice.lines)})
            self.network.show(show)
        self.network.taken.append(number)
        if ill is Slip.HELD:
            await self.network.let_go.wait()
        if ill is Slip.EARLY:
            await self.report(Arrived(number))
        self.process.reach(Point.AFTER_SEND)
        if ill not in UNSHOWN:
            show.receipt = True
        asyncio.get_running_loop().create_task(self._reports(number, ill))
        return Accepted("queued", number)

    async def _reports(self, number: str, ill: Ill | Slip | None) -> None:
        arrived, failed = Arrived(number), Undelivered(number, "switched off")
        reports: dict[Ill | Slip | None, list[Arrived | Undelivered]] = {
            Slip.LOST: [],
            Slip.UNREPORTED: [],
            Slip.EARLY: [],
            Slip.HELD: [],
            Slip.LATE: [arrived, arrived],
            Slip.UNDELIVERED: [failed, failed],
            Slip.CONTRARY: [arrived, failed, arrived],
        }
        await asyncio.sleep(2 * REPORTS_WITHIN if ill is Slip.LATE else 5.0)
        for report in reports.get(ill, [arrived]):
            await self._reported(number, report)
            await asyncio.sleep(3.0)

    async def _reported(self, number: str, report: Arrived | Undelivered) -> None:
        for _ in range(60):
            if await self.report(report):
                now = self.network.time()
                self.network.reported.setdefault(number, now)
                if isinstance(report, Undelivered):
                    self.network.undelivered.setdefault(number, now)
                return
            await asyncio.sleep(10.0)


def beeper(contact: str) -> Contact:
    """The contact's address where its provider reports."""
    return Contact(Beeper.kind, f"beeper/{contact}")


def webhook(contact: str) -> Contact:
    """The contact's address where it is a webhook."""
    return Contact("webhook", f"https://phone.test/{contact}")


def ntfy(contact: str) -> Contact:
    """The contact's address where it is a topic of ntfy."""
    return Contact("ntfy", f"https://ntfy.test/{contact.replace('/', '-')}")


def called(contact: Contact) -> str:
    """The contact at an address as phones call it: "first/1"."""
    name = contact.address.rpartition("test/")[2].removeprefix("beeper/")
    return name if contact.kind != "ntfy" else name.replace("-", "/")


def answerer(show: Show) -> Answerer | None:
    """Whose answer to what the page's link is."""
    if show.ack_url is None:
        return None
    found = signed_link.read([SECRET], show.ack_url.rpartition("/")[2], EPOCH)
    return found if isinstance(found, Answerer) else None


def _read_webhook(request: httpx.Request) -> tuple[Show, dict[str, Any]]:
    event = json.loads(request.content)
    kind = event["type"].removeprefix("incident.")
    contact = request.url.path.removeprefix("/")
    return _machine_read(contact, kind, request.headers["webhook-id"], event["data"]), {}


def _machine_read(contact: str, kind: str, notice: str, data: Mapping[str, Any]) -> Show:
    details = data["details"]
    return Show(
        at=0.0,
        contact=contact,
        kind=kind,
        title=data["title"],
        text="\n".join(data["lines"]),
        incident=data["incident"],
        occurrence=details.get("occurrence"),
        notice=notice,
        dedup=data["dedup_key"],
        jobs=frozenset(s["title"] for s in details.get("symptoms", ()) if s["cleared_at"] is None),
        ack_url=data["ack_url"],
        raw=data,
    )


def _read_ntfy(request: httpx.Request) -> tuple[Show, dict[str, Any]]:
    """ntfy shows words to a human: what the phone knows of the incident, it knows from the links."""
    message = json.loads(request.content)
    numbered = re.search(r"/incidents/(\d+)", message.get("click", ""))
    show = Show(
        at=0.0,
        contact=message["topic"].replace("-", "/"),
        kind=_kind_of(message),
        title=message["title"],
        text=message["message"],
        incident=int(numbered[1]) if numbered else None,
        ack_url=next((a["url"] for a in message["actions"] if a["action"] == "http"), None),
        raw=message,
    )
    by = answerer(show)
    show.occurrence = by.occurrence if by else None
    return show, {"id": "sPs71M8A2T", "event": "message", "topic": message["topic"]}


def _kind_of(message: Mapping[str, Any]) -> str:
    tag = message.get("tags", [""])[0]
    if tag != "red_circle":
        return {"green_circle": "recovered", "large_blue_circle": "acknowledged"}.get(tag, "test")
    if re.search(r"\d incidents?: ", message["title"]):
        return "digest"
    return "page" if re.match("(CRITICAL|ERROR|WARNING|INFO) ", message["title"]) else "update"


def _answer(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> httpx.Response:
    # A stream, as from a network: a response that is made of its content counts as read already.
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(json.dumps(body).encode()))


_READ = {"phone.test": _read_webhook, "ntfy.test": _read_ntfy}
