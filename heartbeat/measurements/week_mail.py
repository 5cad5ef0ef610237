"""The weekly mail about unusual runs, to the addresses of a setting. It is no page, and wakes nobody.

A week without unusual runs has no mail. An address is taken off the list before its mail is sent, and put back if it
was not reached: of several processes, one sends.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
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
from heartbeat.measurements.week import Entry
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
        setups, marks = await self._database.read(
            lambda db: (
                desk.notifier_setups(db),
                unusual_store.since(db, week.told_at(now) - week.LENGTH, MARKS),
            )
        )
        outfit = self._assemble(setups)
        sender = outfit.own.get(Email.kind) or outfit.entered.get(Email.kind)
        entries = week.of(marks)
        if not entries or not isinstance(sender, Email):
            return 0
        return sum([await self._mail(sender, address, entries, now) for address in addresses])

    async def _mail(self, sender: Email, address: str, entries: Sequence[Entry], now: datetime) -> int:
        outcome = await sender.mail(_letter(sender, address, entries, self._home, now), address)
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


def _letter(sender: Email, address: str, entries: Sequence[Entry], home: str, now: datetime) -> EmailMessage:
    message = EmailMessage(policy=mime.POLICY)
    message["From"] = mime.mailbox("From", sender.sender)
    message["To"] = address
    message["Subject"] = mime.text("Subject", week.sentence(entries).rstrip("."))
    message["Date"] = format_datetime(now)
    mark = hashlib.sha256(f"{home} {week.told_at(now)} {address}".encode()).hexdigest()[:16]
    message["Message-ID"] = f"<heartbeat-week-{mark}@{sender.sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    text = harmless("\n".join(week.text(entries, home)))
    message.set_content(text.encode("utf-8", "replace").decode())
    return message
