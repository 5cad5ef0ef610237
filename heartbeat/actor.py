"""Who acts, and what they may do. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What somebody may do, least first: look; answer incidents and pause; change everything."""

    VIEWER = "viewer"
    RESPONDER = "responder"
    ADMIN = "admin"

    def may(self, needed: "Role") -> bool:
        """Whether this role covers what `needed` may do."""
        return _RANK[self] >= _RANK[needed]


_RANK = {role: rank for rank, role in enumerate(Role)}


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who acts: what they are called in timelines, and whence they come.

    `via` is how they proved it: "session", "key NAME", "admin key", "proxy", "file", "command line".
    `remote` is the address of the connection; empty where there is none.
    """

    name: str
    role: Role
    via: str
    remote: str = ""
