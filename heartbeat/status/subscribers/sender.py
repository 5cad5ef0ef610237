"""The sender of mails to subscribers: a few at a time, so that no page waits for them.

Every process with the role `pager` has one. A mail is leased before it is sent. If its process dies, another one
sends it after the lease.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.message import EmailMessage

from alerting import desk
from alerting.notifiers.contract import Accepted, Refused, Unreachable
from alerting.notifiers.email import Email
from alerting.notifiers.registry import NotifierSet, Setup
from heartbeat.clock import Clock
from heartbeat.database import Database
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.status_page import StatusPage
from heartbeat.loop import Loop
from heartbeat.metrics import Metrics
from heartbeat.status.subscribers import link as subscriber_link
from heartbeat.status.subscribers import mail as subscriber_mail
from heartbeat.status.subscribers import store
from heartbeat.status.subscribers.mail import Envelope
from heartbeat.status.subscribers.store import Mail

EVERY = 2.0
"""Seconds between two rounds."""
BATCH = 20
"""The mails of one round, sent one after the other."""
LEASE = timedelta(minutes=10)
FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=1)
TRIES = 12
"""The attempts after which a mail is given up."""

log = logging.getLogger(__name__)
Assemble = Callable[[Mapping[str, Setup]], NotifierSet]


class MailSender:
    """Send mails to subscribers for as long as the process lives."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        metrics: Metrics,
        assemble: Assemble,
        *,
        home: str,
        secret: str,
    ) -> None:
        self._database = database
        self._clock = clock
        self._metrics = metrics
        self._assemble = assemble
        self._home = home
        self._secret = secret
        self._loop = Loop(
            "mail to subscribers",
            self._round,
            pause=lambda sent: 0 if sent == BATCH else EVERY,
            count_failure=metrics.status_pages.mailman_failures.inc,
        )

    async def run(self) -> None:
        """Send until cancelled."""
        await self._loop.run()

    async def round(self) -> int:
        """Send up to `BATCH` mails that are due, and return their number. The next round repeats a failed one."""
        return await self._loop.once() or 0

    async def _round(self) -> int:
        now = self._clock.now()
        if not await self._database.read(lambda db: store.is_mail_due(db, now)):
            return 0
        setups, pages = await self._database.read(
            lambda db: (desk.notifier_setups(db), definition_store.status_pages_of(db))
        )
        outfit = self._assemble(setups)
        sender = outfit.own.get(Email.kind) or outfit.entered.get(Email.kind)
        if not isinstance(sender, Email):
            return 0
        leased = await self._database.write(lambda db: store.lease(db, now, BATCH, LEASE))
        for mail in leased:
            await self._send(sender, mail, pages.get(mail.page))
        return len(leased)

    async def _send(self, sender: Email, mail: Mail, page: StatusPage | None) -> None:
        if page is None:
            # The page was deleted.
            await self._remove(mail)
            return
        outcome = await sender.mail(self._letter(sender, mail, page), mail.address)
        now = self._clock.now()
        match outcome:
            case Accepted():
                self._metrics.status_pages.mails.labels("accepted").inc()
                await self._database.write(lambda db: store.accepted(db, mail))
            case Refused(reason, address):
                log.warning("a mail to a subscriber of %s was refused: %s", mail.page, reason)
                self._metrics.status_pages.mails.labels("refused").inc()
                # A refusal for another reason, such as a failed login, says nothing about the address.
                await (self._refused(mail, reason, now) if address else self._retry(mail, now))
            case Unreachable():
                self._metrics.status_pages.mails.labels("unreachable").inc()
                await self._retry(mail, now)

    async def _refused(self, mail: Mail, reason: str, now: datetime) -> None:
        if await self._database.write(lambda db: store.refused(db, mail, reason, now)):
            log.warning(
                "an address of %s gets no more mail: it was refused %d times", mail.page, store.MAX_REFUSALS
            )

    async def _retry(self, mail: Mail, now: datetime) -> None:
        if mail.attempts >= TRIES:
            await self._remove(mail)
            return
        pause = min(FIRST_RETRY * 2 ** (mail.attempts - 1), LONGEST_RETRY)
        await self._database.write(lambda db: store.postpone(db, mail.id, now + pause))

    async def _remove(self, mail: Mail) -> None:
        await self._database.write(lambda db: store.remove_mails(db, [mail.id]))

    def _letter(self, sender: Email, mail: Mail, page: StatusPage) -> EmailMessage:
        home = f"{self._home}/status/{mail.page}"
        envelope = Envelope(sender.sender, mail.address, mail.ticket, home)
        if mail.news is None:
            link = f"{home}/confirm/{subscriber_link.sign(self._secret, 'confirm', mail.ticket)}"
            return subscriber_mail.question(envelope, page.title, link, self._clock.now())
        end = f"{home}/unsubscribe/{subscriber_link.sign(self._secret, 'unsubscribe', mail.ticket)}"
        return subscriber_mail.update(envelope, page, mail.news, end)
