"""Texts for people: one line, no control characters, no secrets."""

import re
import socket
import ssl
from bisect import bisect
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from hashlib import sha256

import httpx

_SAID_LIMIT = 200
_LONG_LINE = 200
# Control characters, line breaks, turns of direction, halves of characters. Any space or joiner is ordinary writing.
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]")
_FAULTS: tuple[tuple[type[BaseException], str], ...] = (
    (httpx.ConnectTimeout, "connecting to {where} took too long"),
    (TimeoutError, "{where} did not answer within {seconds:g} s"),
    (httpx.TimeoutException, "{where} did not answer within {seconds:g} s"),
    (ssl.SSLCertVerificationError, "the certificate of {where} is not trusted"),
    (ssl.SSLError, "the TLS handshake with {where} failed"),
    (socket.gaierror, "the name of {where} cannot be resolved"),
    (ConnectionRefusedError, "connection refused by {where}"),
    (httpx.RemoteProtocolError, "{where} does not speak HTTP"),
)


def one_line(text: str) -> str:
    """Return the text with a space in place of each control character and line break.

    The output of a job reaches headers and terminals. It must not begin a header or steer a terminal.
    """
    return _STEERING.sub(" ", text)


def fitted(lines: Iterable[str], limit: int, size: Callable[[str], int] = len) -> list[str]:
    """Return the first lines that fit, with a line break after each, into `limit` as `size` measures text.

    Lines stay whole. Only one of more than 200 characters, such as the names in a digest, is cut and ends with "…".
    """
    kept: list[str] = []
    for line in map(one_line, lines):
        needed = size(line) + 1
        if needed > limit:
            room, text = limit - 1, line
            fits = bisect(range(len(text)), room, key=lambda end: size(text[:end] + "…"))
            return [*kept, text[: fits - 1] + "…"] if len(text) > _LONG_LINE and fits > 1 else kept
        kept.append(line)
        limit -= needed
    return kept


def unmarked(text: str, marks: str) -> str:
    """Return one line of text for Markdown with a backslash before each mark, so that it is shown as it is.

    `marks` is the expression for them. A job may be called `*_sync*`. What would begin a list or a heading is escaped
    too. A web address stays as it is, so that it can be opened.
    """
    places = re.compile(rf"https?://[^\s<>]+|{marks}|^(?:[-+#>]|\d+\.)")
    return places.sub(lambda mark: mark[0] if "://" in mark[0] else f"{mark[0][:-1]}\\{mark[0][-1]}", text)


def markdown_links(links: Iterable[tuple[str, str]]) -> str:
    """Return links, each a label and a URL, in one line of Markdown."""
    bracketed = ((label, url.replace("<", "%3C").replace(">", "%3E")) for label, url in links)
    return " · ".join(f"[{label}](<{url}>)" for label, url in bracketed)


def unmentioned(text: str) -> str:
    """Return the text in which an @ calls nobody: a space without width follows it. Mail addresses stay as they are."""
    return re.sub(r"(?<!\w)@(?=\w)", "@\u200b", text)


def utf16(text: str) -> int:
    """Return the length of a text in UTF-16, in which a character outside of the basic plane counts twice.

    Some providers count so, and others count characters. This is never less.
    """
    return len(text.encode("utf-16-le", "replace")) // 2


def quoted(text: str, *secrets: str) -> str:
    """Return a provider's answer in at most 200 characters, without `secrets`."""
    for secret in filter(None, secrets):
        text = text.replace(secret, "…")
    line = " ".join(one_line(text).split())
    return line if len(line) <= _SAID_LIMIT else line[: _SAID_LIMIT - 1] + "…"


def short_key(key: str, limit: int) -> str:
    """Return a key, hashed if it is longer than `limit`: if it were cut, two incidents could become one."""
    return key if len(key) <= limit else sha256(key.encode()).hexdigest()


def network_fault(where: str, error: BaseException, bound: timedelta) -> str:
    """Return the fault on the way to `where` (host and port), which had `bound` to answer.

    The sentence is our own: that of a library may contain the URL, and so a secret.
    """
    sentences = (text for cause in _causes(error) for fault, text in _FAULTS if isinstance(cause, fault))
    sentence = next(sentences, "the connection to {where} broke")
    return sentence.format(where=where, seconds=bound.total_seconds())


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
