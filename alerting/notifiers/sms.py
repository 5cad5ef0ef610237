"""Text messages by Twilio. Its reports say whether the phone got one, and a reply "ok" acknowledges."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar, Self

import httpx

from alerting.notice import Notice, NoticeKind
from alerting.notifiers import gsm, twilio
from alerting.notifiers.contract import (
    Arrived,
    Call,
    Contact,
    Malformed,
    Outcome,
    Received,
    Refused,
    Reply,
    Response,
    Undelivered,
    Unsigned,
)
from alerting.notifiers.settings import is_secret, stand_in
from alerting.notifiers.twilio import Account
from alerting.notifiers.wording import one_line

SEGMENTS = 3
"""The most segments of a message: 459 characters, or 201 if one of them is in no alphabet of text messages."""

REPORTS_WITHIN = timedelta(seconds=60)
"""The time after which a message without a report is taken for lost. Most arrive within seconds."""

_REASONS = {
    "30003": "the phone is switched off or out of reach",
    "30004": "the phone blocks this sender",
    "30005": "the number does not exist",
    "30006": "a landline, or a carrier that takes no text messages",
    "30007": "the carrier took it for unwanted",
    "30032": "the toll-free sender is not verified",
    "30034": "the sender is not registered with US carriers",
}
"""What the usual codes of Twilio mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sms:
    """Sends to the phone number that is the address. With `replies`, the message says how to answer by a reply."""

    kind: ClassVar[str] = "sms"
    digests: ClassVar[bool] = True
    server_in_settings: ClassVar[bool] = True
    secret_settings: ClassVar[frozenset[str]] = frozenset({"auth_token"})
    secret_address: ClassVar[bool] = False

    account: Account
    replies: bool = False

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        """Return a notifier. `account_sid`, `auth_token`: the account at Twilio. `from`: the number, name or messaging
        service that sends. `replies`: yes if replies to it reach us. `url`: another address of the API.

        Raises ValueError if one of them is missing or wrong.
        """
        account = Account.configured(settings, http, more=("replies",))
        if not re.fullmatch(r"MG[0-9a-f]{32}|[A-Za-z0-9 ]{1,11}", account.sender) and not twilio.is_number(
            account.sender
        ):
            raise ValueError(
                "from must be a number such as +15005550006, a messaging service (MG…) or a name"
            )
        if settings.get("replies", "no") not in ("yes", "no"):
            raise ValueError("replies must be yes or no")
        return cls(account=account, replies=settings.get("replies") == "yes")

    @classmethod
    def wrong_address(cls, address: str) -> str | None:
        return None if is_secret(address) else twilio.wrong_number(stand_in(address))

    def called_back_at(self, url: str) -> Self:
        return replace(self, account=replace(self.account, callback=url))

    @property
    def receipt_within(self) -> timedelta | None:
        """The time within which Twilio usually reports, None if it cannot call us."""
        return REPORTS_WITHIN if self.account.callback else None

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        """Send a message. Accepted means that Twilio has queued it; a report says later whether it arrived."""
        if not twilio.is_number(contact.address):
            return Refused("the address is not a phone number")
        sender = "MessagingServiceSid" if _is_service(self.account.sender) else "From"
        form = {"To": contact.address, sender: self.account.sender, "Body": _text(notice, self.replies)}
        if self.account.callback:
            form["StatusCallback"] = self.account.callback
        return await self.account.create("Messages", form)

    def received(self, call: Call) -> Received:
        """Read a report on a message, or a reply."""
        match self.account.form_of(call):
            case Unsigned() | Malformed() as refused:
                return refused
            case {"MessageSid": sid, "MessageStatus": "delivered" | "read"}:
                return [Arrived(sid)]
            case {"MessageSid": sid, "MessageStatus": "undelivered" | "failed"} as form:
                return [Undelivered(sid, _reason(form))]
            case {"From": sender, "Body": words, "SmsStatus": "received"}:
                return [Reply(sender, words)]
            case _:
                return []

    def response(self, _call: Call, said: Sequence[str]) -> Response:
        """Answer a reply with what it did."""
        return twilio.twiml(*(twilio.verb("Message", gsm.cut(gsm.plainer(sentence), 2)) for sentence in said))


def _is_service(sender: str) -> bool:
    return re.fullmatch(r"MG[0-9a-f]{32}", sender) is not None


def _is_name(sender: str) -> bool:
    return re.fullmatch(r"(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}", sender) is not None


def _reason(form: Mapping[str, str]) -> str:
    code = form.get("ErrorCode", "")
    return f"{_REASONS.get(code, 'not delivered')} (Twilio error {code})" if code else form["MessageStatus"]


def _text(notice: Notice, replies: bool) -> str:
    """Return the message: the title, as many facts as there is room for, and how to answer."""
    title, ending = gsm.plainer(one_line(notice.title)), gsm.plainer(_ending(notice, replies))
    if gsm.segments(title + ending) > SEGMENTS:
        ending = ""
    facts = gsm.plainer("".join(f"\n{one_line(line)}" for line in notice.lines))
    text = gsm.cut(title + facts, SEGMENTS, with_end=ending)
    return (text if text.startswith(f"{title}\n") else title) + ending


def _ending(notice: Notice, replies: bool) -> str:
    if not notice.ack_url:
        return ""
    word = "ALL" if notice.kind is NoticeKind.DIGEST else notice.incident
    reply = f"OK {word}" if word else "OK"
    return (
        f"\nReply {reply} or open {notice.ack_url}" if replies else f"\n{notice.ack_label}: {notice.ack_url}"
    )
