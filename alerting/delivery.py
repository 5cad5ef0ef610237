"""The verdict on an attempt to deliver a page. Pure.

A page is tried until it is delivered or superseded: on one contact a few times, then on the next, round and round.
Accepted is not delivered, and delivered is not answered. So a page that a contact took moves on to a later contact of
its person: at the time that this contact has set (`after`), or once the receipt of the provider has not come in time.
Any other notice is tried on its own contact, which has the page, until that refuses it. News of the past (a recovery,
an acknowledgement) is given up after `TELL_FOR`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerting.incident import Incident, State
from alerting.notice import NoticeKind
from alerting.notifiers.contract import Accepted, Outcome, Refused, Unreachable
from alerting.person import Contact

FIRST_RETRY = timedelta(seconds=5)
LONGEST_RETRY = timedelta(minutes=5)
TRIES_A_CONTACT = 3
LONGEST_PATIENCE = timedelta(minutes=1)
"""The longest wait that a provider may ask for before the next contact is tried instead."""
LONGEST_PAUSE = timedelta(hours=1)
"""The longest wait that a provider is granted if there is no other contact."""
TELL_FOR = timedelta(hours=24)
LEASE = timedelta(seconds=30)
"""The time that one send may be under way: twice the longest time that a notifier may take."""
LONGEST_ID = 500
"""The most characters of a provider's id that is stored."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The provider accepted the page. It moves on at `onward_at`, unless somebody has answered.

    The provider reports by `receipt_by` whether it has arrived. None if there is no such time.
    """

    onward_at: datetime | None = None
    receipt_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again at `at`, on contact number `contact` (counted on and on round the person's list)."""

    at: datetime
    contact: int
    contact_attempts: int
    throttled: bool = False


@dataclass(frozen=True, slots=True)
class Expired:
    """The notice is given up: its news is long past, or its contact refuses it."""


Verdict = Delivered | Retry | Expired


@dataclass(frozen=True, slots=True)
class Tries:
    """The tries so far: in all, on the current contact, and its number. `ways` are the person's contacts."""

    kind: NoticeKind
    created_at: datetime
    attempts: int
    contact_attempts: int
    contact: int
    ways: Sequence[Contact]

    @property
    def following(self) -> tuple[int, datetime] | None:
        """The next contact that is paged too if nobody answers, by number, and its time; None after the last."""
        place = self.contact % len(self.ways)
        for further, way in enumerate(self.ways[place + 1 :], 1):
            if way.after is not None:
                return self.contact + further, self.created_at + way.after
        return None


def after_attempt(
    tries: Tries, outcome: Outcome, now: datetime, jitter: float, receipt_within: timedelta | None = None
) -> Verdict:
    """Return the verdict on one attempt. `jitter` is a random number from 0 to 1 that spreads retries.

    The provider reports within `receipt_within` whether an accepted notice has arrived; None if it never does.
    """
    if isinstance(outcome, Accepted):
        return accepted(tries, now, receipt_within)
    if tries.kind not in (NoticeKind.PAGE, NoticeKind.UPDATE) and now - tries.created_at >= TELL_FOR:
        return Expired()
    goes_round = tries.kind is NoticeKind.PAGE
    if isinstance(outcome, Refused):
        return _hand_over(tries, now, jitter) if goes_round else Expired()
    tired = tries.contact_attempts + 1 >= TRIES_A_CONTACT
    # A person with another contact does not wait until this provider is willing again.
    sent_away = outcome.retry_after is not None and outcome.retry_after > LONGEST_PATIENCE
    if goes_round and (tired or sent_away) and len(tries.ways) > 1:
        return _hand_over(tries, now, jitter)
    retry = _retry(tries, outcome, now, jitter)
    following = tries.following if goes_round else None
    if following is not None and following[1] <= retry.at:
        # The next contact has its time whatever becomes of this one.
        return Retry(max(now, following[1]), following[0], 0)
    return retry


def accepted(tries: Tries, now: datetime, receipt_within: timedelta | None) -> Delivered:
    """Return the verdict on a notice that a provider took. Only a page moves on."""
    if tries.kind is not NoticeKind.PAGE:
        return Delivered()
    receipt_by = None if receipt_within is None else now + receipt_within
    following = None if tries.following is None else max(now, tries.following[1])
    return Delivered(min((at for at in (receipt_by, following) if at is not None), default=None), receipt_by)


@dataclass(frozen=True, slots=True)
class Onward:
    """The contact that an unanswered page moves on to, by number; None if the person has no further one.

    `receipt_missing` is true if it moves on because no receipt has come, and not because of the time that passed.
    """

    contact: int | None
    receipt_missing: bool = False


def onward(tries: Tries, receipt_by: datetime | None, now: datetime) -> Onward | Delivered:
    """Return where a page that was accepted and not answered moves on to now, or the later time at which it does."""
    if receipt_by is not None and receipt_by <= now:
        is_last = tries.contact % len(tries.ways) == len(tries.ways) - 1
        return Onward(None if is_last else tries.contact + 1, receipt_missing=True)
    following = tries.following
    if following is not None and following[1] <= now:
        return Onward(following[0])
    times = [at for at in (receipt_by, following and following[1]) if at is not None]
    return Delivered(min(times, default=None), receipt_by)


def still_needed(kind: NoticeKind, occurrence: int, incident: Incident) -> bool:
    """Return whether an undelivered notice is still true. It ends by the same events as one that waits."""
    if kind is NoticeKind.RECOVERED:
        return incident.state is State.RESOLVED
    if occurrence != incident.occurrence:
        return False
    if kind is NoticeKind.ACKNOWLEDGED:
        return incident.state in (State.ACKNOWLEDGED, State.SNOOZED)
    return incident.state is State.OPEN or (
        kind is NoticeKind.UPDATE and incident.state is not State.RESOLVED
    )


def provider_id(outcome: Outcome) -> str | None:
    """Return the provider's id of an accepted notice, or None if it cannot be stored."""
    id_there = outcome.provider_id if isinstance(outcome, Accepted) else None
    return id_there if is_id(id_there) else None


def is_id(text: object) -> bool:
    """Return whether this can be stored whole as an id. A part could belong to another id as well."""
    return isinstance(text, str) and text.isprintable() and 0 < len(text) <= LONGEST_ID


def backoff(attempts: int, jitter: float) -> timedelta:
    """Return the wait that follows this number of attempts: doubling from 5 s to 5 min, less up to a quarter."""
    doubled: timedelta = min(FIRST_RETRY * 2 ** min(attempts, 10), LONGEST_RETRY)
    return doubled * (1 - jitter / 4)


def _hand_over(tries: Tries, now: datetime, jitter: float) -> Retry:
    following = tries.contact + 1
    # The next contact is tried at once. Back at the first one, the whole round has failed, so wait.
    round_failed = following % len(tries.ways) == 0
    at = now + backoff(tries.attempts, jitter) if round_failed else now
    return Retry(at, following, 0)


def _retry(tries: Tries, outcome: Unreachable, now: datetime, jitter: float) -> Retry:
    wait = backoff(tries.contact_attempts, jitter)
    if outcome.retry_after is not None:
        wait = min(max(wait, outcome.retry_after), LONGEST_PAUSE)
    return Retry(now + wait, tries.contact, tries.contact_attempts + 1, outcome.throttled)
