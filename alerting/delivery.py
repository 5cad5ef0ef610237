"""What happens to a page after an attempt to deliver it. Pure.

A page is tried until it is delivered or superseded: on one contact a few times, then on the next, round and
round. Only what tells people of the past (a recovery, an acknowledgement) gives up, after `TELL_FOR`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from alerting.incident import Incident, State
from alerting.notice import Kind
from alerting.notifiers.contract import Accepted, Outcome, Refused, Unreachable

FIRST_RETRY = timedelta(seconds=5)
LONGEST_RETRY = timedelta(minutes=5)
TRIES_A_CONTACT = 3
LONGEST_PATIENCE = timedelta(minutes=1)
"""How long a provider may ask us to stay away before the next contact is tried instead."""
LONGEST_PAUSE = timedelta(hours=1)
"""The longest pause that a provider is granted where there is no other contact."""
TELL_FOR = timedelta(hours=24)
LEASE = timedelta(seconds=30)
"""How long one send may be under way: twice the longest time that a notifier may take."""
LONGEST_ID = 500
"""Characters of a provider's id that are kept."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The provider took it; nothing more is to be done."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again at `at`, on contact number `contact` (counted on and on round the person's list)."""

    at: datetime
    contact: int
    contact_attempts: int
    throttled: bool = False


@dataclass(frozen=True, slots=True)
class Expired:
    """Given up: it told of something long past."""


Verdict = Delivered | Retry | Expired


@dataclass(frozen=True, slots=True)
class Tries:
    """What has been tried so far: how often in all, how often on the current contact, and which that is."""

    kind: Kind
    created_at: datetime
    attempts: int
    contact_attempts: int
    contact: int
    contacts: int


def after_attempt(tries: Tries, outcome: Outcome, now: datetime, jitter: float) -> Verdict:
    """What follows from one attempt's outcome. `jitter` is a random number from 0 to 1 that spreads retries."""
    if isinstance(outcome, Accepted):
        return Delivered()
    if tries.kind not in (Kind.PAGE, Kind.UPDATE) and now - tries.created_at >= TELL_FOR:
        return Expired()
    if isinstance(outcome, Refused):
        return _hand_over(tries, now, jitter)
    tired = tries.contact_attempts + 1 >= TRIES_A_CONTACT
    # Somebody who has another contact is not left waiting until a provider likes us again.
    sent_away = outcome.retry_after is not None and outcome.retry_after > LONGEST_PATIENCE
    if (tired or sent_away) and tries.contacts > 1:
        return _hand_over(tries, now, jitter)
    return _again(tries, outcome, now, jitter)


def still_needed(kind: Kind, occurrence: int, incident: Incident) -> bool:
    """Return whether a notice that was not delivered still says what is so: what supersedes a waiting one ends it."""
    if kind is Kind.RECOVERED:
        return incident.state is State.RESOLVED
    if occurrence != incident.occurrence:
        return False
    if kind is Kind.ACKNOWLEDGED:
        return incident.state in (State.ACKNOWLEDGED, State.SNOOZED)
    return incident.state is State.OPEN or (kind is Kind.UPDATE and incident.state is not State.RESOLVED)


def provider_id(outcome: Outcome) -> str | None:
    """The provider's id of an accepted notice, where it can be kept."""
    named = outcome.provider_id if isinstance(outcome, Accepted) else None
    return named if is_id(named) else None


def is_id(text: object) -> bool:
    """Return whether this can be kept whole as an id: a part of it could be the part of another one as well."""
    return isinstance(text, str) and text.isprintable() and 0 < len(text) <= LONGEST_ID


def backoff(attempts: int, jitter: float) -> timedelta:
    """How long to wait after the given number of attempts: doubling from 5 s to 5 min, less up to a quarter."""
    doubled: timedelta = min(FIRST_RETRY * 2 ** min(attempts, 10), LONGEST_RETRY)
    return doubled * (1 - jitter / 4)


def _hand_over(tries: Tries, now: datetime, jitter: float) -> Retry:
    following = tries.contact + 1
    # The first time round the next contact is tried at once; after that the round has failed, so wait.
    fresh = following % max(tries.contacts, 1) != 0
    at = now if fresh else now + backoff(tries.attempts, jitter)
    return Retry(at, following, 0)


def _again(tries: Tries, outcome: Unreachable, now: datetime, jitter: float) -> Retry:
    wait = backoff(tries.contact_attempts, jitter)
    if outcome.retry_after is not None:
        wait = min(max(wait, outcome.retry_after), LONGEST_PAUSE)
    return Retry(now + wait, tries.contact, tries.contact_attempts + 1, outcome.throttled)
