"""What people define outside of the configuration file: by the API and on the console.

Each function works inside the caller's transaction, judges by the very rules of the file (`config.definition`),
and writes down who did it. What the file declares is refused.
"""

ORIGIN = "api"
"""The origin of what is defined here, whichever face it came through."""


class OwnedByFile(Exception):
    """The configuration file owns it, and only there can it be changed."""


class InUse(Exception):
    """Something else that there is names it, so that it cannot go."""
