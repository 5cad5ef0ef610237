"""Email: plain text over SMTP, readable on any device at 3 a.m.

Sources: RFC 5322 (the message), RFC 3834 (an automatic one), RFC 5321 (its way).
"""

import asyncio
import hashlib
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.utils import format_datetime, parseaddr
from typing import ClassVar, Self, cast

import httpx
from aiosmtplib import SMTP as Client
from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
)

from alerting import reply
from alerting.network import Fence
from alerting.notice import Notice
from alerting.notifiers import mail_reply
from alerting.notifiers.contract import (
    Accepted,
    Acknowledgement,
    Call,
    Contact,
    Malformed,
    Outcome,
    Received,
    Refused,
    Unreachable,
    Unsigned,
)
from alerting.notifiers.settings import is_secret, refuse_unknown, stand_in
from alerting.notifiers.transport import egress, mime
from alerting.notifiers.transport.http import BOUND
from alerting.notifiers.transport.smtp import Relay
from alerting.notifiers.wording import network_fault, one_line, quoted

SHORTEST_SECRET = 16

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9-]+"
_ADDRESS = re.compile(rf"{_ATOM}(\.{_ATOM})*@{_LABEL}(\.{_LABEL})*")

# No reply code means "you send too much", but the text says so (Postfix, Gmail, Amazon SES, Exchange).
_POLICY = re.compile(r"\b5\.7\.\d", re.ASCII)
"""The enhanced status of a refusal by policy, such as "relay denied", which is not about the address (RFC 3463)."""
_THROTTLED = re.compile(r"\brate\b|too (many|much)|throttl", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Email:
    """Mails a person through `relay`, from `sender`. The address is a plain mail address.

    With a `fence`, each connection goes to an address of the relay within it. Replies go to `mailbox`, whose part after
    the + `reply_secret` signs.
    """

    kind: ClassVar[str] = "email"
    digests: ClassVar[bool] = True
    secret_settings: ClassVar[frozenset[str]] = frozenset({"password", "reply_secret"})
    secret_address: ClassVar[bool] = False
    server_in_settings: ClassVar[bool] = True

    relay: Relay
    sender: Address
    fence: Fence | None = None
    mailbox: str = ""
    reply_secret: str = field(default="", repr=False)
    bound: timedelta = BOUND

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        """Return a notifier that mails through a relay.

        `smtp`: smtp://host[:587], with STARTTLS unless ?starttls=never, or smtps://host[:465]. `from`: the sender, such
        as "Heartbeat <heartbeat@example.com>". `username` and `password`: the login, if any. `ehlo`: the name that we
        greet the relay with, by default the sender's domain. `ca_file`: a PEM file of the authorities to trust instead
        of the system's. `reply_to`: the mailbox whose mail reaches us, and `reply_secret`, with which its addresses are
        signed.

        Raises ValueError if one of them is missing or wrong.
        """
        refuse_unknown(
            settings, ["smtp", "from", "username", "password", "ehlo", "ca_file", "reply_to", "reply_secret"]
        )
        sender = _sender(settings.get("from", ""))
        relay = Relay.configured(settings, sender.domain)
        mailbox, secret = _replies(settings)
        return cls(
            relay=relay, sender=sender, fence=egress.fence_of(http), mailbox=mailbox, reply_secret=secret
        )

    @classmethod
    def wrong_address(cls, address: str) -> str | None:
        if is_secret(address) or _ADDRESS.fullmatch(stand_in(address)):
            return None
        return "the address must be a mail address, such as anna@example.com"

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        """Send a mail. Accepted means that our relay took it; no reply tells of its delivery."""
        if not _ADDRESS.fullmatch(contact.address):
            return Refused("the address is not a mail address")
        message = _message(notice, self.sender, contact.address, self._reply_address(notice))
        return await self.mail(message, contact.address)

    def _reply_address(self, notice: Notice) -> str | None:
        if not (self.reply_secret and notice.ack_url):
            return None
        return mail_reply.address(self.mailbox, self.reply_secret, notice.id)

    def received(self, call: Call) -> Received:
        """Read a mail to one of our addresses, as the mail server passes it on. See `mail_reply`."""
        if not self.reply_secret:
            return Unsigned("Replies to mails are not set up.")
        try:
            return self._answer(call.body)
        except RecursionError:
            return Malformed("The mail has too many parts.")

    def _answer(self, mail: bytes) -> Received:
        head = BytesHeaderParser().parsebytes(mail)
        if mail_reply.is_automatic(head):
            return []
        # A stranger's mail is read no further: its parts could take long.
        notice = mail_reply.notice_of(head, self.mailbox, self.reply_secret)
        if notice is None:
            return Unsigned("The address of the mail is not one that heartbeat has given for replies.")
        if not reply.is_answer(mail_reply.words(message_from_bytes(mail))):
            return Malformed("Nothing was acknowledged: the first line must be OK, and nothing else.")
        author = mail_reply.author(head)
        return [Acknowledgement(notice=notice, by=author, address=author)]

    async def mail(self, message: EmailMessage, recipient: str) -> Accepted | Refused | Unreachable:
        """Pass a message to our relay within `bound`. The recipient is a plain mail address."""
        client = accepted = connection = None
        sent = False
        try:
            async with asyncio.timeout(self.bound.total_seconds()):
                if self.fence is not None:
                    connection = await egress.connected(self.fence, self.relay.host, self.relay.port)
                client = self.relay.client(connection)
                await client.connect()
                await client.mail(self.sender.addr_spec)
                await client.rcpt(recipient)
                sent = True
                reply = await client.data(message.as_bytes())
                accepted = Accepted(quoted(reply.message), provider_id=message["Message-ID"])
                await client.quit()
        except egress.NotAllowed as error:
            return Refused(str(error))
        except (SMTPException, OSError, ValueError) as error:
            # An accepted mail stays accepted, even if the farewell failed.
            return accepted or self._not_taken(error, sent)
        finally:
            _hang_up(client, connection)
        return accepted

    def _not_taken(self, error: Exception, sent: bool) -> Refused | Unreachable:
        where = self.relay.where
        match error:
            case SMTPResponseException(code=code) if code >= 400:
                return self._reply(error)
            case SMTPResponseException():
                return Unreachable(f"{where} does not speak SMTP")
            case OSError():
                return Unreachable(network_fault(where, error, self.bound), may_have_arrived=sent)
            case _:
                return Refused(f"{where} cannot take our mail: {quoted(str(error))}")

    def _reply(self, error: SMTPResponseException) -> Refused | Unreachable:
        """Return the outcome of a reply code: 4yz is temporary, 5yz permanent (RFC 5321, 4.2.1)."""
        # A reply to a login may repeat our credentials.
        answer = "to our login" if isinstance(error, SMTPAuthenticationError) else quoted(error.message)
        reason = f"{self.relay.where} answered {error.code} {answer}"
        if error.code >= 500:
            about_address = isinstance(error, SMTPRecipientRefused) and not _POLICY.search(error.message)
            return Refused(reason, address=about_address)
        return Unreachable(reason, throttled=_THROTTLED.search(error.message) is not None)


def _hang_up(client: Client | None, connection: socket.socket | None) -> None:
    """Drop the connection at once: a peer that does not read would hold it for ever."""
    taken_over = client is not None and client.transport is not None
    if client is not None:
        if client.transport is not None:
            cast(asyncio.WriteTransport, client.transport).abort()
        client.close()
    if connection is not None and not taken_over:
        connection.close()


def _message(notice: Notice, sender: Address, recipient: str, reply_to: str | None = None) -> EmailMessage:
    message = EmailMessage(policy=mime.POLICY)
    message["From"] = mime.mailbox("From", sender)
    message["To"] = recipient
    if reply_to:
        message["Reply-To"] = reply_to
    message["Subject"] = mime.text("Subject", one_line(notice.title))
    message["Date"] = format_datetime(notice.at)
    message["Message-ID"] = _message_id(notice, sender.domain, recipient)
    if notice.incident is not None:
        # The root was never sent: all mails of an incident hang below it, and so form one thread.
        root = f"<{notice.dedup_key.removeprefix('heartbeat-')}@{sender.domain}>"
        message["In-Reply-To"] = root
        message["References"] = root
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content("\n".join(_body(notice, bool(reply_to))).encode("utf-8", "replace").decode())
    return message


def _message_id(notice: Notice, domain: str, recipient: str) -> str:
    """Return the id that all tries of a notice to a person share, and no other mail has (RFC 5322, 3.6.4)."""
    mark = hashlib.sha256(f"{notice.id}\n{recipient}".encode()).hexdigest()[:16]
    subject = notice.kind if notice.incident is None else notice.incident
    return f"<{subject}.{notice.sequence}.{mark}@{domain}>"


def _body(notice: Notice, can_reply: bool) -> Iterator[str]:
    yield from notice.lines
    if can_reply:
        yield "To acknowledge, reply with OK in the first line, or open the link."
    if notice.ack_url:
        yield f"{notice.ack_label}: {notice.ack_url}"
    if notice.open_url:
        yield f"Open: {notice.open_url}"
    if notice.output:
        yield ""
        yield f"The last output of {notice.output_of}:"
        yield from (f"  {one_line(line)}" for line in notice.output.splitlines())


def _replies(settings: Mapping[str, str]) -> tuple[str, str]:
    """Return the mailbox for replies and the secret of its addresses, both empty if replies lead nowhere."""
    mailbox, secret = settings.get("reply_to", ""), settings.get("reply_secret", "")
    if bool(mailbox) != bool(secret):
        raise ValueError("reply_to and reply_secret belong together: give both or neither")
    if mailbox and (not _ADDRESS.fullmatch(mailbox) or "+" in mailbox):
        raise ValueError("reply_to must be a mailbox whose mail reaches heartbeat, such as pages@example.com")
    if secret and len(secret) < SHORTEST_SECRET:
        raise ValueError(f"reply_secret must have at least {SHORTEST_SECRET} characters that nobody guesses")
    return mailbox, secret


def _sender(text: str) -> Address:
    name, address = parseaddr(text)
    if not _ADDRESS.fullmatch(address):
        raise ValueError('from must be the sender\'s address, such as "Heartbeat <heartbeat@example.com>"')
    return Address(display_name=one_line(name), addr_spec=address)
