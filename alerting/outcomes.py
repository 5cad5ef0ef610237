"""Records the outcomes of sends: all that came during the last commit in one transaction."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerting import attempts, breaker, delivery, leases, polling, proofs, refusal, timeline
from alerting.attempts import Attempt
from alerting.composing import Send
from alerting.delivery import Retry, Verdict
from alerting.incident import Entry
from alerting.leases import Recorded
from alerting.notice import NoticeKind
from alerting.notifiers.contract import Accepted, Outcome, Refused, Unreachable
from alerting.outbox import Page

AT_ONCE = 128
"""The most outcomes of one transaction."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sent:
    """A send with its outcome. `jitter` is a random number from 0 to 1 that spreads retries.

    `probe_at` is the time of the next probe if the contact is broken, `mended` is true if it was. `receipt_within` is
    the time within which the provider reports that an accepted notice has arrived.
    """

    send: Send
    outcome: Outcome
    at: datetime
    jitter: float
    probe_at: datetime | None = None
    mended: bool = False
    receipt_within: timedelta | None = None

    @property
    def result(self) -> str:
        """The kind of outcome in one word."""
        return type(self.outcome).__name__.lower()

    @property
    def answer(self) -> str:
        """What the provider said, or the reason of a failure."""
        return self.outcome.said if isinstance(self.outcome, Accepted) else self.outcome.reason


Write = Callable[[Callable[[Connection], frozenset[int]], float], Awaitable[frozenset[int]]]
"""Run a function in one transaction, and try again until a time of the loop while the database is away."""


class Outcomes:
    """Records outcomes in the order in which they come. One that cannot be recorded costs no other."""

    def __init__(self, write: Write, patience: float) -> None:
        self._write = write
        self._patience = patience
        self._waiting: list[tuple[Sent, float, asyncio.Future[bool]]] = []
        self._recording: asyncio.Task[None] | None = None

    async def record(self, sent: Sent) -> bool:
        """Write an outcome within `patience` seconds. Return whether a page has got another time for it.

        Raises ConnectionError if the database stays away.
        """
        loop = asyncio.get_running_loop()
        recorded: asyncio.Future[bool] = loop.create_future()
        self._waiting.append((sent, loop.time() + self._patience, recorded))
        if self._recording is None:
            self._recording = asyncio.create_task(self._record_all())
        return await recorded

    def stop(self) -> None:
        """Record no more."""
        if self._recording is not None:
            self._recording.cancel()

    async def _record_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
                await self._record_batch(batch)
        finally:
            self._recording = None

    async def _record_batch(self, batch: Sequence[tuple[Sent, float, asyncio.Future[bool]]]) -> None:
        sends = [sent for sent, _, _ in batch]
        try:
            # As long as the last one has: an outcome that is given up is a page that is sent again.
            changed = await self._write(lambda db: record(db, sends), batch[-1][1])
        except Exception as error:
            # One outcome that cannot be written must not keep the others from being recorded.
            if len(batch) > 1 and not isinstance(error, ConnectionError):
                log.exception("%d outcomes could not be recorded together", len(batch))
                for one in batch:
                    await self._record_batch([one])
                return
            for _, _, recorded in batch:
                if not recorded.done():
                    recorded.set_exception(error)
            return
        try:
            await self._hand_on(sends)
        finally:
            for sent, _, recorded in batch:
                if not recorded.done():
                    recorded.set_result(sent.send.page.id in changed)

    async def _hand_on(self, sends: Sequence[Sent]) -> None:
        """Let incidents page on whose pages nobody takes. If that fails, the next refusal does it."""
        refused = [one for one in sends if isinstance(one.outcome, Refused)]
        numbers = {one.send.page.incident_id for one in refused if one.send.page.kind is NoticeKind.PAGE}
        if not numbers:
            return
        until = asyncio.get_running_loop().time() + self._patience
        try:
            await self._write(lambda db: refusal.hand_on(db, numbers, refused[-1].at), until)
        except ConnectionError as away:
            log.warning("%d incidents whose pages were refused could not page on: %s", len(numbers), away)
        except Exception:
            # The outcomes are recorded: those who wait for them go on.
            log.exception("%d incidents whose pages were refused could not page on", len(numbers))


