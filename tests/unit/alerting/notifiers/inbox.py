"""A real mail server on loopback (aiosmtpd), which keeps what it took, byte by byte."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any


class Inbox:
    """A real server (aiosmtpd): the mails that it took, and its replies to a recipient and to a mail."""

    def __init__(self) -> None:
        self.envelopes: list[Any] = []
        self.sessions: list[Any] = []
        self.to_recipient = "250 OK"
        self.to_mail = "250 2.0.0 Ok: queued as 4F0A"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.to_recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.to_recipient

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.envelopes.append(envelope)
        self.sessions.append(session)
        return self.to_mail

    @property
    def mails(self) -> list[EmailMessage]:
        return [
            message_from_bytes(envelope.content, EmailMessage, policy=default) for envelope in self.envelopes
        ]

    def line(self, name: bytes) -> bytes:
        """The line of a header in the newest mail as it was sent, without what it may be folded into."""
        head = self.envelopes[-1].content.partition(b"\r\n\r\n")[0]
        (header,) = [line for line in head.split(b"\r\n") if line.lower().startswith(name.lower() + b": ")]
        return bytes(header)
