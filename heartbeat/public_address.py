"""The public address: the path in it, and whether the links in pages open where they are read. Pure."""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from alerting import network, times
from alerting.network import Destination
from alerting.person import Contact, Person

_CONSOLE = "console"
"""The notifier that prints on the terminal of the service itself."""
NAMED: Final = 3
"""People that the sentence names, at most."""
_LOCAL_NAMES: Final = (".local", ".internal", ".lan", ".home.arpa", ".localdomain")
"""Names that only a local network knows."""
_PATH: Final = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})+)*\Z")
OWN: Final = frozenset(
    [
        "account",
        "announcements",
        "answer",
        "audit",
        "calendars",
        "callbacks",
        "checks",
        "incidents",
        "join",
        "keys",
        "live",
        "livez",
        "maintenance",
        "metrics",
        "new",
        "on-call",
        "pause",
        "ping",
        "readyz",
        "resume",
        "sign-in",
        "sign-out",
        "static",
        "status",
        "status-pages",
        "unexpected-pings",
        "unusual-runs",
        "users",
        "v1",
    ]
)
"""The words that the service's own paths begin with."""
_INSIDE = (Destination.LOOPBACK, Destination.PRIVATE, Destination.LINK_LOCAL)


def home(public_url: str) -> str:
    """Return the path below which the service lives, such as /heartbeat, or "" if a host is its own."""
    return urlsplit(public_url).path


def path_fault(public_url: str) -> str | None:
    """Return what is wrong with the path of a public address, to be read after the name of the setting."""
    path = home(public_url)
    if not _PATH.match(path):
        return "may have only letters, digits, -, ., _, ~ and %XX between the slashes of its path"
    # A proxy may take the path off. Nobody could tell then whether /status still has it.
    if (word := path.split("/")[1] if path else "") in OWN:
        return f"must not have a path that begins with /{word}, as addresses of heartbeat itself do"
    return None


def fault(public_url: str, people: Iterable[Person]) -> str | None:
    """Return a sentence if links open only here, in a private network or nowhere, and somebody is paged elsewhere."""
    destination = _destination(public_url)
    if destination in (None, Destination.INTERNET):
        return None
    names = [person.name for person in people if any(map(_leads_elsewhere, person.all_contacts))]
    if not names:
        return None
    others = [f"{len(names) - NAMED:,} more"] if len(names) > NAMED else []
    are = f"{times.names([*names[:NAMED], *others])} {'is' if len(names) == 1 else 'are'}"
    where = "only in your own network" if destination in _INSIDE else "nowhere"
    if destination is Destination.LOOPBACK:
        where = "only on this machine"
    return (
        f"Links in pages begin with {public_url}, which opens {where}, and {are} paged elsewhere: set "
        "HEARTBEAT_PUBLIC_URL to an address that opens on a phone."
    )


def opens_anywhere(public_url: str) -> bool:
    """Return whether a provider on the internet can call this address, as far as no name must be looked up."""
    return _destination(public_url) in (None, Destination.INTERNET)


def _leads_elsewhere(contact: Contact) -> bool:
    if contact.kind == _CONSOLE:
        return False
    is_url = contact.address.startswith(("http://", "https://"))
    return not is_url or _destination(contact.address) not in _INSIDE


def _destination(url: str) -> Destination | None:
    """Return where a URL leads, as far as no name must be looked up."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
        if host == "localhost" or host.endswith(".localhost"):
            return Destination.LOOPBACK
        if host.endswith(_LOCAL_NAMES) or (host and not set(host) & set(".:")):
            return Destination.PRIVATE
        return network.destination_of(network.parse(host))
    except ValueError:
        return None
