"""Actors and their roles. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """The rights of an actor, least first: look; answer incidents and pause checks; change everything."""

    VIEWER = "viewer"
    RESPONDER = "responder"
    ADMIN = "admin"

    def may(self, needed: "Role") -> bool:
        """Return True if this role includes the rights of `needed`."""
        return _RANK[self] >= _RANK[needed]


_RANK = {role: rank for rank, role in enumerate(Role)}


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who acts, by the name that timelines show.

    `via` is their proof: "session", "key NAME", "admin key", "proxy", "file", "command line".
    `remote` is the address of the connection, empty if there is none. `user` is the name with which they sign in, or
    of the user who made the key. `person` is the person whom heartbeat pages, if the actor is one.
    """

    name: str
    role: Role
    via: str
    remote: str = ""
    user: str = ""
    person: str = ""

    @property
    def account(self) -> str:
        """The name with which they sign in, or the name of a key."""
        return self.name if not self.user or self.via.startswith("key ") else self.user

    @property
    def proof(self) -> str:
        """The proof, with the account where the name is another one."""
        return self.via if self.account == self.name else f"{self.via} of {self.account}"
