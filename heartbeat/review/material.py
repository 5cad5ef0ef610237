"""Reads what the draft of a post-mortem is made of. It only reads, a bounded number of checks."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from alerting import desk
from alerting.desk import Dossier
from alerting.person import OPERATOR
from heartbeat.checks import history, schedule, surroundings, symptoms
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check
from heartbeat.measurements import store as measurements
from heartbeat.measurements.history import Day, day_of, hours
from heartbeat.pings import store as pings
from heartbeat.review import postmortem, text_plot, timeline
from heartbeat.review.postmortem import Material
from heartbeat.status import store as status_store

CHANGES = 500
"""Changes of the state of one check that are read, the newest up to the end of its plot."""
ANNOUNCEMENTS = 20
_HALF = timedelta(minutes=30)


def draft(db: Connection, number: int, now: datetime, home: str) -> str | None:
    """Return the draft of an incident's post-mortem; None if there is no such incident."""
    dossier = desk.dossier(db, number)
    return None if dossier is None else postmortem.draft(read(db, dossier, now), home)


def read(db: Connection, dossier: Dossier, now: datetime) -> Material:
    """Return all that the draft of a post-mortem says."""
    incident = dossier.incident
    (titled,) = surroundings.titled(db, [incident], now)
    listed = [symptom.key for symptom in timeline.jobs(dossier.symptoms)[: postmortem.LONGEST]]
    numbers = symptoms.check_ids(listed)
    checks = {check.id: check for check in check_store.load_ids(db, numbers.values())}
    of_keys = {key: checks[check_id] for key, check_id in numbers.items() if check_id in checks}
    drawn = {key: of_keys[key] for key in postmortem.plotted(dossier.symptoms) if key in of_keys}
    plots = _plots(db, dossier, list(drawn.values()), now)
    ended = incident.ended_at or now
    return Material(
        dossier,
        titled.title,
        {OPERATOR.id: OPERATOR.name} | {name: person.name for name, person in desk.people(db).items()},
        {key: check.slug for key, check in of_keys.items()},
        {key: plots[check.id] for key, check in drawn.items()},
        status_store.told_during(db, incident.id, incident.opened_at, ended, ANNOUNCEMENTS),
    )


def _plots(db: Connection, dossier: Dossier, checks: Sequence[Check], now: datetime) -> dict[int, list[str]]:
    """Return the plot of each of these checks, by its number."""
    start, end = _extent(dossier, now)
    spans = {check.id: text_plot.span_of(start, end, _period(check, start), now) for check in checks}
    runs = pings.finished_runs(db, list(spans), pings.KEEP)
    since = min((span.start for span in spans.values()), default=now)
    days = measurements.of_checks(db, list(spans), day_of(since), day_of(now))
    return {
        number: list(
            text_plot.rows(
                span,
                history.of_check(db, number, CHANGES, until=span.end),
                runs[number],
                {name: _by_hour(of_name) for name, of_name in days[number].items()},
            )
        )
        for number, span in spans.items()
    }


def _extent(dossier: Dossier, now: datetime) -> tuple[datetime, datetime]:
    """Return the time from the first due time that was missed to the end."""
    due = [symptom.facts.expected_at for symptom in dossier.symptoms if symptom.facts.expected_at]
    incident = dossier.incident
    return min([incident.opened_at, *due]), incident.ended_at or now


def _period(check: Check, at: datetime) -> timedelta | None:
    """Return the time between two runs of a check. None if its schedule has ended."""
    due = schedule.upcoming(check.schedule, at, 2)
    return due[1] - due[0] if len(due) > 1 else None


def _by_hour(days: Mapping[date, Day]) -> list[tuple[datetime, float]]:
    return [(at + _HALF, spread.middle) for at, spread in hours(days)]
