"""What people define outside of the configuration file: by the API and on the console.

Each function works inside the caller's transaction, judges by the very rules of the file (`config.definition`),
and writes down who did it. What the file declares is refused.
"""

from typing import Protocol

from alerting.origin import Origin


class OwnedByFile(Exception):
    """The configuration file owns it, and only there can it be changed."""


class InUse(Exception):
    """Something else that there is names it, so that it cannot go."""


class Owned(Protocol):
    """A definition, which knows its owner."""

    @property
    def origin(self) -> Origin:
        """The owner."""


def refuse_if_declared(before: Owned | None, what: str, deed: str) -> None:
    """Raise `OwnedByFile` where the configuration file declares `what` ("person anna"); `before` is it, or None."""
    if before is not None and before.origin == Origin.FILE:
        raise OwnedByFile(f"The configuration file declares {what}: {deed} it there.")
