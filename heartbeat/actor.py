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
    `remote` is the address of the connection, empty if there is none.
    """

    name: str
    role: Role
    via: str
    remote: str = ""
