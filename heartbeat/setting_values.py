"""The values of settings, read from environment variables and judged one by one."""

import re
import ssl
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from alerting import network
from alerting.network import Network

_ADDRESS = re.compile(r"[^@\s<>]+@[^@\s<>]+")
SHORTEST_KEY = 32
"""Characters of a signing or encrypting key, at least."""


class BadSetting(ValueError):
    """A setting that cannot be used. The message names it and an acceptable value, in one sentence."""


class Trimmed(Mapping[str, str]):
    """Environment variables without the spaces and line ends around their values. An empty one counts as unset."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def __getitem__(self, name: str) -> str:
        if value := self._environ.get(name, "").strip():
            return value
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._environ if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def whole(environ: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = environ.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise BadSetting(f"{name} must be a whole number from {least} to {most}, not {text!r}.")
    return int(text)


def unquoted(url: str) -> str:
    """Return an address without the quotes that some programs leave around it, such as `docker run --env-file`."""
    is_quoted = len(url) > 1 and url[0] == url[-1] and url[0] in "\"'"
    return url[1:-1].strip() if is_quoted else url


def web_url(environ: Mapping[str, str], name: str, example: str) -> str:
    """Return an address of the web in ASCII, or "" if there is none."""
    text = unquoted(environ.get(name, ""))
    if text and not _is_web_url(text):
        raise BadSetting(f"{name} must begin with http:// or https:// and name a host, such as {example}.")
    return text if text.isascii() else _in_ascii(text)


def _is_web_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return is_whole and text.isprintable() and not set(text) & set(" \"'<>\\")


def _in_ascii(url: str) -> str:
    """Return an address as a browser sends it: the host in its xn-- form, the rest in percents."""
    # Hardly any address needs this, and every command reads settings.
    import httpx

    return str(httpx.URL(url))


def require_authorities(environ: Mapping[str, str]) -> None:
    """Raise `BadSetting` if the certificates that are to be trusted cannot be read."""
    file, folder = environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR")
    try:
        if file:
            ssl.create_default_context(cafile=file)
    except OSError:
        raise BadSetting(
            f"SSL_CERT_FILE must be a PEM file of certificates; {file} cannot be read as one."
        ) from None
    if folder and not Path(folder).is_dir():
        raise BadSetting(f"SSL_CERT_DIR must be a directory of certificates; {folder} is none.")


def key(environ: Mapping[str, str], name: str, least: int) -> str:
    """Return a key without the spaces and line ends around it, which a file or a secret of Kubernetes often has."""
    key = environ.get(name, "").strip()
    if key and len(key) < least:
        raise BadSetting(f"{name} must have at least {least} characters.")
    if not key.isprintable():
        raise BadSetting(f"{name} must be one line.")
    return key


def keys(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    keys = tuple(key.strip() for key in environ.get(name, "").split(",") if key.strip())
    if any(len(key) < SHORTEST_KEY for key in keys):
        raise BadSetting(
            f"{name}: each key must have at least {SHORTEST_KEY} characters, with commas between them."
        )
    return keys


def networks(environ: Mapping[str, str], name: str) -> tuple[Network, ...]:
    try:
        return network.networks(environ.get(name, ""))
    except ValueError as error:
        raise BadSetting(f"{name}: {error}.") from None


def is_on(environ: Mapping[str, str], name: str, default: bool) -> bool:
    options = ("on", "off") if default else ("off", "on")
    return one_of(environ, name, options[0], options) == "on"


def hours(environ: Mapping[str, str], name: str, default: timedelta, most: int) -> timedelta:
    return timedelta(hours=whole(environ, name, default // timedelta(hours=1), 1, most))


def one_of(environ: Mapping[str, str], name: str, default: str, options: tuple[str, str]) -> str:
    choice = environ.get(name) or default
    if choice not in options:
        raise BadSetting(f"{name} must be {options[0]} or {options[1]}, not {choice!r}.")
    return choice


def mail_addresses(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Return the mail addresses of a variable, which commas separate."""
    addresses = tuple(part.strip() for part in environ.get(name, "").split(",") if part.strip())
    for address in addresses:
        if not _ADDRESS.fullmatch(address):
            raise BadSetting(f"{name}: {address!r} is no mail address, such as ops@example.com.")
    return addresses


def with_hosts(url: str) -> str:
    """Return an address of PostgreSQL with its hosts in the query if it names several: there each keeps its port."""
    several = re.fullmatch(r"(postgres[^:]*://(?:[^@/?]*@)?)([^@/?]*,[^@/?]*)(/[^?]*)?(?:\?(.*))?", url)
    if several is None:
        return url
    start, servers, database, query = several.groups("")
    pairs = [re.fullmatch(r"(\[.*\]|[^:]*)(?::(\d*))?", server) for server in servers.split(",")]
    if not all(pairs):
        raise BadSetting(
            "HEARTBEAT_DATABASE_URL must name its hosts as in "
            "postgresql://heartbeat@db1.example.com:5432,db2.example.com:5432/heartbeat."
        )
    hosts, ports = zip(*(pair.groups("") for pair in pairs if pair), strict=True)
    listed = f"host={','.join(host.strip('[]') for host in hosts)}&port={','.join(port or '5432' for port in ports)}"
    return f"{start}{database}?{listed}{'&' if query else ''}{query}"
