"""Tells people once of a time in which no ping could be heard, after checks that were due then had time to speak."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerting import desk
from alerting.incident import Facts, Symptom
from alerting.severity import Severity
from heartbeat import installation
from heartbeat.checks import blindness, blindness_store, cause
from heartbeat.checks.blindness import Blind, Report

AGAIN = timedelta(seconds=30)
"""The time between two looks at the checks that were not heard."""
BY = "heartbeat"
_PREFIX = "blind:"


def sweep(db: Connection, now: datetime) -> int:
    """Tell people of what is over and was not told yet. Return the number of blind times.

    Short ones that follow each other are told together.
    """
    spans = blindness_store.claim_untold(db)
    if not spans:
        return 0
    first, last = spans[0].began_at, max(span.ended_at for span in spans)
    unheard = blindness_store.unheard(db, spans, blindness.NAMED)
    until = unheard.until if unheard.unknown else last + blindness.SHORTEST
    unjudged = now < last + blindness.LONGEST + AGAIN and blindness_store.is_unjudged(db, first, last)
    if now < until or unjudged:
        blindness_store.put_off(db, spans, min(until, now + AGAIN) if now < until else now + AGAIN)
        return 0
    if blindness.is_worth_telling(spans):
        _tell(db, spans, blindness.report(spans, unheard, now), now)
    blindness_store.put_off(db, spans, None)
    blindness_store.forget_old(db, now)
    return len(spans)


def _tell(db: Connection, spans: Sequence[Blind], report: Report, now: datetime) -> None:
    policy = installation.default_policy(db)
    symptom = Symptom(
        key=f"{_PREFIX}{spans[0].began_at.isoformat()}",
        cause_key=f"{cause.BLIND}:{policy or ''}:{cause.OF_SERVICE}",
        incident_title=cause.key_title(cause.OF_SERVICE),
        title="Pings",
        cause=cause.BLIND,
        words=cause.in_words(cause.BLIND),
        severity=Severity.INFO,
        policy=policy,
        installation=installation.name(db),
        facts=Facts(since=spans[0].began_at, why=" ".join(report.lines)),
    )
    desk.report(db, symptom, "\n".join([report.title, *report.lines]), BY, now)
