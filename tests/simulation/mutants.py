"""Known ways to lose a page, each planted in the real code. The suite must notice every one of them.

Each function here breaks one thing with pytest's monkeypatch and says in its docstring what real systems do so.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, update

from alerting import (
    answer,
    courier,
    delivery,
    escalation,
    escalator,
    grouping,
    handover,
    incident,
    leases,
    next_page,
    onward,
    outbox,
    round_robin_store,
    sending,
    store,
    symptom_store,
    tell,
)
from alerting.answer import Acknowledged, Resolved, Stale
from alerting.courier import Courier
from alerting.crew import Crew
from alerting.delivery import Expired, Tries, Verdict
from alerting.escalation import Decision, Policy
from alerting.incident import Hold, Incident, Pace
from alerting.news import News
from alerting.notice import NoticeKind
from alerting.notifiers.contract import Accepted, Outcome, Unreachable
from alerting.notifiers.transport.http import Reply
from alerting.outbox import Page
from alerting.person import OPERATOR, Person
from alerting.round_robin import Turn
from alerting.severity import Severity
from alerting.tables import pages
from alerting.working_hours import WorkingHours
from heartbeat.checks import deadline, dependency, headway, life, placing, waiting
from heartbeat.checks.check import Change, Check
from heartbeat.checks.tables import checks
from heartbeat.ticker import Ticker

Mutant = Callable[[pytest.MonkeyPatch], None]
NEVER = timedelta(days=3650)


def marked_before_sending(patch: pytest.MonkeyPatch) -> None:
    """The page is marked as delivered when it is taken, and then sent: a crash in between loses it."""
    honest = leases.lease

    def lease(db: Connection, now: datetime, *rest: Any) -> list[Page]:
        taken = honest(db, now, *rest)
        marked = update(pages).where(pages.c.id.in_([page.id for page in taken]))
        db.execute(marked.values(state="delivered", next_at=None, delivered_at=now))
        return taken

    patch.setattr(leases, "lease", lease)


def dropped_after_three_tries(patch: pytest.MonkeyPatch) -> None:
    """Three quick tries, and then it is given up."""
    honest = delivery.after_attempt

    def after_attempt(tries: Tries, outcome: Outcome, now: datetime, jitter: float) -> Verdict:
        after = honest(tries, outcome, now, jitter)
        return Expired() if tries.attempts >= 2 and not isinstance(outcome, Accepted) else after

    patch.setattr(delivery, "after_attempt", after_attempt)


def dropped_by_a_rate_limit(patch: pytest.MonkeyPatch) -> None:
    """A storm runs into the provider's rate limit, and what does not fit is dropped."""
    honest = delivery.after_attempt

    def after_attempt(tries: Tries, outcome: Outcome, now: datetime, jitter: float) -> Verdict:
        limited = isinstance(outcome, Unreachable) and outcome.throttled
        return Expired() if limited else honest(tries, outcome, now, jitter)

    patch.setattr(delivery, "after_attempt", after_attempt)


def a_server_error_counts_as_sent(patch: pytest.MonkeyPatch) -> None:
    """The request went through, so it is called delivered, whatever the answer says."""

    def failure(answer: Reply, said: str = "") -> Outcome:
        return Accepted(f"{answer.status} {said}")

    patch.setattr(Reply, "failure", failure)


def one_failure_cancels_the_others(patch: pytest.MonkeyPatch) -> None:
    """All are sent together, and the first that fails takes the rest with it."""
    honest = sending.hand_over

    async def hand_over(*given: Any) -> Outcome:
        outcome = await honest(*given)
        if isinstance(outcome, Unreachable):
            for sender in Senders.known:
                for task in sender._tasks:
                    task.cancel()
        return outcome

    patch.setattr(courier, "hand_over", hand_over)
    Senders.watch(patch)


class Senders:
    """The couriers that live, for a mutant that must reach them."""

    known: list[Courier] = []  # noqa: RUF012  # shared on purpose

    @classmethod
    def watch(cls, patch: pytest.MonkeyPatch) -> None:
        """Know of every courier that is made from now on."""
        cls.known = []
        honest = Courier.__init__

        def made(courier: Courier, *given: Any, **named: Any) -> None:
            honest(courier, *given, **named)
            cls.known.append(courier)

        patch.setattr(Courier, "__init__", made)


