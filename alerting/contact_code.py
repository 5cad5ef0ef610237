"""Codes that prove contacts from which no answer comes back: what arrived there is typed here. Pure.

A code is of six digits, so it is short-lived, is used once, and stands few wrong tries. Nobody is sent many of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

DIGITS = 6
LASTS = timedelta(minutes=10)
"""The time for which a code can be typed."""
TRIES = 5
"""Wrong tries after which a code is of no more use."""
PAUSE = timedelta(seconds=30)
"""The time between two codes to one contact, at least: a button is easily pressed twice."""
WINDOW = timedelta(hours=1)
A_CONTACT, A_PERSON = 5, 10
"""Codes to one contact, and to all contacts of a person, in a `WINDOW` at most."""


@dataclass(frozen=True, slots=True)
class Code:
    """A code that was sent to the contact `mark` of a person. `outcome` is the word for its attempt, None before that.

    `receipt` is the provider's later report on it, `delivered` or `undelivered`. `used` is true once it has been typed.
    """

    id: int
    person: str
    mark: str
    hashed: str
    sent_at: datetime
    wrong: int = 0
    used: bool = False
    outcome: str | None = None
    said: str | None = None
    receipt: str | None = None
    receipt_said: str | None = None

    @property
    def until(self) -> datetime:
        """The end of the time for which it can be typed."""
        return self.sent_at + LASTS

    def is_open(self, now: datetime) -> bool:
        """Return whether it can be typed now."""
        return not self.used and self.wrong < TRIES and now < self.until


@dataclass(frozen=True, slots=True)
class Right:
    """The code is right: its contact is proven."""

    code: Code


@dataclass(frozen=True, slots=True)
class Mistyped:
    """The code is wrong. So many tries are left."""

    code: Code
    left: int


@dataclass(frozen=True, slots=True)
class NoCode:
    """There is no code to type: none was sent, or the last one was used, has expired, or was mistyped too often."""


Verdict = Right | Mistyped | NoCode


def judge(code: Code | None, is_right: bool, now: datetime) -> Verdict:
    """Return the verdict on what was typed for the last code of a contact."""
    if code is None or not code.is_open(now):
        return NoCode()
    return Right(code) if is_right else Mistyped(code, TRIES - code.wrong - 1)


def next_at(codes: Sequence[Code], mark: str, now: datetime) -> datetime:
    """Return the earliest time for another code to a contact: `now`, or later if the person was sent many.

    `codes` are all those of the person in the last `WINDOW`, oldest first.
    """
    to_contact = [code.sent_at for code in codes if code.mark == mark]
    earliest = [now, *(at + PAUSE for at in to_contact[-1:])]
    for times, most in ((to_contact, A_CONTACT), ([code.sent_at for code in codes], A_PERSON)):
        if len(times) >= most:
            earliest.append(times[-most] + WINDOW)
    return max(earliest)
