"""The weekly mail about pages and unusual runs, to the addresses of a setting. It is no page, and wakes nobody.

A week with neither has no mail. An address is taken off the list before its mail is sent, and put back if it
was not reached: of several processes, one sends.
"""

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from functools import partial
from typing import Final

from sqlalchemy import Connection

from alerting import desk
from alerting.notifiers.contract import Accepted, Unreachable
from alerting.notifiers.email import Email
from alerting.notifiers.registry import NotifierSet, Setup
from alerting.notifiers.transport import mime
from heartbeat import installation
from heartbeat.clock import Clock
from heartbeat.database import Database
from heartbeat.loop import Loop
from heartbeat.measurements import unusual_store, week
from heartbeat.review import paging, paging_report
from heartbeat.safe_text import harmless

EVERY: Final = 600.0
"""Seconds between two rounds, and between two attempts."""
GIVEN_UP: Final = timedelta(days=1)
"""The age from which on a mail that could not be sent is given up."""
MARKS: Final = 2_000
"""Marks of a week that are read, the newest."""
FACT: Final = "weekly mail"
"""The fact of the installation with the last week, and the addresses that have not got its mail."""

log = logging.getLogger(__name__)
Assemble = Callable[[Mapping[str, Setup]], NotifierSet]


@dataclass(frozen=True, slots=True)
class Week:
    """What a mail tells: the unusual runs and the pages of a week."""

    told_at: datetime
    entries: Sequence[week.Entry]
    report: paging.Report

    @property
    def calm(self) -> bool:
        """True if there is nothing to tell."""
        return not self.entries and not self.report.pages

    @property
    def subject(self) -> str:
        """The week in one line."""
        if not self.report.pages:
            return week.sentence(self.entries).rstrip(".")
        pages = paging.sentences(self.report)[0].rstrip(".")
        return f"{pages}, in the last {week.LENGTH.days} days"

    def lines(self, home: str) -> Iterator[str]:
        """Yield the lines of the mail: the pages, then the unusual runs."""
        if self.report.pages:
            yield from paging.lines(self.report, home)
            yield from ("", f"Past pages: {home}/on-call/report")
        if self.entries:
            yield from ("", "") if self.report.pages else ()
            yield from week.text(self.entries, home)


class WeekMail:
    """Sends the mail of each week."""

    def __init__(
        self, database: Database, clock: Clock, assemble: Assemble, *, addresses: Sequence[str], home: str
    ) -> None:
        self._database = database
        self._clock = clock
        self._assemble = assemble
        self._addresses = addresses
        self._home = home
        self._loop = Loop("weekly mail", self.send, pause=lambda _: EVERY)

    async def run(self) -> None:
        """Send until cancelled. Without an address there is nothing to do."""
        if self._addresses:
            await self._loop.run()

    async def send(self) -> int:
        """Send what is due. Return the number of mails that were accepted."""
        now = self._clock.now()
        addresses = await self._database.write(lambda db: _take(db, self._addresses, now))
        if not addresses:
            return 0
        setups, past = await self._database.read(lambda db: (desk.notifier_setups(db), _week(db, now)))
        outfit = self._assemble(setups)
        sender = outfit.own.get(Email.kind) or outfit.entered.get(Email.kind)
        if past.calm or not isinstance(sender, Email):
            return 0
        return sum([await self._mail(sender, address, past, now) for address in addresses])

    async def _mail(self, sender: Email, address: str, past: Week, now: datetime) -> int:
        outcome = await sender.mail(_letter(sender, address, past, self._home, now), address)
        match outcome:
            case Accepted():
                return 1
            case Unreachable():
                await self._database.write(partial(_put_back, address=address))
        log.warning("the weekly mail to %s was not accepted: %s", address, outcome.reason)
        return 0


def _take(db: Connection, addresses: Sequence[str], now: datetime) -> list[str]:
    """Return the addresses that wait for the mail of the last week, and take them off the list."""
    told_at = week.told_at(now)
    known = installation.recall(db, FACT)
    if known is None or known["week"] != told_at.isoformat():
        # The first week of an installation is not whole.
        waiting = [] if known is None else list(addresses)
    else:
        waiting = known["waiting"]
        if not waiting:
            return []
    installation.remember(db, FACT, {"week": told_at.isoformat(), "waiting": []})
    return waiting if now - told_at < GIVEN_UP else []


def _put_back(db: Connection, address: str) -> None:
    known = installation.recall(db, FACT)
    installation.remember(db, FACT, known | {"waiting": [*known["waiting"], address]})


def _week(db: Connection, now: datetime) -> Week:
    told_at = week.told_at(now)
    marks = unusual_store.since(db, told_at - week.LENGTH, MARKS)
    return Week(told_at, week.of(marks), paging_report.read(db, told_at - week.LENGTH, told_at))


def _letter(sender: Email, address: str, past: Week, home: str, now: datetime) -> EmailMessage:
    message = EmailMessage(policy=mime.POLICY)
    message["From"] = mime.mailbox("From", sender.sender)
    message["To"] = address
    message["Subject"] = mime.text("Subject", past.subject)
    message["Date"] = format_datetime(now)
    mark = hashlib.sha256(f"{home} {past.told_at} {address}".encode()).hexdigest()[:16]
    message["Message-ID"] = f"<heartbeat-week-{mark}@{sender.sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    text = harmless("\n".join(past.lines(home)))
    message.set_content(text.encode("utf-8", "replace").decode())
    return message