def the_policy_ends(patch: pytest.MonkeyPatch) -> None:
    """After its last step a policy is exhausted, and nobody is told any more."""
    honest = escalation.decide

    def decide(
        policy: Policy, step: int, now: datetime, crew: Crew, severity: Severity, turns: Sequence[Turn] = ()
    ) -> Decision:
        decision = honest(policy, step, now, crew, severity, turns)
        return decision if step + 1 < len(policy.steps) else replace(decision, next_at=now + NEVER)

    patch.setattr(escalation, "decide", decide)


def an_acknowledged_incident_swallows_what_is_worse(patch: pytest.MonkeyPatch) -> None:
    """A critical job joins a warning that somebody has acknowledged, and nobody is paged for it."""
    patch.setattr(incident, "worsened", lambda _one: False)


def what_was_told_is_a_comparison_of_times(patch: pytest.MonkeyPatch) -> None:
    """News is what was raised after the last notice, by the clocks of two stages that work at once."""

    def tell_by_time(db: Connection, incidents: list[Incident], now: datetime, pace: Pace) -> None:
        symptoms = symptom_store.symptoms_of(db, [one.id for one in incidents])
        later = {
            one.id: News(
                tuple(s.id for s in symptoms[one.id] if s.standing and s.raised_at > (one.told_at or now))
            )
            for one in incidents
        }
        tell.update(db, [(one, later[one.id]) for one in incidents if later[one.id]], now)
        store.save(db, [replace(one, told_at=now, tell_at=None) for one in incidents])

    patch.setattr(escalator, "_tell", tell_by_time)


def a_recovery_is_told_at_once(patch: pytest.MonkeyPatch) -> None:
    """Each success of a flapping job ends its incident, and the next failure opens another."""
    patch.setattr(incident, "settles_at", lambda _falls, well_since, _pace: well_since)


def what_returns_does_not_continue(patch: pytest.MonkeyPatch) -> None:
    """An incident that recovers ends, although a job has gone down again meanwhile."""
    patch.setattr(incident, "resumed", lambda one, *_given: one)


def what_recovers_never_ends(patch: pytest.MonkeyPatch) -> None:
    """A recovery waits for ever for its settling time to be over."""
    patch.setattr(store, "claim_settled", lambda *_given: [])


def nobody_is_told_who_joins(patch: pytest.MonkeyPatch) -> None:
    """Those who were paged never learn that more has broken since."""
    patch.setattr(escalator, "_tell", lambda *given: None)


def what_is_quiet_is_never_looked_at_again(patch: pytest.MonkeyPatch) -> None:
    """An acknowledgement or a snooze consumes the edge: its end raises nothing."""
    honest = store.claim_due

    def claim_due(db: Connection, now: datetime, limit: int) -> list[Incident]:
        return [one for one in honest(db, now, limit) if one.state is incident.State.OPEN]

    patch.setattr(store, "claim_due", claim_due)


def maintenance_consumes_the_edge(patch: pytest.MonkeyPatch) -> None:
    """What turned down under maintenance is down already when that ends, and nothing happens that could page."""

    def pages_at(raised_at: datetime, held_until: datetime | None, gathering: timedelta) -> datetime:
        return raised_at + (gathering if held_until is None else NEVER)

    patch.setattr(incident, "pages_at", pages_at)


def unmuting_consumes_the_edge(patch: pytest.MonkeyPatch) -> None:
    """What turned down while it was silenced is never looked at again, although the silence has ended."""
    honest = grouping.hold_end

    def hold_end(hold: Hold | None) -> datetime | None:
        end = honest(hold)
        return end + NEVER if end is not None and hold is not None and hold.why.startswith("silence") else end

    patch.setattr(grouping, "hold_end", hold_end)


def a_withdrawn_answer_leaves_no_next_action(patch: pytest.MonkeyPatch) -> None:
    """Somebody gives an incident back, and nobody is paged for it any more."""
    honest = handover._from_the_first_step

    def from_the_first_step(one: Incident, now: datetime) -> Incident:
        return replace(honest(one, now), next_at=now + NEVER)

    patch.setattr(handover, "_from_the_first_step", from_the_first_step)


def a_merge_drops_a_symptom(patch: pytest.MonkeyPatch) -> None:
    """What stood in a merged incident is cleared there, and does not go on in the other one."""

    def move(db: Connection, ids: list[int], target: int, why: str, now: datetime) -> None:
        del target
        symptom_store.clear_symptoms(db, [(number, why) for number in ids], now)

    patch.setattr(symptom_store, "move", move)


