"""Replies to mails: the address that a mail asks to be answered at, and what a person wrote there. Pure.

The address carries a short form of the notice's id with a signature, so that only who has the mail can answer it.
Nothing else in a reply proves anything: senders of mails can be forged.

Sources: RFC 5233 (the part after +), RFC 5321 (64 octets before the @), RFC 3834 (automatic answers).
"""

import hmac
import html
import re
from collections.abc import Iterator
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses, parseaddr
from hashlib import sha256

LOCAL_LIMIT = 64
"""The most characters before the @ of an address."""
LONGEST_LINE, MOST_LINES = 2_000, 5
"""The most characters of a line with recipients, and the most lines of each kind, that are read."""
READ = 20_000
"""The most characters of a reply in which the first line is looked for."""

_ID = re.compile(r"(page|heartbeat-digest)-([0-9]+)(?:-.*)?-([0-9]+)")
_SHORT = re.compile(r"([pd])([0-9]{1,18})-([0-9]{1,17})-([0-9a-f]{20})")
_LONG = {"p": "page", "d": "heartbeat-digest"}
_TO = ("To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To")
_AUTOMATIC = ("X-Autoreply", "X-Autorespond", "X-Auto-Reply", "List-Id", "List-Unsubscribe", "Feedback-ID")


def address(mailbox: str, secret: str, notice_id: str) -> str | None:
    """Return the address at which a reply answers this notice, None if the notice cannot be answered by one."""
    found = _ID.fullmatch(notice_id)
    if found is None:
        return None
    short = f"{found[1].removeprefix('heartbeat-')[0]}{found[2]}-{found[3]}"
    user, _, domain = mailbox.rpartition("@")
    local = f"{user}+{short}-{_signature(secret, short)}"
    return f"{local}@{domain}" if len(local) <= LOCAL_LIMIT else None


def notice_of(message: Message, mailbox: str, secret: str) -> str | None:
    """Return the id of the notice that a reply is about, None if its address is not one of ours."""
    user, _, domain = mailbox.lower().rpartition("@")
    for local, at in _recipients(message):
        extension = local.removeprefix(f"{user}+")
        found = _SHORT.fullmatch(extension) if at == domain and extension != local else None
        if found and hmac.compare_digest(_signature(secret, extension.rpartition("-")[0]), found[4]):
            return f"{_LONG[found[1]]}-{found[2]}-{found[3]}"
    return None


def is_automatic(message: Message) -> bool:
    """Return whether a machine has written this: an absence note, a bounce, a mailing list."""
    by_itself = (message.get("Auto-Submitted", "no").split(";")[0].strip().lower() or "no") != "no"
    bulk = message.get("Precedence", "").strip().lower() in ("bulk", "junk", "list", "auto_reply")
    bounced = (
        message.get("Return-Path", "").strip() == "<>" or message.get_content_type() == "multipart/report"
    )
    return by_itself or bulk or bounced or any(name in message for name in _AUTOMATIC)


def words(message: Message) -> str:
    """Return what stands at the beginning of a reply."""
    texts = {
        part.get_content_type(): part for part in reversed(list(message.walk())) if not part.is_multipart()
    }
    if "text/plain" in texts:
        return _text(texts["text/plain"])
    if "text/html" in texts:
        plain = re.sub(
            r"<(style|head)\b.*?</\1>", "", _text(texts["text/html"]), flags=re.DOTALL | re.IGNORECASE
        )
        return html.unescape(re.sub(r"<[^>]*>", "\n", plain))
    return ""


def author(message: Message) -> str:
    """Return the mail address of the sender, as the mail gives it."""
    return parseaddr(_decoded(message.get("From", "")))[1].lower()


def _signature(secret: str, short: str) -> str:
    return hmac.new(secret.encode(), b"heartbeat mail reply\n" + short.encode(), sha256).hexdigest()[:20]


def _recipients(message: Message) -> Iterator[tuple[str, str]]:
    lines = [_decoded(line)[:LONGEST_LINE] for name in _TO for line in message.get_all(name, [])[:MOST_LINES]]
    for _, found in getaddresses(lines):
        local, _, domain = found.lower().rpartition("@")
        yield local, domain


def _decoded(line: object) -> str:
    try:
        return str(make_header(decode_header(str(line))))
    except (ValueError, LookupError):
        return str(line)


def _text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    try:
        return raw.decode(part.get_content_charset() or "utf-8", "replace")[:READ]
    except LookupError:
        return raw.decode("utf-8", "replace")[:READ]
