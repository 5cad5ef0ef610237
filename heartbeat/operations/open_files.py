"""The open files of the serving process: connections take most of them, and never the last ones."""

import resource
from contextlib import suppress

from heartbeat.http.connection import MAX_CONNECTIONS

RESERVE = 512
"""Files that connections leave to the database, to pages that go out and to the process itself; half of all where
that is less."""
WANTED = 16_384
"""The limit that a process sets itself where the system allows it: connections that just arrived are files too."""


def raise_limit() -> None:
    """Raise the limit of this process to what it wants, or as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(hard, WANTED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        # Some systems allow less than they say.
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def limit() -> int:
    """Return how many files this process may open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return WANTED if soft == resource.RLIM_INFINITY else soft


def connections(files: int) -> int:
    """Return how many connections a process accepts that may open this many files."""
    return min(MAX_CONNECTIONS, files - min(RESERVE, files // 2))


def shortage(files: int) -> str | None:
    """Return a sentence about the connections that this limit costs, without its full stop, or None."""
    if connections(files) == MAX_CONNECTIONS:
        return None
    return (
        f"the process may open {files:,} files, so it accepts {connections(files):,} connections instead of "
        f"{MAX_CONNECTIONS:,}: raise its limit to {WANTED:,} (LimitNOFILE, ulimit -Hn)"
    )
