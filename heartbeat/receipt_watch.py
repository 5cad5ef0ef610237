"""Asks providers that do not call back what became of pages, and cancels those that somebody has answered elsewhere.

What is to be asked about is in the database, so that no crash forgets it, and two processes do not ask at once.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from alerting import desk
from alerting.notifiers.contract import (
    Acknowledgement,
    Outcome,
    Polled,
    Poller,
    Receipt,
    Refused,
    Unreachable,
)
from alerting.notifiers.contract import Reply as Words
from alerting.notifiers.registry import NotifierSet, Setup
from heartbeat import delivery_receipts
from heartbeat.clock import Clock
from heartbeat.database import Database
from heartbeat.loop import Loop

EVERY = 2.0
"""Seconds between two looks for messages to ask about."""
AT_ONCE = 20
"""The most questions under way."""
PATIENCE = timedelta(minutes=1)
"""The pause after a provider has not answered."""
FORGOTTEN_AFTER = timedelta(days=1)
"""The age at which a message is given up whose notifier is gone, or whose provider does not answer."""

log = logging.getLogger(__name__)

Answered = Callable[[str, Acknowledgement], Awaitable[object]]
"""Applies an acknowledgement at a provider, by the kind of its notifier."""


class ReceiptWatch:
    """Asks in rounds. `answered` applies acknowledgements, `wake` begins a tick."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        assemble: Callable[[Mapping[str, Setup]], NotifierSet],
        *,
        answered: Answered,
        wake: Callable[[], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._assemble = assemble
        self._answered = answered
        self._wake = wake
        self._loop = Loop("asking about receipts", self.round, pause=lambda _: EVERY)

    async def run(self) -> None:
        """Run rounds until cancelled."""
        await self._loop.run()

    async def round(self) -> int:
        """Ask about every message that is due, and return their number."""
        now = self._clock.now()
        due = await self._database.read(desk.polls.next_due)
        if due is None or due > now:
            return 0
        polls = await self._database.write(lambda db: desk.polls.lease(db, now, AT_ONCE))
        notifiers = self._assemble(await self._database.read(desk.notifier_setups))
        await asyncio.gather(*(self._ask(poll, notifiers) for poll in polls))
        return len(polls)

    async def _ask(self, poll: desk.polls.Poll, notifiers: NotifierSet) -> None:
        """Ask about a message that still needs an answer, or cancel it. After any fault it is asked about again."""
        notifier = notifiers.own.get(poll.via) or notifiers.entered.get(poll.via)
        try:
            if not isinstance(notifier, Poller):
                outcome: Polled | Outcome = Unreachable("its notifier is not set up")
            elif poll.needed:
                outcome = await notifier.poll(poll.provider_id)
            else:
                outcome = await notifier.cancel(poll.provider_id)
        except Exception:
            # A plugin is foreign code, and can raise anything: the messages of others are asked about all the same.
            log.exception("asking %s about a message failed", poll.via, extra={"notifier": poll.via})
            return
        every = notifier.poll_every if isinstance(notifier, Poller) else PATIENCE
        await self._apply(poll, outcome, every)

    async def _apply(self, poll: desk.polls.Poll, outcome: Polled | Outcome, every: timedelta) -> None:
        match outcome:
            case Polled(receipts, over):
                for receipt in receipts:
                    await self._receive(poll.via, receipt)
            case Unreachable():
                over, every = False, max(every, outcome.retry_after or PATIENCE)
            case _:
                over = True
        if isinstance(outcome, Refused):
            log.warning(
                "%s knows nothing of a message: %s", poll.via, outcome.reason, extra={"notifier": poll.via}
            )
        now = self._clock.now()
        ended = over or now - poll.since >= FORGOTTEN_AFTER
        await self._database.write(
            lambda db: desk.polls.end(db, poll) if ended else desk.polls.again(db, poll, now + every)
        )

    async def _receive(self, kind: str, receipt: Receipt) -> None:
        if isinstance(receipt, Acknowledgement):
            await self._answered(kind, receipt)
        elif not isinstance(receipt, Words):
            await delivery_receipts.record(self._database, kind, receipt, self._clock.now())
        self._wake()
