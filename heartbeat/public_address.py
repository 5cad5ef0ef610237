"""Whether the links in pages open where they are read. Pure."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from alerting import network
from alerting.network import Destination
from alerting.person import Contact, Person

_CONSOLE = "console"
"""The notifier that prints on the terminal of the service itself."""
_INSIDE = (Destination.LOOPBACK, Destination.PRIVATE, Destination.LINK_LOCAL)


def fault(public_url: str, people: Iterable[Person]) -> str | None:
    """Return a sentence if links open only here or in a private network, and somebody is paged elsewhere."""
    destination = _destination(public_url)
    if destination not in _INSIDE:
        return None
    person = next((person for person in people if any(map(_leads_elsewhere, person.contacts))), None)
    if person is None:
        return None
    where = "on this machine" if destination is Destination.LOOPBACK else "in your own network"
    return (
        f"Links in pages begin with {public_url}, which opens only {where}, and {person.id} is paged elsewhere: set "
        "HEARTBEAT_PUBLIC_URL to an address that opens on a phone."
    )


def _leads_elsewhere(contact: Contact) -> bool:
    if contact.kind == _CONSOLE:
        return False
    is_url = contact.address.startswith(("http://", "https://"))
    return not is_url or _destination(contact.address) not in _INSIDE


def _destination(url: str) -> Destination | None:
    """Return where a URL leads, as far as no name must be looked up."""
    try:
        host = urlsplit(url).hostname or ""
        if host == "localhost" or host.endswith(".localhost"):
            return Destination.LOOPBACK
        return network.destination_of(network.parse(host))
    except ValueError:
        return None
