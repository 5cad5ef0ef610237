"""The mails to subscribers, in customers' words. Pure.

Sources: RFC 5322 (the message), RFC 2369 and RFC 8058 (to end it by one press), RFC 3834 (an automatic one).
"""

import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage

from alerting.notifiers import mime
from heartbeat.legible import harmless
from heartbeat.status.announcement import Status

MAX_ADDRESS = 254
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@((?:{_LABEL}\.)+{_LABEL})")


def address(text: str) -> str | None:
    """A mail address as it is kept: its host in lower case. None where it is none."""
    text = text.strip()
    found = _ADDRESS.fullmatch(text)
    if found is None or len(text) > MAX_ADDRESS:
        return None
    return text[: -len(found[1])] + found[1].lower()


def question(sender: Address, to: str, title: str, link: str, now: datetime) -> EmailMessage:
    """Asks whether they want mail at all."""
    words = [
        f"Somebody, probably you, asked that updates of {title} be sent to this address.",
        "",
        f"To confirm, open this page within a day: {link}",
        "",
        "If it was not you, do nothing. Nothing more is sent, and the address is forgotten.",
    ]
    return _message(sender, to, f"Please confirm: updates of {title}", words, now)


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
    """An update. `end` is the link that ends all mail by one press."""
    how = status.value.replace("_", " ").capitalize()
    words = [
        body,
        "",
        f"All of it: {home}/history.html#i{number}",
        "",
        "--",
        f"You get this mail for {page}.",
        f"No more of it: {end}",
    ]
    message = _message(sender, to, f"{how}: {title}", words, at)
    root = f"<announcement-{number}@{sender.domain}>"
    message["Message-ID"] = f"<announcement-{number}.{update}@{sender.domain}>"
    message["In-Reply-To"] = root
    message["References"] = root
    message["List-Unsubscribe"] = f"<{end}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return message


def _message(sender: Address, to: str, subject: str, words: list[str], at: datetime) -> EmailMessage:
    message = EmailMessage(policy=mime.POLICY)
    message["From"] = sender
    message["To"] = Address(addr_spec=to)
    message["Subject"] = " ".join(harmless(subject).split())
    message["Date"] = at
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    text = harmless("\n".join(words).replace("\r\n", "\n"))
    message.set_content(text.encode("utf-8", "replace").decode())
    return message
