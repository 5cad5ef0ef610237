"""Proofs that pages arrive: the last test page of a contact, and when a human last said that one came. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

LASTS = timedelta(days=182)
"""The time for which a proof counts: phones, apps and mail filters change."""

Marked = tuple[str, str]
"""A person's name, and the mark of one of their contacts."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The last test page of a contact: `outcome` is the word for its attempt. `proven_at` is when a human last said
    that one arrived."""

    sent_at: datetime | None = None
    outcome: str | None = None
    said: str | None = None
    proven_at: datetime | None = None

    @property
    def until(self) -> datetime | None:
        """The end of the time for which the proof counts, None if there is no proof."""
        return None if self.proven_at is None else self.proven_at + LASTS

    def holds(self, now: datetime) -> bool:
        """True if a test page arrived, not too long ago."""
        return self.until is not None and now < self.until


NO_PROOF = Proof()
