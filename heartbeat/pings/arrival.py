"""A ping as it arrives in any dialect, the check that it is for, and its result. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from heartbeat.checks.check import Signal


@dataclass(frozen=True, slots=True)
class ByUuid:
    """The check with this uuid, given as 32 hex digits."""

    uuid: str


@dataclass(frozen=True, slots=True)
class BySlug:
    """The check with this slug, pinged with a ping key: `key_hash` is the SHA-256 of the key, in hex.

    With `create`, the first ping creates the check.
    """

    key_hash: str
    slug: str
    create: bool = False


@dataclass(frozen=True, slots=True)
class ByToken:
    """The check that owns this token. No check owns one yet, so such a ping is answered as unknown."""

    token: str


Target: TypeAlias = ByUuid | BySlug | ByToken
"""The check that a ping is for, as its sender names it."""


@dataclass(slots=True)
class Arrival:
    """One ping as it came over the wire.

    Nothing changes it later. It is not frozen, because every ping makes one and freezing triples the cost.
    """

    target: Target
    signal: Signal
    at: datetime
    method: str
    remote: str
    agent: str
    body: bytes | None = None
    exit_status: int | None = None
    rid: str | None = None
    measurements: Mapping[str, float] | None = None
    """Numbers that the run reports of itself, by name. None where it reports none."""
    misread: str | None = None
    """A sentence on what was not understood, such as a number. None if all was."""
    sent_at: datetime | None = None
    """The time of its run as its sender names it. None where it names none."""

    @property
    def is_measured(self) -> bool:
        """Whether it reports numbers, or tried to."""
        return self.measurements is not None or self.misread is not None

    @property
    def is_plain(self) -> bool:
        """Whether it is a success and nothing else. The plain lane leaves out all others."""
        return (
            self.signal is Signal.SUCCESS
            and self.measurements is None
            and self.misread is None
            and self.sent_at is None
        )


Resolved: TypeAlias = tuple[str, Arrival]
"""A ping with the uuid of its check, as 32 hex digits. The uuid is empty if the check does not exist."""


class PingResult(StrEnum):
    """The result of one ping. The values are those of the metric `heartbeat_pings_total`."""

    HEARD = "heard"
    CREATED = "created"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class NumberedPing:
    """A ping that has its number in its check, to be written to the ring."""

    check_id: int
    n: int
    arrival: Arrival
    duration: timedelta | None


@dataclass(frozen=True, slots=True)
class StoredPing:
    """One ping as the ring stores it."""

    n: int
    at: datetime
    signal: Signal
    exit_status: int | None
    rid: UUID | None
    duration: timedelta | None
    method: str
    remote: str
    agent: str
    body: bytes | None
    measurements: Mapping[str, float] | None = None
    misread: str | None = None
