"""The path below which the service lives, such as /heartbeat, or "" where a host is its own.

No address inside has it. It is taken off each request, unless a proxy has done so already, and put before the addresses
of each response. `public_address.home` reads it from the settings.
"""

import re
from urllib.parse import unquote

from heartbeat.http.asgi import Scope

_KEY = "heartbeat.home"
# Text never looks like this: its quotation marks are escaped. rel="external" marks an address of the proxy's own.
_ADDRESSES = re.compile(rb'(?<! rel="external")( (?:href|src|action|formaction|data-live)=")/(?!/)')


class Home:
    """A home that requests enter."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._decoded = unquote(path)
        self._below = f"{self._decoded}/"

    def enter(self, scope: Scope) -> str:
        """Note the home in a request, and return its path, from which the home is taken off."""
        path: str = scope.get("path", "")
        if self._path:
            scope[_KEY] = self._path
            if path.startswith(self._below):
                path = scope["path"] = path[len(self._decoded) :]
            elif path == self._decoded:
                path = scope["path"] = "/"
        return path


def address(scope: Scope, path: str) -> str:
    """Return the address of a path of ours, as the sender of this request reaches it."""
    return f"{scope.get(_KEY, '')}{path}"


def addressed(scope: Scope, html: bytes) -> bytes:
    """Return HTML whose links, forms and files have the addresses at which the sender of this request reaches them."""
    home: str = scope.get(_KEY, "")
    return _ADDRESSES.sub(rb"\1%s/" % home.encode(), html) if home else html
