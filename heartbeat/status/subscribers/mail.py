"""The mails to subscribers, in customers' words. Pure.

Sources: RFC 5322 (messages), RFC 2369 and RFC 8058 (one-click unsubscribe), RFC 3834 (automatic messages).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from uuid import NAMESPACE_URL, uuid5

from alerting import times
from alerting.notifiers.transport import mime
from heartbeat.definitions.status_page import StatusPage
from heartbeat.safe_text import harmless
from heartbeat.status.announcement import OVER, Affected, AnnouncementKind, Status, by_component
from heartbeat.status.health import Health
from heartbeat.status.subscribers.link import Ticket

MAX_ADDRESS = 254
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@((?:{_LABEL}\.)+{_LABEL})")


def address(text: str) -> str | None:
    """Return a mail address with its host in lower case, or None if the text is not an address."""
    text = text.strip()
    match = _ADDRESS.fullmatch(text)
    if match is None or len(text) > MAX_ADDRESS:
        return None
    return text[: -len(match[1])] + match[1].lower()


@dataclass(frozen=True, slots=True)
class News:
    """The update of an announcement that a mail tells. `made_at` is the time at which the announcement was made."""

    update: int
    number: int
    kind: AnnouncementKind
    title: str
    status: Status
    body: str
    at: datetime
    affected: tuple[Affected, ...]
    starts_at: datetime
    ends_at: datetime | None
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Envelope:
    """The sender and the recipient of a mail, and the address of the status page that it is about.

    The ticket is the recipient's subscription.
    """

    sender: Address
    to: str
    ticket: Ticket
    home: str

    def message_id(self, *about: object) -> str:
        """Return the id that all tries of this mail share, and no other mail has (RFC 5322, 3.6.4)."""
        return self._id(self.to, self.ticket.subscriber, self.ticket.asked_at, *about)

    def thread(self, number: int, made_at: datetime) -> str:
        """Return the id of the thread that all mails about an announcement hang below. No mail has it."""
        return self._id("announcement", number, made_at)

    def _id(self, *names: object) -> str:
        # Numbers can come again after a restore. Times cannot.
        return f"<{uuid5(NAMESPACE_URL, ' '.join(map(str, (self.home, *names))))}@{self.sender.domain}>"


def question(envelope: Envelope, title: str, link: str, now: datetime) -> EmailMessage:
    """Return the mail that asks to confirm a subscription."""
    lines = [
        f"Somebody, probably you, asked us to send updates from {title} to this address.",
        "",
        f"To confirm, open this link within a day: {link}",
        "",
        "If it was not you, ignore this mail. We will not write again, and we will delete the address.",
    ]
    return _message(envelope, f"Please confirm: updates from {title}", lines, now, "question")


def update(envelope: Envelope, page: StatusPage, news: News, end: str) -> EmailMessage:
    """Return the mail about an update. `end` is the link that unsubscribes."""
    stage = news.status.value.replace("_", " ").capitalize()
    lines = [
        news.body,
        "",
        *facts(page, news),
        f"Details: {envelope.home}/history.html#i{news.number}",
        "",
        "--",
        f"You get this mail because you subscribed to {page.title}.",
        f"Unsubscribe: {end}",
    ]
    message = _message(envelope, f"{stage}: {news.title}", lines, news.at, news.update, news.at)
    message["In-Reply-To"] = message["References"] = envelope.thread(news.number, news.made_at)
    message["List-Unsubscribe"] = f"<{end}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return message


def facts(page: StatusPage, news: News) -> list[str]:
    """Return what is affected, where, and since when, each on a line of its own."""
    names = [f"{name}: {_states(page, parts, news)}" for name, parts in by_component(news.affected).items()]
    starts = page.date_and_time(news.starts_at)
    if news.ends_at is not None:
        return [*names, f"From {starts} to {page.date_and_time(news.ends_at)}"]
    return [*names, f"{'Began' if news.status in OVER else 'Since'}: {starts}"]


def _states(page: StatusPage, parts: Sequence[Affected], news: News) -> str:
    """Return the states of a component with their regions: "not working in Europe, delayed in the US"."""
    by_words: dict[str, list[Affected]] = {}
    for part in parts:
        by_words.setdefault(_state(part.health, news.status), []).append(part)
    return ", ".join(f"{words}{_in(page, alike)}" for words, alike in by_words.items())


def _state(health: Health, status: Status) -> str:
    """Return a state in words. Once it is over, only say that the component was affected."""
    if health is Health.NORMAL or (status not in OVER and status is not Status.MONITORING):
        return health.value.lower()
    return "was under maintenance" if health is Health.MAINTENANCE else "was affected"


def _in(page: StatusPage, parts: Sequence[Affected]) -> str:
    if page.regions is None or not all(part.regions for part in parts):
        return ""
    regions = page.regions.ordered({region: None for part in parts for region in part.regions})
    return f" in {times.names([page.regions.place(region) for region in regions])}"


def _message(
    envelope: Envelope, subject: str, lines: list[str], at: datetime, *about: object
) -> EmailMessage:
    message = EmailMessage(policy=mime.POLICY)
    message["From"] = mime.mailbox("From", envelope.sender)
    message["To"] = envelope.to
    message["Subject"] = mime.text("Subject", harmless(subject))
    message["Date"] = format_datetime(at)
    message["Message-ID"] = envelope.message_id(*about)
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    text = harmless("\n".join(lines).replace("\r\n", "\n"))
    message.set_content(text.encode("utf-8", "replace").decode())
    return message
