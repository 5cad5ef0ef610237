"""What people define outside of the configuration file: by the API and on the console.

Each function works inside the caller's transaction, judges by the very rules of the file (`config.definition`),
and writes down who did it. What the file declares is refused.
"""

from heartbeat.config.model import ORIGIN


class OwnedByFile(Exception):
    """The configuration file owns it, and only there can it be changed."""


class InUse(Exception):
    """Something else that there is names it, so that it cannot go."""


def refuse_if_declared(origin: str | None, what: str, deed: str) -> None:
    """Raise `OwnedByFile` where the configuration file declares `what` ("person anna")."""
    if origin == ORIGIN:
        raise OwnedByFile(f"The configuration file declares {what}: {deed} it there.")
