"""Contacts and channels whose provider cannot be reached: one page at a time probes it. Pure.

The others wait for that, or go to another contact. Without it, thousands of pages for a dead address would each be
tried again every few minutes, to no end.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import takewhile

from alerting.delivery import LEASE
from alerting.notice import NoticeKind
from alerting.notifiers.contract import Outcome, Unreachable
from alerting.person import Contact

FAILURES = 5
"""Failures in a row, of any pages, after which pages wait for a probe."""
FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(minutes=1)
"""The time between two probes, and the longest one, for which a waiting page is held at a time."""

CONTACTS = 3
"""Contacts that must fail in a row, `FAILURES` times in all, before a channel with one server counts as broken."""

Key = tuple[str, str]
"""The kind and the mark of a contact."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A contact whose last attempts failed. Once they are `FAILURES`, the next one is no sooner than `probe_at`."""

    failures: int = 0
    wait: timedelta = FIRST_WAIT / 2
    probe_at: datetime | None = None
    probing: bool = False


HEALTHY = Broken()


@dataclass(frozen=True, slots=True)
class Channel:
    """A kind of notifier whose contacts share one server: its state, and the marks of the contacts that failed."""

    broken: Broken = HEALTHY
    contacts: frozenset[str] = frozenset()

    @property
    def is_broken(self) -> bool:
        """True if it fails for everybody, as far as is known."""
        return self.broken.probe_at is not None


NOTHING_FAILS = Channel()


@dataclass(frozen=True, slots=True)
class PastSend:
    """A send of the past to a contact with this mark, and whether its provider answered."""

    contact_mark: str | None
    reached: bool
    at: datetime


def failing_since(sends: Iterable[PastSend]) -> datetime | None:
    """Return since when a channel with one server fails for everybody, None if it does not.

    Its sends are newest first. The rule is that of `channel_after`.
    """
    lost = list(takewhile(lambda send: not send.reached, sends))
    fails = len(lost) >= FAILURES and len({send.contact_mark for send in lost}) >= CONTACTS
    return lost[-1].at if fails else None


def key(contact: Contact) -> Key:
    """Return the key under which the state of a contact is kept."""
    return contact.kind, contact.mark


def after(broken: Broken, outcome: Outcome, now: datetime) -> Broken:
    """Return the state after one attempt. A refusal, or a rate limit, is an answer: somebody is there."""
    if not isinstance(outcome, Unreachable) or outcome.throttled:
        return HEALTHY
    failures = broken.failures + 1
    # Attempts that were under way when the first ones failed say nothing new.
    if failures < FAILURES or (broken.probe_at is not None and not broken.probing):
        return replace(broken, failures=failures)
    wait = min(broken.wait * 2, LONGEST_WAIT)
    return Broken(failures, wait, now + wait)


def begun(broken: Broken, now: datetime) -> Broken:
    """Return the state once a page is on its way: if it is a probe, the next one waits for its outcome."""
    return broken if broken.probe_at is None else replace(broken, probe_at=now + LEASE, probing=True)


def held(
    pages: Sequence[tuple[int, NoticeKind, Sequence[Contact], Contact]],
    broken: Mapping[Key, Broken],
    now: datetime,
) -> dict[int, datetime]:
    """Return the pages that wait, by number, and until when. Each is given with all contacts that it may go to.

    All wait but one for each contact whose time for a probe has come.
    The first to wait is the next probe. A page whose person has another contact never waits: it goes there after its
    attempts.
    """
    waiting: dict[int, datetime] = {}
    seen: set[Key] = set()
    for number, kind, ways, contact in pages:
        state = broken.get(key(contact), HEALTHY)
        goes_round = kind is NoticeKind.PAGE and len(ways) > 1
        if state.probe_at is None or goes_round:
            continue
        is_first = key(contact) not in seen
        seen.add(key(contact))
        if not is_first:
            waiting[number] = now + LONGEST_WAIT
        elif now < state.probe_at:
            waiting[number] = state.probe_at
    return waiting


def channel_after(channel: Channel, contact: Contact, outcome: Outcome, now: datetime) -> Channel:
    """Return the state of a channel after one attempt, as `after` does for a contact."""
    state = after(channel.broken, outcome, now)
    if state == HEALTHY:
        return NOTHING_FAILS
    contacts = channel.contacts if len(channel.contacts) >= CONTACTS else channel.contacts | {contact.mark}
    if len(contacts) < CONTACTS:
        # One dead phone is no dead provider, however often it fails.
        state = replace(channel.broken, failures=channel.broken.failures + 1)
    return Channel(state, contacts)


def passed_over(
    notices: Sequence[tuple[int, Sequence[Contact], int]],
    channels: Mapping[str, Channel],
    now: datetime,
) -> dict[int, int]:
    """Return the notices that go past a broken channel, by number, and the number of the contact that is next for each.

    Each is given with all contacts that it may go to, and the number of its present one. One goes as the probe of each
    channel whose time has come. Where every channel of a person is broken, nothing is gained, and the notice stays.
    """
    passed: dict[int, int] = {}
    probed: set[str] = set()
    for number, ways, present in notices:
        channel = ways[present % len(ways)].kind
        if not channels.get(channel, NOTHING_FAILS).is_broken:
            continue
        following = _working(ways, present, channels)
        if following is None:
            continue
        probe_at = channels[channel].broken.probe_at
        if probe_at is not None and probe_at <= now and channel not in probed:
            probed.add(channel)
            continue
        passed[number] = following
    return passed


def _working(ways: Sequence[Contact], present: int, channels: Mapping[str, Channel]) -> int | None:
    """Return the number of the next contact whose channel works, None if the person has none."""
    for number in range(present + 1, present + len(ways)):
        if not channels.get(ways[number % len(ways)].kind, NOTHING_FAILS).is_broken:
            return number
    return None
