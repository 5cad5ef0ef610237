"""The proxies of the environment, and the one that a request goes through. Pure.

The variables are read as curl and Go read them: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, in small letters
first.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from ipaddress import ip_network
from urllib.parse import urlsplit

from alerting.network import Network, parse

_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
"""The default port of each kind of proxy."""
_FORM = "must be the address of a proxy, such as http://proxy.example.com:3128 or socks5h://proxy.example.com:1080"


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy with its URL. `where` is its host and port, for people: the URL may hold a password."""

    url: str = field(repr=False)
    where: str

    @property
    def is_socks(self) -> bool:
        return self.url.startswith("socks")


@dataclass(frozen=True, slots=True)
class _Exception:
    """An entry of NO_PROXY: a network, or the end of a name (every name if it is empty), and maybe one port."""

    place: Network | str
    port: int | None = None

    def covers(self, host: str, port: int) -> bool:
        if self.port not in (None, port):
            return False
        if isinstance(self.place, str):
            return not self.place or f".{host}".endswith(f".{self.place}")
        with suppress(ValueError):
            address = parse(host)
            return address.version == self.place.version and address in self.place
        return False


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxy of each scheme, and the places that are reached without one."""

    by_scheme: Mapping[str, Proxy] = field(default_factory=dict)
    exceptions: tuple[_Exception, ...] = ()

    def of(self, scheme: str, host: str, port: int) -> Proxy | None:
        """Return the proxy for this place, None if it is reached directly. The host has no brackets."""
        proxy, name = self.by_scheme.get(scheme), host.lower().rstrip(".")
        if proxy is None or any(exception.covers(name, port) for exception in self.exceptions):
            return None
        return proxy


def read(environ: Mapping[str, str]) -> Proxies:
    """Return the proxies of these variables. Raises ValueError with a sentence that names the wrong one."""
    by_scheme = {
        scheme: proxy
        for scheme in ("http", "https")
        if (proxy := _proxy(environ, f"{scheme}_proxy") or _proxy(environ, "all_proxy"))
    }
    _, text = _variable(environ, "no_proxy")
    return Proxies(by_scheme, tuple(map(_exception, text.replace(",", " ").split())) if by_scheme else ())


def _variable(environ: Mapping[str, str], name: str) -> tuple[str, str]:
    """Return a variable and its text, empty if it is unset."""
    for spelling in (name, name.upper()):
        if text := environ.get(spelling, "").strip():
            return spelling, text
    return name.upper(), ""


def _proxy(environ: Mapping[str, str], name: str) -> Proxy | None:
    variable, text = _variable(environ, name)
    if not text:
        return None
    # By convention, a proxy without a scheme speaks HTTP.
    url = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(url)
        default, host, port = _PORTS[parts.scheme], parts.hostname, parts.port
    except (ValueError, KeyError):
        raise ValueError(f"{variable} {_FORM}") from None
    if not host or parts.path not in ("", "/") or parts.query or not url.isprintable() or " " in url:
        raise ValueError(f"{variable} {_FORM}")
    if parts.scheme.startswith("socks") and find_spec("socksio") is None:
        raise ValueError(
            f"{variable} names a SOCKS proxy, which needs the extra socks: install heartbeat[socks]"
        )
    where = f"{f'[{host}]' if ':' in host else host}:{port or default}"
    login = parts.netloc.rpartition("@")[0]
    return Proxy(f"{parts.scheme}://{login}{'@' if login else ''}{where}", where)


def _exception(entry: str) -> _Exception:
    """Return an entry: `*`, a network, an address or the end of a name, the last two maybe with a port."""
    with suppress(ValueError):
        return _Exception(ip_network(entry.strip("[]"), strict=False))
    host, _, port = entry.rpartition(":")
    if not port.isdecimal():
        host, port = entry, ""
    with suppress(ValueError):
        return _Exception(ip_network(host.strip("[]")), int(port) if port else None)
    return _Exception(host.lower().removeprefix("*").strip("."), int(port) if port else None)
