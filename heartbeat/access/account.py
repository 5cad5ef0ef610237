"""Users: their names, roles and passwords, and the rule that one admin remains. Pure."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from heartbeat.access import common_password
from heartbeat.actor import Role

LONGEST_NAME = 100
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 200
RESERVED = frozenset({"admin"})
"""Names that no new user may have: the holder of the admin key acts under this one."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,99}")


class Unfit(ValueError):
    """A name, a password or a role is refused. The message names the field and says what it must be."""


class LastAdmin(Exception):
    """The change would leave no admin who can sign in."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who can sign in. `subject` is their identifier at the identity provider."""

    id: int
    name: str
    role: Role
    made_at: datetime
    made_by: str
    password_hash: str | None = field(default=None, repr=False)
    subject: str | None = None
    code_secret: str | None = field(default=None, repr=False)
    code_step: int = 0
    wrong_codes: int = 0
    """Wrong codes of the second factor in a row."""
    last_in_at: datetime | None = None
    disabled_at: datetime | None = None

    @property
    def enabled(self) -> bool:
        return self.disabled_at is None

    @property
    def about_code(self) -> str:
        """The context that the sealed secret of the second factor is bound to: see `vault`."""
        return f"user {self.id} second factor"

    @property
    def state(self) -> str:
        """Return active, disabled, or invited (no password yet and no identity at a provider)."""
        if not self.enabled:
            return "disabled"
        return "active" if self.password_hash or self.subject else "invited"


def name(text: str) -> str:
    """Return a user name in the form that is stored. Raises `Unfit`."""
    tidy = text.strip().lower()
    if not _NAME.fullmatch(tidy):
        raise Unfit(
            f"name: must be 1 to {LONGEST_NAME} of a-z, 0-9 and . _ @ + -, and start with a letter or a digit."
        )
    return tidy


def new_name(text: str) -> str:
    """Return the name of a new user in the form that is stored. Raises `Unfit`."""
    tidy = name(text)
    if tidy in RESERVED:
        raise Unfit(f"name: {tidy} is the name of the admin key. Choose another one.")
    return tidy


def role(text: str) -> Role:
    """Return the role of this name. Raises `Unfit`."""
    try:
        return Role(text)
    except ValueError:
        raise Unfit(f"role: must be one of {', '.join(Role)}.") from None


def password(text: str, user: str) -> str:
    """Return a new password in the form that is hashed. Raises `Unfit`.

    Any kind of character will do, but passwords that people commonly choose are refused (NIST SP 800-63B, 5.1.1.2).
    """
    tidy = normal(text)
    if not SHORTEST_PASSWORD <= len(tidy) <= LONGEST_PASSWORD:
        raise Unfit(f"password: must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters.")
    if not tidy.casefold().replace(user.casefold(), "").strip():
        raise Unfit("password: must not be the user's own name or a repetition of it.")
    if common_password.is_common(tidy, user):
        raise Unfit(
            "password: must not consist of common words and sequences. Choose one that is harder to guess."
        )
    return tidy


def normal(password_: str) -> str:
    """Return the password in one form, however the keyboard composed its characters (NFKC, UAX 15)."""
    return unicodedata.normalize("NFKC", password_)


def refuse_to_lose_admins(user: User, changed: User, users: Iterable[User]) -> None:
    """Raise `LastAdmin` if changing `user` to `changed` would leave no admin who can sign in."""
    others = any(other.id != user.id and _is_active_admin(other) for other in users)
    if _is_active_admin(user) and not _is_active_admin(changed) and not others:
        raise LastAdmin(f"{user.name} is the last admin: make somebody else an admin first.")


def _is_active_admin(user: User) -> bool:
    # An invited admin cannot sign in yet, so cannot be the only one.
    return user.role is Role.ADMIN and user.state == "active"
