"""The SMTP server that takes our mail, and how it is spoken to (RFC 5321, 3207, 8314)."""

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self
from urllib.parse import urlsplit

from aiosmtplib import SMTP as Client

_RIGHT = "smtp must be smtp://HOST[:PORT][?starttls=never] or smtps://HOST[:PORT]"


class Tls(StrEnum):
    """How the connection is encrypted. `STARTTLS` is required: a server without it gets no mail."""

    IMPLICIT = "implicit"
    STARTTLS = "starttls"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Relay:
    """Where mail is handed over, and the login for it, if any. `context` holds who is trusted."""

    host: str
    port: int
    tls: Tls
    context: ssl.SSLContext
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def configured(cls, settings: Mapping[str, str]) -> Self:
        """From `smtp`, `username`, `password` and `ca_file`. Raises ValueError with what would be right."""
        host, port, tls = _server(settings.get("smtp", ""))
        username, password = settings.get("username"), settings.get("password")
        if (username is None) != (password is None):
            raise ValueError("username and password must be given together, or neither")
        if username is not None and tls is Tls.NEVER:
            raise ValueError("smtp must not say starttls=never with a password, which would go in clear")
        return cls(host, port, tls, _context(settings.get("ca_file")), username, password)

    @property
    def where(self) -> str:
        """Host and port, for people."""
        return f"{self.host}:{self.port}"

    def client(self, over: socket.socket | None = None) -> Client:
        """A client for one mail, not connected yet, or connected by nothing but this socket, which is then its own.
        It waits for ever: who calls it sets the bound."""
        return Client(
            hostname=self.host,
            port=None if over else self.port,
            sock=over,
            username=self.username,
            password=self.password,
            use_tls=self.tls is Tls.IMPLICIT,
            start_tls=self.tls is Tls.STARTTLS,
            tls_context=self.context,
            # Its own timers use asyncio.wait_for, which in Python 3.11 can swallow a cancellation, and with
            # it our bound.
            timeout=None,
        )


def _server(text: str) -> tuple[str, int, Tls]:
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
    except ValueError:
        raise ValueError(_RIGHT) from None
    if "@" in url.netloc:
        raise ValueError("smtp must not hold a login: use the settings username and password")
    if not host or url.path.strip("/"):
        raise ValueError(_RIGHT)
    match url.scheme, url.query:
        case "smtps", "":
            return host, port or 465, Tls.IMPLICIT
        case "smtp", "":
            return host, port or 587, Tls.STARTTLS
        case "smtp", "starttls=never":
            return host, port or 587, Tls.NEVER
    raise ValueError(_RIGHT)


def _context(ca_file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError:
        raise ValueError(
            f"ca_file must be a PEM file of certificates; {ca_file} cannot be read as one"
        ) from None