def what_was_paused_is_disarmed(patch: pytest.MonkeyPatch) -> None:
    """A resumed check waits for a ping before it expects one."""
    honest = life.resumed

    def resumed(one: Check, now: datetime, *rest: Any) -> Change:
        after = honest(one, now, *rest).check
        return Change(replace(after, wake_at=now + NEVER) if after.wake_at else after)

    patch.setattr(life, "resumed", resumed)


def what_was_never_pinged_never_alarms(patch: pytest.MonkeyPatch) -> None:
    """Only a check that has been heard once can fall silent."""
    honest = life.on_due

    def on_due(one: Check, now: datetime, *rest: Any) -> Change:
        never_heard = one.last_heard_at is None
        return Change(replace(one, wake_at=now + NEVER)) if never_heard else honest(one, now, *rest)

    patch.setattr(life, "on_due", on_due)


def a_restart_disarms(patch: pytest.MonkeyPatch) -> None:
    """Timers live in memory: what was waited for before a restart is waited for no more."""
    honest = Ticker.run

    async def run(ticker: Ticker) -> None:
        forgotten = update(checks).where(checks.c.wake_at.is_not(None))
        await ticker._database.write(
            lambda db: db.execute(forgotten.values(wake_at=ticker._clock.now() + NEVER)) and None
        )
        await honest(ticker)

    patch.setattr(Ticker, "run", run)


def runs_are_followed_only_while_all_is_well(patch: pytest.MonkeyPatch) -> None:
    """A repair that hangs is not noticed, because its check is down already."""
    patch.setattr(deadline, "follows_runs", deadline.is_watched)


def a_run_that_moves_again_makes_all_well(patch: pytest.MonkeyPatch) -> None:
    """A stuck run goes on, and nobody remembers that the run before it failed."""
    patch.setattr(life, "_standing_fault", lambda _check: None)


def children_page_by_themselves(patch: pytest.MonkeyPatch) -> None:
    """Whoever is paged for a job is paged for each job that runs after it as well."""
    patch.setattr(waiting, "consequences", lambda _db, wave, *_given: [symptom for _, symptom in wave])


def children_wait_whoever_hears_of_their_parents(patch: pytest.MonkeyPatch) -> None:
    """A job waits for another, and its people are not those who are paged for that."""
    patch.setattr(dependency, "holds", lambda *_given: True)


def a_run_that_never_reports_is_waited_for(patch: pytest.MonkeyPatch) -> None:
    """A run may go on until it is done, and has died without a word."""
    honest = headway.run_stuck_at
    patch.setattr(headway, "run_stuck_at", lambda one, run: honest(one, run) if run.progress else None)


def an_outage_erases_missed_deadlines(patch: pytest.MonkeyPatch) -> None:
    """What fell due while the service was down is taken as heard."""
    honest = life.on_due

    def on_due(one: Check, now: datetime, *rest: Any) -> Change:
        limit = deadline.of(one)
        missed = limit is not None and now - limit > timedelta(seconds=60)
        return Change(life.rearmed(one, now)) if missed else honest(one, now, *rest)

    patch.setattr(life, "on_due", on_due)


def an_old_answer_silences_the_new_occurrence(patch: pytest.MonkeyPatch) -> None:
    """The button of an old page acknowledges whatever the incident is about now."""
    honest = answer.acknowledge

    def acknowledge(
        one: Incident, occurrence: int | None, by: str, now: datetime, until: datetime
    ) -> Acknowledged | Stale | Resolved:
        del occurrence
        return honest(one, None, by, now, until)

    patch.setattr(answer, "acknowledge", acknowledge)


def pages_live_in_memory(patch: pytest.MonkeyPatch) -> None:
    """The state is committed first and the page is written afterwards: a crash in between loses it."""
    honest, dispatch, run = outbox.intend, Courier.dispatch, Ticker.run
    waiting: list[tuple[Any, ...]] = []

    def intend(db: Connection, kind: NoticeKind, to: Any, now: datetime) -> None:
        if kind is NoticeKind.PAGE:
            waiting.append((kind, list(to), now))
        else:
            honest(db, kind, to, now)

    async def write_then_dispatch(courier: Courier) -> int:
        if waiting:
            late, waiting[:] = list(waiting), []
            await courier._transact(lambda db: [honest(db, *one) for one in late] and None)
        return await dispatch(courier)

    async def begin(ticker: Ticker) -> None:
        waiting.clear()
        await run(ticker)

    patch.setattr(outbox, "intend", intend)
    patch.setattr(Courier, "dispatch", write_then_dispatch)
    patch.setattr(Ticker, "run", begin)


