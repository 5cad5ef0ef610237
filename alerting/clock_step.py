"""A step of the clock: where the times that were written before it lie afterwards. Pure.

Time that has passed has passed, whatever the clock shows. So what is remembered, and what is waited for, moves with the
clock. Where a time may have been written by either clock, it becomes the later one: nothing is called late too early.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

Time = TypeVar("Time", datetime, datetime | None)
NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Step:
    """The clock was set. It shows `after`, and would show `before` if nobody had set it.

    What is written since the step lies between `began` and `after`. Times from `known_since` on were written by the
    clock as it was. Earlier ones may be right: nobody watched the clock then.
    """

    before: datetime
    after: datetime
    began: datetime
    known_since: datetime = NEVER

    @property
    def length(self) -> timedelta:
        """The length of the step, negative if the clock was set back."""
        return self.after - self.before

    @property
    def back(self) -> bool:
        """True if the clock was set back."""
        return self.after < self.before

    def as_of(self, now: datetime) -> "Step":
        """Return the step as it looks at a later time."""
        return replace(self, before=now - self.length, after=now)

    def fact(self, at: Time, ahead: timedelta = timedelta()) -> Time:
        """Return where something that has happened lies now: never further in the future than `ahead`."""
        if at is None:
            return at
        moved = at + self.length if self._was_before(at) else at
        return min(moved, self.after + ahead)

    def wait(self, due: Time, written_at: datetime) -> Time:
        """Return the end of a wait that the service began by itself: its rest stays as long as it was.

        It was written at `written_at` or before. In doubt it ends early, never late.
        """
        if due is None or not (self.back or written_at <= self.before):
            return due
        return due + self.length

    def attempt(self, due: datetime) -> datetime:
        """Return the time of an attempt that may come early: its rest is as long as it was, or shorter."""
        return due + self.length if self.back and due > self.after else due

    def quiet(self, until: datetime, asked_at: datetime) -> datetime:
        """Return the end of a quiet that a person asked for at `asked_at`: its rest stays as long as it was."""
        return until + self.length if self._was_before(asked_at) else until

    def _was_before(self, at: datetime) -> bool:
        """Return True if a time was written by the clock as it was."""
        if not self.back:
            return at <= self.before
        if at > self.after:
            return True
        return self.known_since <= at < self.began
