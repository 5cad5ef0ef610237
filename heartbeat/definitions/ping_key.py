"""Ping keys as the file names them: references to secrets, of which only the hash is kept. Pure."""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Final

from heartbeat import secret
from heartbeat.definitions.document import Node

SHORTEST_KEY: Final = 16
"""Characters of a ping key, at least: whoever guesses one can say that a job is well."""
_KEY = re.compile(r"[A-Za-z0-9._~-]+")


def hashed(reference: str, fill_in: Callable[[str], str]) -> str:
    """Return the hash of a ping key. Raises ValueError if it cannot be one."""
    if not secret.is_reference(reference):
        raise ValueError("must not stand here in clear; write it as ${HEARTBEAT_PING_KEY} or ${file:PATH}.")
    key = fill_in(reference)
    if len(key) < SHORTEST_KEY:
        raise ValueError(f"{reference} has {len(key)} characters; a ping key needs at least {SHORTEST_KEY}.")
    if not _KEY.fullmatch(key):
        raise ValueError(f"{reference} does not fit into an address; use only A-Z, a-z, 0-9, . _ ~ and -.")
    return hashlib.sha256(key.encode()).hexdigest()


def report_doubles(nodes: Mapping[str, Node], keys: Mapping[str, str]) -> None:
    """Report keys that stand under two names. `keys` are their hashes by name."""
    first: dict[str, str] = {}
    for name, hashed in keys.items():
        other = first.setdefault(hashed, name)
        if hashed and other != name:
            nodes[name].report(f"is the same key as {other}; make another one.")