def silence_is_decided_but_not_raised(patch: pytest.MonkeyPatch) -> None:
    """A check turns down, and its incident is left to another transaction that never comes after a crash."""
    patch.setattr(placing, "raise_", lambda *given, **named: None)


def a_dead_contact_is_tried_for_ever(patch: pytest.MonkeyPatch) -> None:
    """The next contact is never asked, because the first may yet come back."""
    honest = delivery.after_attempt

    def after_attempt(tries: Tries, outcome: Outcome, now: datetime, jitter: float) -> Verdict:
        after = honest(tries, outcome, now, jitter)
        if not isinstance(after, delivery.Retry):
            return after
        return replace(after, contact=tries.contact, at=max(after.at, now + delivery.FIRST_RETRY))

    patch.setattr(delivery, "after_attempt", after_attempt)


def an_unanswered_page_goes_nowhere(patch: pytest.MonkeyPatch) -> None:
    """What a provider took is done, and no later contact is ever paged."""
    patch.setattr(onward, "sweep", lambda *_given: 0)


def a_lost_receipt_counts_as_delivered(patch: pytest.MonkeyPatch) -> None:
    """Accepted is taken for delivered: nobody waits for the report of a provider."""
    patch.setattr(Courier, "_receipt_within", lambda _courier, _contact: None)


def quiet_hours_hold_everything(patch: pytest.MonkeyPatch) -> None:
    """Whoever sleeps is not paged for what is critical either."""

    def quiet_until(person: Person, _severity: Severity, at: datetime) -> datetime | None:
        return person.quiet_hours.until(at, ZoneInfo("UTC")) if person.quiet_hours else None

    patch.setattr(Person, "quiet_until", quiet_until)


def the_turn_never_advances(patch: pytest.MonkeyPatch) -> None:
    """Every incident begins with the first person of a round."""
    patch.setattr(round_robin_store, "deal", lambda last, of, hands: ([of[0]] * hands, dict(last)))


def the_turn_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Whose turn it was is not written into the incident, so that its repetition takes the turn of another one."""
    patch.setattr(escalation, "taking", lambda turns, _decision: tuple(turns))


def critical_incidents_wait_for_working_hours(patch: pytest.MonkeyPatch) -> None:
    """Whatever the severity, nobody is paged outside of working hours."""
    honest = next_page.wait

    def wait(hours: Any, people: Any, severity: Severity, *rest: Any) -> Any:
        return honest(hours, people, Severity.WARNING, *rest)

    patch.setattr(next_page, "wait", wait)


def what_waits_for_working_hours_is_muted(patch: pytest.MonkeyPatch) -> None:
    """What waits for working hours is not paged once they begin."""
    honest = WorkingHours.open_at

    def open_at(hours: WorkingHours, at: datetime) -> datetime:
        opens = honest(hours, at)
        return opens if opens == at else opens + timedelta(days=1)

    patch.setattr(WorkingHours, "open_at", open_at)


def warnings_do_not_wait(patch: pytest.MonkeyPatch) -> None:
    """Working hours are written down, and nobody asks for them."""
    patch.setattr(WorkingHours, "open_at", lambda _hours, at: at)


def the_catch_all_is_not_paged(patch: pytest.MonkeyPatch) -> None:
    """Where nobody of a policy can be reached, the page goes to a terminal that nobody reads."""
    patch.setattr(escalation, "last_resort", lambda _crew, _at: [OPERATOR])


def a_later_contact_is_paged_although_somebody_answered(patch: pytest.MonkeyPatch) -> None:
    """The times of later contacts are set when the page is written, and no answer takes them back."""

    def supersede(db: Connection, incident_ids: Any, kinds: Any) -> None:
        waiting = pages.c.incident_id.in_(incident_ids), pages.c.state == "pending", pages.c.kind.in_(kinds)
        db.execute(update(pages).where(*waiting).values(state="superseded", next_at=None))

    honest = delivery.still_needed
    patch.setattr(outbox, "supersede", supersede)
    patch.setattr(
        delivery, "still_needed", lambda kind, *rest: kind is NoticeKind.PAGE or honest(kind, *rest)
    )
