"""Further ways to lose a page, or to page for nothing, each planted in the real code: see `mutants`."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, update

from alerting import (
    answer,
    escalation,
    escalator,
    handover,
    next_page,
    onward_store,
    outbox,
    receipts,
    regrouping,
    rotation,
    store,
)
from alerting.answer import Acknowledged, Resolved, Stale
from alerting.attempts import AcceptedAttempt
from alerting.courier import Courier
from alerting.crew import Crew
from alerting.escalation import Policy, Target
from alerting.handover import AllWell, Reassigned
from alerting.incident import Incident, State
from alerting.person import Person
from alerting.regrouping import Split, Unmergeable
from alerting.rotation import Rotation
from alerting.severity import Severity
from alerting.tables import incidents
from heartbeat.checks import life
from heartbeat.checks.check import Change, Check
from heartbeat.ticker import Ticker
from tests.simulation.mutants import NEVER

MOST = 2
"""Pages that one person is sent by a service that limits them."""


def a_limit_for_each_person_drops_the_rest(patch: pytest.MonkeyPatch) -> None:
    """Nobody is sent more than so many pages: of a storm, the rest is dropped."""
    honest = outbox.intend_pages
    sent: Counter[str] = Counter()

    def intend_pages(db: Connection, notices: Iterable[tuple[Any, ...]], *rest: Any, **named: Any) -> None:
        few = []
        for notice in notices:
            sent[notice[1].id] += 1
            if sent[notice[1].id] <= MOST:
                few.append(notice)
        honest(db, few, *rest, **named)

    patch.setattr(outbox, "intend_pages", intend_pages)


def undelivered_counts_as_sent(patch: pytest.MonkeyPatch) -> None:
    """A provider reports that nothing was shown, and that is taken for a report like any other."""

    def go_on(
        db: Connection,
        attempt: AcceptedAttempt,
        _incident: Incident,
        people: Mapping[str, Person],
        _reason: str,
        now: datetime,
        _jitter: float,
    ) -> None:
        onward_store.arrived(db, attempt.page, receipts._reachable(attempt.page, people), now)

    patch.setattr(receipts, "_go_on", go_on)


def an_empty_schedule_waits_its_whole_delay(patch: pytest.MonkeyPatch) -> None:
    """Nobody is on call in the rotation of a step, and the step takes its time all the same."""

    def reaching(policy: Policy, step: int, _crew: Crew, _severity: Severity, _at: datetime) -> int:
        return min(step, len(policy.steps) - 1)

    def recipients(targets: Iterable[Target], crew: Crew, at: datetime) -> list[Person]:
        everybody = dict.fromkeys(
            person for target in targets for person in escalation.on_call(target, crew, at)
        )
        return [person for person in everybody if person.contacts]

    patch.setattr(escalation, "reaching", reaching)
    patch.setattr(escalation, "recipients", recipients)


def a_failed_first_task_is_seen_by_nobody(patch: pytest.MonkeyPatch) -> None:
    """What is due is taken, and paged for by a task in memory. If that fails, nothing looks at it again."""
    honest, dispatch, run = escalator._page, Courier.dispatch, Ticker.run
    tasks: list[tuple[Any, ...]] = []

    def page(db: Connection, due: list[Incident], *rest: Any) -> None:
        store.save(db, [replace(one, next_at=rest[1] + NEVER, tell_at=None) for one in due])
        if due:
            tasks.append((due, *rest))

    async def work_then_dispatch(courier: Courier) -> int:
        waiting, tasks[:] = list(tasks), []
        for task in waiting:
            # As such a task does: it is over, and nobody hears of it.
            with suppress(Exception):
                await courier._transact(partial(_done, honest, task))
        return await dispatch(courier)

    async def begin(ticker: Ticker) -> None:
        tasks.clear()
        await run(ticker)

    patch.setattr(escalator, "_page", page)
    patch.setattr(Courier, "dispatch", work_then_dispatch)
    patch.setattr(Ticker, "run", begin)


def _done(honest: Callable[..., None], task: tuple[Any, ...], db: Connection) -> None:
    honest(db, *task)


def what_could_not_be_heard_counts_as_silence(patch: pytest.MonkeyPatch) -> None:
    """After an outage of its own the service pages for all the pings that it could not hear."""
    honest = life.on_due

    def on_due(one: Check, now: datetime, *_rest: Any) -> Change:
        return honest(one, now)

    patch.setattr(life, "on_due", on_due)


def whoever_is_handed_an_incident_is_not_paged(patch: pytest.MonkeyPatch) -> None:
    """A reassigned incident goes on with the first step of its policy."""
    patch.setattr(escalation, "led_by", lambda policy, _target: policy)


def a_split_leaves_no_next_action(patch: pytest.MonkeyPatch) -> None:
    """What is taken out of an incident is written down as one of its own, and nobody is told to look at it."""
    honest = regrouping.split

    def split(
        one: Incident, symptoms: Any, keys: Any, by: str, now: datetime, *rest: Any
    ) -> Split | Unmergeable:
        outcome = honest(one, symptoms, keys, by, now, *rest)
        if isinstance(outcome, Unmergeable):
            return outcome
        return replace(outcome, new=replace(outcome.new, next_at=now + NEVER))

    patch.setattr(regrouping, "split", split)


def who_is_on_call_is_remembered(patch: pytest.MonkeyPatch) -> None:
    """A rotation is read from a calendar that was made half an hour ago."""
    honest = rotation.on_call

    def on_call(one: Rotation, at: datetime) -> tuple[str, ...]:
        return honest(one, at - timedelta(minutes=30))

    patch.setattr(rotation, "on_call", on_call)


def a_leave_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Whoever is away is paged as if they were there."""
    honest = rotation.on_call

    def on_call(one: Rotation, at: datetime) -> tuple[str, ...]:
        return honest(replace(one, overrides=()), at)

    patch.setattr(rotation, "on_call", on_call)


