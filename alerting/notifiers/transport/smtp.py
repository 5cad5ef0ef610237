"""The SMTP server that takes our mail, and connections to it (RFC 5321, 3207, 8314)."""

import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self
from urllib.parse import urlsplit

from aiosmtplib import SMTP as Client

from alerting.notifiers.transport.tls import trusting

_EHLO = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*|\[[A-Fa-f0-9.:IPv]+\]")
"""A domain or an address (RFC 5321, 4.1.3)."""
_FORM = "smtp must be smtp://HOST[:PORT][?starttls=never] or smtps://HOST[:PORT]"


class Tls(StrEnum):
    """The encryption of the connection. `STARTTLS` is required: a server without it gets no mail."""

    IMPLICIT = "implicit"
    STARTTLS = "starttls"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Relay:
    """The server that takes our mail, and the login, if any.

    `context` holds the trusted authorities. `ehlo` is the name that we greet the server with.
    """

    host: str
    port: int
    tls: Tls
    context: ssl.SSLContext
    ehlo: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def configured(cls, settings: Mapping[str, str], domain: str) -> Self:
        """Return the relay of these settings, for mail from this domain. Raises ValueError that names a right value."""
        host, port, tls = _server(settings.get("smtp", ""))
        username, password = settings.get("username"), settings.get("password")
        if (username is None) != (password is None):
            raise ValueError("username and password must be given together, or neither")
        if username is not None and tls is Tls.NEVER:
            raise ValueError("smtp must not say starttls=never with a password, which would go in clear")
        ehlo = settings.get("ehlo", domain)
        if not _EHLO.fullmatch(ehlo):
            raise ValueError(
                "ehlo must be the name of this host, such as heartbeat.example.com, or [192.0.2.7]"
            )
        return cls(host, port, tls, _context(settings.get("ca_file")), ehlo, username, password)

    @property
    def where(self) -> str:
        """The host and port, for people."""
        return f"{self.host}:{self.port}"

    def client(self, connection: socket.socket | None = None) -> Client:
        """Return a client for one mail, not connected yet. It owns the `connection`, if one is given.

        It waits for ever: the caller sets the bound.
        """
        return Client(
            hostname=self.host,
            port=None if connection else self.port,
            sock=connection,
            # Its own choice would be the name of the machine, which many servers refuse, and needs a look-up.
            local_hostname=self.ehlo,
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
        raise ValueError(_FORM) from None
    if "@" in url.netloc:
        raise ValueError("smtp must not hold a login: use the settings username and password")
    if not host or url.path.strip("/"):
        raise ValueError(_FORM)
    match url.scheme, url.query:
        case "smtps", "":
            return host, port or 465, Tls.IMPLICIT
        case "smtp", "":
            return host, port or 587, Tls.STARTTLS
        case "smtp", "starttls=never":
            return host, port or 587, Tls.NEVER
    raise ValueError(_FORM)


def _context(ca_file: str | None) -> ssl.SSLContext:
    try:
        return trusting(ca_file)
    except OSError:
        raise ValueError(
            f"ca_file must be a PEM file of certificates; {ca_file} cannot be read as one"
        ) from None
