"""The round of test pages: who is due for one, and who has not confirmed theirs. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from alerting import times
from alerting.crew import Crew
from alerting.escalation import Policy
from alerting.incident import Facts, Symptom
from alerting.person import Person
from alerting.proof import NO_PROOF, Marked, Proof
from alerting.severity import Severity
from heartbeat.checks import cause

FROM, UNTIL = time(10), time(16)
"""The hours of a working day in which a test page comes, in the zone of its reader."""
EARLY = timedelta(hours=4)
"""The part of a period by which a page may come early: a round is never a day late for some minutes."""
PATIENCE = timedelta(days=1)
"""The time to confirm a test page. A new person is due for the first one after as long."""
CONFIRMED = "a test page is confirmed"
"""The reason for which somebody counts as reached again."""
_PREFIX = "test page:"
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """A person who has confirmed no contact since their last test page, with its outcome at each contact."""

    person: Person
    sent_at: datetime
    outcomes: tuple[str, ...]


def key_of(person: str) -> str:
    """Return the key of the symptom of a person."""
    return f"{_PREFIX}{person}"


def paged(policies: Sequence[Policy], crew: Crew) -> list[Person]:
    """Return the people whom a policy or the catch-all may page, also by a team or a rotation. One needs a contact."""
    targets = {target for policy in policies for target in policy.targets} | set(crew.catch_all)
    return [
        person
        for person in crew.people.values()
        if person.contacts and not person.channel and not targets.isdisjoint(crew.targets_of(person.id))
    ]


def is_due(person: Person, sent_at: datetime | None, now: datetime, every: timedelta) -> bool:
    """Return whether the person is due for a test page now: in waking hours, and a period after the last one."""
    local = now.astimezone(times.zone(person.timezone))
    awake = local.weekday() < _SATURDAY and FROM <= local.time() < UNTIL
    return awake and (sent_at is None or now - sent_at >= every - EARLY)


def sent_at(person: Person, proofs: Mapping[Marked, Proof]) -> datetime | None:
    """Return when the person was last sent a test page."""
    return max((proof.sent_at for proof in _of(person, proofs) if proof.sent_at), default=None)


def unconfirmed(person: Person, proofs: Mapping[Marked, Proof], now: datetime) -> Unconfirmed | None:
    """Return the person if they have confirmed nothing since a test page that is a day old, else None."""
    last = sent_at(person, proofs)
    if last is None or now - last < PATIENCE:
        return None
    if any(proof.proven_at and proof.proven_at >= last for proof in _of(person, proofs)):
        return None
    pairs = zip(person.contacts, _of(person, proofs), strict=True)
    return Unconfirmed(person, last, tuple(_outcome(contact.kind, proof) for contact, proof in pairs))


def symptom(of: Unconfirmed, now: datetime, policy: str | None, installation: str | None) -> Symptom:
    """Return the symptom of a person who has not confirmed a test page. Its policy is the default one."""
    at = times.Clock(now, of.person.timezone).at(of.sent_at)
    return Symptom(
        key=key_of(of.person.id),
        cause_key=f"{cause.UNCONFIRMED}:{policy or ''}:{cause.OF_SERVICE}",
        incident_title=cause.key_title(cause.OF_SERVICE),
        title=f"Test page to {of.person.name}",
        cause=cause.UNCONFIRMED,
        words=cause.in_words(cause.UNCONFIRMED),
        severity=Severity.WARNING,
        policy=policy,
        installation=installation,
        facts=Facts(
            since=now,
            why=f"sent at {at} ({', '.join(of.outcomes)}), and not confirmed since",
            description="Nobody knows whether a page would reach this person.",
            runbook="ask them to press “I got it” in the test page, or correct their contacts, under On call",
        ),
    )


def _of(person: Person, proofs: Mapping[Marked, Proof]) -> list[Proof]:
    return [proofs.get((person.id, contact.mark), NO_PROOF) for contact in person.contacts]


def _outcome(kind: str, proof: Proof) -> str:
    if proof.outcome is None:
        return f"{kind}: not tried"
    answer = f" ({proof.said})" if proof.said and proof.outcome != "accepted" else ""
    return f"{kind}: {proof.outcome}{answer}"
