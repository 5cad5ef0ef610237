"""The mails to subscribers, in customers' words. Pure.

Sources: RFC 5322 (messages), RFC 2369 and RFC 8058 (one-click unsubscribe), RFC 3834 (automatic messages).
"""

import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage

from alerting.notifiers.transport import mime
from heartbeat.safe_text import harmless
from heartbeat.status.announcement import Status

MAX_ADDRESS = 254
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@((?:{_LABEL}\.)+{_LABEL})")


def address(text: str) -> str | None:
    """Return a mail address with its host in lower case, or None if the text is not an address."""
    text = text.strip()
    match = _ADDRESS.fullmatch(text)
    if match is None or len(text) > MAX_ADDRESS:
        return None
    return text[: -len(match[1])] + match[1].lower()


def question(sender: Address, to: str, title: str, link: str, now: datetime) -> EmailMessage:
    """Return the mail that asks to confirm a subscription."""
    lines = [
        f"Somebody, probably you, asked us to send updates from {title} to this address.",
        "",
        f"To confirm, open this link within a day: {link}",
        "",
        "If it was not you, ignore this mail. We will not write again, and we will delete the address.",
    ]
    return _message(sender, to, f"Please confirm: updates from {title}", lines, now)


def news(
    sender: Address,
    to: str,
    *,
    title: str,
    page: str,
    number: int,
    update: int,
    status: Status,
    body: str,
    at: datetime,
    home: str,
    end: str,
) -> EmailMessage:
    """Return the mail about an update. `end` is the link that unsubscribes."""
    stage = status.value.replace("_", " ").capitalize()
    lines = [
        body,
        "",
        f"Details: {home}/history.html#i{number}",
        "",
        "--",
        f"You get this mail because you subscribed to {page}.",
        f"Unsubscribe: {end}",
    ]
    message = _message(sender, to, f"{stage}: {title}", lines, at)
    root = f"<announcement-{number}@{sender.domain}>"
    message["Message-ID"] = f"<announcement-{number}.{update}@{sender.domain}>"
    message["In-Reply-To"] = root
    message["References"] = root
    message["List-Unsubscribe"] = f"<{end}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return message


def _message(sender: Address, to: str, subject: str, lines: list[str], at: datetime) -> EmailMessage:
    message = EmailMessage(policy=mime.POLICY)
    message["From"] = sender
    message["To"] = Address(addr_spec=to)
    message["Subject"] = " ".join(harmless(subject).split())
    message["Date"] = at
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    text = harmless("\n".join(lines).replace("\r\n", "\n"))
    message.set_content(text.encode("utf-8", "replace").decode())
    return message
