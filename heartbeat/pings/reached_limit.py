"""Limits of the service that senders of pings can reach: what is reached, and how people are told. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from alerting import times
from alerting.incident import Facts, Symptom
from alerting.severity import Severity
from heartbeat.checks import cause
from heartbeat.pings.creation import CreationLimit, in_this_hour
from heartbeat.pings.usage import BODIES, CREATED, REMOVED, Used, is_of_key

ROOM_AGAIN = "there is room again"
"""The reason for which a limit is no longer reached."""
ROOM_AFTER = timedelta(days=1)
"""The time after the last removal of bodies for which their limit counts as reached."""
_NEW_FOR = timedelta(minutes=5)
_PREFIX = "limit:"
_REFUSED = "Pings for new names are refused (422). Known checks are heard as ever."


class Limit(StrEnum):
    """The limits. The value is a part of keys, and the label of a metric."""

    CHECKS = "checks"
    HOUR = "checks_an_hour"
    BODIES = "bodies"


@dataclass(frozen=True, slots=True)
class Reached:
    """A limit that is reached. `why` says by how much and by whom, the rest what happens and what to do."""

    limit: Limit
    title: str
    why: str
    effect: str
    advice: str
    is_new: bool = True
    """False if it only lasts: an incident of it that somebody has resolved does not open again."""

    @property
    def key(self) -> str:
        """The key of its symptom."""
        return key_of(self.limit)


def key_of(limit: Limit) -> str:
    """Return the key of the symptom of a limit."""
    return f"{_PREFIX}{limit}"


def is_limit(key: str) -> bool:
    """Return whether a symptom's key is that of a limit."""
    return key.startswith(_PREFIX)


def reached(used: Mapping[str, Used], limit: CreationLimit, megabytes: int, now: datetime) -> list[Reached]:
    """Return the limits that are reached: those of checks, and that of kept bodies in megabytes.

    A limit of no checks is a wish, and no trouble.
    """
    reached_limits = []
    whole = used.get(CREATED)
    if whole is not None and 0 < limit.in_all <= whole.count:
        reached_limits.append(_checks(whole, limit))
    full = [part for part in _of_keys(used, now) if limit.in_all and part.count >= limit.an_hour]
    if full:
        reached_limits.append(_hour(full, limit))
    removed = used.get(REMOVED)
    if removed is not None and timedelta() <= now - removed.since < ROOM_AFTER:
        reached_limits.append(_bodies(removed, used.get(BODIES), megabytes, now))
    return reached_limits


def symptom(of: Reached, since: datetime, policy: str | None, installation: str | None) -> Symptom:
    """Return the symptom of a limit that is reached since then. Each limit is an incident of its own."""
    return Symptom(
        key=of.key,
        cause_key=f"{of.limit} limit:{policy or ''}:{cause.OF_SERVICE}",
        incident_title=cause.key_title(cause.OF_SERVICE),
        title=of.title,
        cause=cause.LIMIT,
        words=cause.in_words(cause.LIMIT),
        severity=Severity.WARNING,
        policy=policy,
        installation=installation,
        facts=Facts(since=since, why=of.why, description=of.effect, runbook=of.advice),
    )


def _of_keys(used: Mapping[str, Used], now: datetime) -> list[Used]:
    return [in_this_hour(part, now) for subject, part in sorted(used.items()) if is_of_key(subject)]


def _checks(used: Used, limit: CreationLimit) -> Reached:
    last = f", the last with the {_key(used.key)}" if used.key else ""
    return Reached(
        Limit.CHECKS,
        "Checks created by pings",
        f"{used.count:,} of {limit.in_all:,}{last}",
        _REFUSED,
        "delete checks that nobody needs, define the others, or raise HEARTBEAT_PING_CHECKS_LIMIT",
    )


def _hour(full: Iterable[Used], limit: CreationLimit) -> Reached:
    keys = times.names([_key(used.key) for used in full])
    return Reached(
        Limit.HOUR,
        "Checks created in an hour",
        f"{limit.an_hour:,} with the {keys}",
        f"{_REFUSED} Each key can create checks again an hour after its first one.",
        "look for names that change with each run, and delete these checks; or raise "
        "HEARTBEAT_PING_CHECKS_LIMIT, of which a key may create a tenth in an hour",
    )


def _bodies(removed: Used, bodies: Used | None, megabytes: int, now: datetime) -> Reached:
    most = f"; most of it is of check {removed.key}" if removed.key else ""
    key = f", and came lately with the {_key(bodies.key)}" if most and bodies and bodies.key else ""
    return Reached(
        Limit.BODIES,
        "Kept output of jobs",
        f"{megabytes:,} MB, the oldest was removed{most}{key}",
        "Older pings have lost their output. Everything else is kept.",
        "let jobs send less output, or raise HEARTBEAT_KEEP_BODIES",
        is_new=now - removed.since < _NEW_FOR,
    )


def _key(name: str) -> str:
    """Return a key in words. The ping key of an API key has a prefix in its name."""
    kind, _, rest = name.rpartition(":")
    return f"{'API key' if kind else 'ping key'} {rest}"