def record(db: Connection, sends: Sequence[Sent]) -> frozenset[int]:
    """Write the outcomes of sends whose leases still hold.

    Return the pages that are to be retried, or that have given others which waited for them another time.
    """
    held = leases.fenced(db, {sent.send.page.id: sent.send.page.lease for sent in sends})
    judged = [(sent, page, _verdict(sent, page)) for sent in sends if (page := held.get(sent.send.page.id))]
    attempts.write_attempts(db, [_attempt(sent) for sent, _, _ in judged])
    for sent, _, _ in judged:
        polling.begin(db, sent.send.contact.kind, sent.outcome, sent.send.notice, sent.at)
    leases.record(db, [_recorded(sent, page, verdict) for sent, page, verdict in judged])
    for sent, _, verdict in judged:
        if isinstance(verdict, Retry) and verdict.throttled:
            leases.hold_back(db, sent.send.person.id, sent.send.contact.kind, verdict.at)
        if isinstance(sent.outcome, Refused) and sent.outcome.address:
            proofs.refuted(db, sent.send.person, sent.send.contact)
    changed = _release(db, judged)
    timeline.write(db, [_entry(sent) for sent, _, _ in judged])
    return frozenset(
        page.id
        for sent, page, verdict in judged
        if isinstance(verdict, Retry) or breaker.key(sent.send.contact) in changed
    )


def _release(db: Connection, judged: Sequence[tuple[Sent, Page, Verdict]]) -> frozenset[breaker.Key]:
    """Send what waits for a contact that failed before and answers again, and probe those that still fail.

    Return the contacts of which something waits for another time than before.
    """
    probes = {breaker.key(sent.send.contact): sent.probe_at for sent, _, _ in judged if sent.probe_at}
    well = {
        breaker.key(sent.send.contact): sent.at
        for sent, page, _ in judged
        if isinstance(sent.outcome, Accepted) and (page.attempts or sent.mended)
    }
    probed = {key for key, at in probes.items() if leases.probe(db, *key, at)}
    released = {key for key, at in well.items() if leases.release(db, *key, at)}
    return frozenset(probed | released)


def _verdict(sent: Sent, page: Page) -> Verdict:
    tries = page.tries(sent.send.person)
    return delivery.after_attempt(tries, sent.outcome, sent.at, sent.jitter, sent.receipt_within)


def _recorded(sent: Sent, page: Page, verdict: Verdict) -> Recorded:
    contact = sent.send.contact
    if isinstance(verdict, Retry) and page.kind is NoticeKind.PAGE:
        contact = sent.send.person.way(page.severity, verdict.contact)
    return Recorded(page, verdict, contact, sent.at)


def _attempt(sent: Sent) -> Attempt:
    contact, outcome = sent.send.contact, sent.outcome
    attempt = Attempt(sent.send.page.id, sent.at, contact.kind, sent.result, sent.answer)
    return replace(
        attempt,
        provider_id=delivery.provider_id(outcome),
        contact_mark=contact.mark,
        may_have_arrived=isinstance(outcome, Unreachable) and outcome.may_have_arrived,
        throttled=isinstance(outcome, Unreachable) and outcome.throttled,
    )


def _entry(sent: Sent) -> Entry:
    page, outcome = sent.send.page, sent.outcome
    accepted = isinstance(outcome, Accepted)
    result = "accepted" if accepted else "refused" if isinstance(outcome, Refused) else "not reached"
    line = f"{page.kind.value} to {sent.send.person.name} by {sent.send.contact.kind}: {result}"
    words = f"{line} ({sent.answer})" if sent.answer else line
    return Entry(page.incident_id, sent.at, "told" if accepted else "not told", words)
