"""The owners of definitions, who alone may change them. Pure."""

from enum import StrEnum


class Origin(StrEnum):
    """The owner of a definition."""

    FILE = "file"
    """The operator's configuration file. Its definitions are changed there alone."""
    API = "api"
    """A person who uses the API or the console."""
    PING = "ping"
    """The first ping of a check."""
    KEY = "key"
    """An API key that may ping, for the ping key that belongs to it."""