def an_answer_given_twice_holds_longer(patch: pytest.MonkeyPatch) -> None:
    """A callback that comes again begins the quiet anew."""
    honest = answer.acknowledge

    def acknowledge(
        one: Incident, occurrence: int | None, by: str, now: datetime, until: datetime
    ) -> Acknowledged | Stale | Resolved:
        acknowledged = one.state is State.ACKNOWLEDGED and occurrence in (None, one.occurrence)
        given = honest(replace(one, state=State.OPEN) if acknowledged else one, occurrence, by, now, until)
        return replace(given, previous=one) if acknowledged and isinstance(given, Acknowledged) else given

    patch.setattr(answer, "acknowledge", acknowledge)


def a_late_answer_revives_what_is_over(patch: pytest.MonkeyPatch) -> None:
    """An acknowledgement that arrives after the end opens the incident again, which nothing will ever end."""
    honest = answer.acknowledge

    def acknowledge(
        one: Incident, occurrence: int | None, by: str, now: datetime, until: datetime
    ) -> Acknowledged | Stale | Resolved:
        if one.state is not State.RESOLVED:
            return honest(one, occurrence, by, now, until)
        revived = replace(one, state=State.OPEN, resolved_at=None, resolved_by=None, next_at=now)
        given = honest(revived, None, by, now, until)
        return replace(given, previous=one) if isinstance(given, Acknowledged) else given

    patch.setattr(answer, "acknowledge", acknowledge)


def an_edit_takes_back_what_somebody_wants_now(patch: pytest.MonkeyPatch) -> None:
    """Hours are edited in the second in which somebody wants a page now, and that is forgotten."""
    honest = store.look_again

    def look_again(db: Connection) -> None:
        honest(db)
        waiting = incidents.c.waits_until.is_not(None), incidents.c.state == State.OPEN
        db.execute(update(incidents).where(*waiting).values(waits_until=None, waits_for=None))

    patch.setattr(store, "look_again", look_again)


def what_is_due_counts_as_paged(patch: pytest.MonkeyPatch) -> None:
    """Somebody wants a page now that is due this second, and hours put it off all the same."""

    def is_wanted(one: Incident, now: datetime) -> bool:
        return one.state is State.OPEN and one.next_at is not None and one.next_at <= now

    patch.setattr(handover, "_is_wanted", is_wanted)


def whoever_had_it_is_not_paged_again(patch: pytest.MonkeyPatch) -> None:
    """An incident is handed to the person who had it before, and nothing is changed, although nobody pages them."""
    honest = handover.reassign

    def reassign(one: Incident, to: Target, by: str, now: datetime) -> Reassigned | Resolved | AllWell:
        outcome = honest(one, to, by, now)
        repeated = isinstance(outcome, Reassigned) and one.state is State.OPEN and one.step <= 1
        return (
            Reassigned(by, one, one, to)
            if repeated and escalation.led_by(one.policy, to) == one.policy
            else outcome
        )

    patch.setattr(handover, "reassign", reassign)


def what_somebody_wants_waits_for_work_once_they_wake(patch: pytest.MonkeyPatch) -> None:
    """Somebody wants a page now, whoever it is for sleeps, and by the time they wake the wish is forgotten."""
    patch.setattr(next_page.Wait, "kept_until", property(lambda wait: wait.until))
