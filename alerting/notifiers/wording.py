"""Words fit to be shown to people: one line, no control characters, no secrets."""

import socket
import ssl
from collections.abc import Iterator
from datetime import timedelta

import httpx

_SAID_LIMIT = 200
_FAULTS: tuple[tuple[type[BaseException], str], ...] = (
    (httpx.PoolTimeout, "no connection to {where} was free in time"),
    (httpx.ConnectTimeout, "{where} could not be connected to in time"),
    (TimeoutError, "{where} did not answer within {seconds:g} s"),
    (httpx.TimeoutException, "{where} did not answer within {seconds:g} s"),
    (ssl.SSLCertVerificationError, "the certificate of {where} is not trusted"),
    (ssl.SSLError, "{where} and we could not agree on TLS"),
    (socket.gaierror, "the name of {where} is not known"),
    (ConnectionRefusedError, "connection refused by {where}"),
    (httpx.RemoteProtocolError, "{where} did not answer in HTTP"),
)


def one_line(text: str) -> str:
    """The text with a space for each control character and line break.

    A job's own output reaches headers and terminals; it must not begin a header or steer a terminal.
    """
    return "".join(c if c.isprintable() else " " for c in text)


def quoted(text: str, *secrets: str) -> str:
    """A provider's own words in at most 200 characters, with none of `secrets` in them."""
    for secret in filter(None, secrets):
        text = text.replace(secret, "…")
    line = " ".join(one_line(text).split())
    return line if len(line) <= _SAID_LIMIT else line[: _SAID_LIMIT - 1] + "…"


def network_fault(where: str, error: BaseException, bound: timedelta) -> str:
    """What went wrong on the way to `where` (host and port), which had `bound` to answer.

    The words are our own: those of a library may hold the URL, and so a secret.
    """
    told = (words for cause in _causes(error) for fault, words in _FAULTS if isinstance(cause, fault))
    words = next(told, "the connection to {where} broke")
    return words.format(where=where, seconds=bound.total_seconds())


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
