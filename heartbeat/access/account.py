"""Users: what they may be called, what a password must be, and what may not be done to whom. Pure."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from heartbeat.who import Role

LONGEST_NAME = 100
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 200

_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,99}")


class Unfit(ValueError):
    """A name, a password or a role cannot be taken: one sentence that names the field and what would be right."""


class LastAdmin(Exception):
    """Without this user nobody could change anything any more."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who can sign in. `subject` is what an identity provider calls them."""

    id: int
    name: str
    role: Role
    made_at: datetime
    made_by: str
    password_hash: str | None = field(default=None, repr=False)
    subject: str | None = None
    code_secret: str | None = field(default=None, repr=False)
    code_step: int = 0
    last_in_at: datetime | None = None
    disabled_at: datetime | None = None

    @property
    def enabled(self) -> bool:
        """Whether they may come in at all."""
        return self.disabled_at is None

    @property
    def about_code(self) -> str:
        """What the sealed secret of the second factor is bound to: see `vault`."""
        return f"user {self.id} second factor"

    @property
    def state(self) -> str:
        """In a word: active, invited (has no password yet, nor an identity elsewhere), or disabled."""
        if not self.enabled:
            return "disabled"
        return "active" if self.password_hash or self.subject else "invited"


def name(given: str) -> str:
    """What a user is called, as it is kept. Raises `Unfit`."""
    tidy = given.strip().lower()
    if not _NAME.fullmatch(tidy):
        raise Unfit(
            f"name: must be 1 to {LONGEST_NAME} of a-z, 0-9 and . _ @ + -, and begin with a letter or a digit."
        )
    return tidy


def role(given: str) -> Role:
    """A role by its name. Raises `Unfit`."""
    try:
        return Role(given)
    except ValueError:
        raise Unfit(f"role: must be one of {', '.join(Role)}.") from None


def password(given: str, user: str) -> str:
    """A new password, as it is hashed. Raises `Unfit`.

    Length is what counts (NIST SP 800-63B, 5.1.1.2), so nothing is asked about kinds of characters.
    """
    tidy = normal(given)
    if not SHORTEST_PASSWORD <= len(tidy) <= LONGEST_PASSWORD:
        raise Unfit(f"password: must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters.")
    if not tidy.casefold().replace(user.casefold(), "").strip():
        raise Unfit("password: must not be the user's own name, nor repeat it.")
    return tidy


def normal(given: str) -> str:
    """The same password however a keyboard has put its characters together (NFKC, UAX 15)."""
    return unicodedata.normalize("NFKC", given)


def refuse_to_lose_admins(before: User, after: User, every: Iterable[User]) -> None:
    """Raise `LastAdmin` where a change would leave no admin who may come in."""
    others = any(one.id != before.id and _rules(one) for one in every)
    if _rules(before) and not _rules(after) and not others:
        raise LastAdmin(f"{before.name} is the last admin: make somebody else an admin first.")


def _rules(one: User) -> bool:
    """Whoever is only invited cannot come in yet, and so cannot be the one who is left."""
    return one.role is Role.ADMIN and one.state == "active"
