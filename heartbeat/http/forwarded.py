"""The client's address and scheme as proxies report them, in X-Forwarded-For and X-Forwarded-Proto. Pure."""

from collections.abc import Sequence
from ipaddress import ip_address

from alerting.network import Address, Network

FOR, PROTO = b"x-forwarded-for", b"x-forwarded-proto"
Header = tuple[bytes, bytes]


def address_of(text: str) -> Address | None:
    """Return an address, as IPv4 where a socket shows it mapped into IPv6. Return None if the text is none.

    Some proxies append the port.
    """
    plain = text[1:].partition("]")[0] if text.startswith("[") else text
    try:
        parsed = ip_address(plain.partition(":")[0] if plain.count(":") == 1 else plain)
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed


def peer_of(client: tuple[str, int] | None) -> str:
    """Return the address at the other end of a connection, empty if it has none."""
    peer = client[0] if client else ""
    # A socket for both versions writes an IPv4 client as one of IPv6.
    return peer.removeprefix("::ffff:") if "." in peer else peer


def is_from(peer: str, proxies: Sequence[Network]) -> bool:
    """Return True if a connection from this address is one of these proxies."""
    address = address_of(peer)
    return address is not None and any(address in network for network in proxies)


def client(headers: Sequence[Header], proxies: Sequence[Network]) -> str | None:
    """Return the address of the client: the last one that no trusted proxy has. A repeated header counts as one list.

    Return None if there is none, or if something that is no address stands before it: whoever wrote that could have
    written the rest.
    """
    address_ = None
    for text in reversed(_values(headers, FOR)):
        address = address_of(text)
        if address is None:
            return None
        address_ = str(address)
        if not is_from(address_, proxies):
            return address_
    return address_


def scheme(headers: Sequence[Header]) -> str | None:
    """Return http or https as the proxy reports it, None if it reports neither, or not once."""
    values = _values(headers, PROTO)
    return values[0] if len(values) == 1 and values[0] in ("http", "https") else None


def _values(headers: Sequence[Header], name: bytes) -> list[str]:
    lines = (value.decode("latin-1") for key, value in headers if key == name)
    return [part.strip() for line in lines for part in line.split(",")]
