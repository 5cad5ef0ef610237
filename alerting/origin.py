"""Where definitions come from, and so who may change them. Pure."""

from enum import StrEnum


class Origin(StrEnum):
    """The owner of a definition."""

    FILE = "file"
    """The operator's configuration file: whatever it declares is changed there alone."""
    API = "api"
    """Somebody, outside of the file: through the API or on the console."""
    PING = "ping"
    """The first ping of a check."""
    KEY = "key"
    """An API key that may ping, for the ping key that belongs to it."""
