"""Calls by Twilio: a voice reads the page, and a pressed 1 acknowledges."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar, Self
from urllib.parse import parse_qs, urlencode

import httpx

from alerting.notice import Notice, NoticeKind
from alerting.notifiers import twilio
from alerting.notifiers.contract import (
    Acknowledgement,
    Arrived,
    Call,
    Contact,
    Malformed,
    Outcome,
    Received,
    Refused,
    Response,
    Undelivered,
    Unsigned,
)
from alerting.notifiers.settings import is_secret, stand_in
from alerting.notifiers.twilio import Account, verb
from alerting.notifiers.wording import one_line

SPOKEN = 600
"""The most characters that are read: about 40 seconds. The title comes first."""
READINGS = 3
"""The times that a page is read to somebody who presses nothing."""
RINGS = 45
"""Seconds that it rings."""
REPORTS_WITHIN = timedelta(seconds=90)
"""The time after which a call without a report is taken for lost: it rings, and is put through before."""

_NOT_ANSWERED = {
    "busy": "the line was busy",
    "no-answer": "nobody picked up",
    "failed": "the call could not be connected",
    "canceled": "the call was cancelled",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """Calls the phone number that is the address."""

    kind: ClassVar[str] = "voice"
    digests: ClassVar[bool] = True
    pages_only: ClassVar[bool] = True
    server_in_settings: ClassVar[bool] = True
    secret_settings: ClassVar[frozenset[str]] = frozenset({"auth_token"})
    secret_address: ClassVar[bool] = False

    account: Account

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        """Return a notifier. `account_sid`, `auth_token`: the account at Twilio. `from`: its number that calls. `url`:
        another address of the API.

        Raises ValueError if one of them is missing or wrong.
        """
        account = Account.configured(settings, http)
        if not twilio.is_number(account.sender):
            raise ValueError("from must be a number that may call, such as +15005550006")
        return cls(account=account)

    @classmethod
    def wrong_address(cls, address: str) -> str | None:
        return None if is_secret(address) else twilio.wrong_number(stand_in(address))

    def called_back_at(self, url: str) -> Self:
        return replace(self, account=replace(self.account, callback=url))

    @property
    def receipt_within(self) -> timedelta | None:
        """The time within which Twilio reports whether somebody picked up, None if it cannot call us."""
        return REPORTS_WITHIN if self.account.callback else None

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        """Place a call. Accepted means that Twilio is about to call; a report says later whether somebody picked up."""
        if not twilio.is_number(contact.address):
            return Refused("the address is not a phone number")
        form: dict[str, str | Sequence[str]] = {
            "To": contact.address,
            "From": self.account.sender,
            "Timeout": str(RINGS),
            "Twiml": self._script(notice),
        }
        if self.account.callback:
            form["StatusCallback"] = self.account.callback
            form["StatusCallbackEvent"] = ["answered", "completed"]
        return await self.account.create("Calls", form)

    def received(self, call: Call) -> Received:
        """Read a pressed key, or the end of a call."""
        match self.account.form_of(call):
            case Unsigned() | Malformed() as refused:
                return refused
            case {"Digits": "1"}:
                return [Acknowledgement(notice=_notice(call))]
            case {"Digits": _}:
                return []
            case {"CallSid": sid, "CallStatus": "in-progress" | "completed"}:
                return [Arrived(sid)]
            case {"CallSid": sid, "CallStatus": status} if status in _NOT_ANSWERED:
                return [Undelivered(sid, _NOT_ANSWERED[status])]
            case _:
                return []

    def response(self, call: Call, said: Sequence[str]) -> Response:
        """Say what a pressed key did, and ask again after any other key."""
        if said:
            return twilio.twiml(*(verb("Say", sentence) for sentence in said), verb("Hangup"))
        if _notice(call):
            return twilio.twiml(self._asking(_notice(call), "Press 1 to acknowledge."), _GOODBYE)
        return twilio.twiml()

    def _script(self, notice: Notice) -> str:
        """Return what is said: the title and the first facts, again and again until a key is pressed."""
        text = _spoken(notice)
        if not (notice.ack_url and self.account.callback):
            return twilio.document(verb("Say", text, loop=str(READINGS)))
        hint = "Press 1 if you got it." if notice.kind is NoticeKind.TEST else "Press 1 to acknowledge."
        return twilio.document(self._asking(notice.id, f"{text} {hint}"), _GOODBYE)

    def _asking(self, notice_id: str, text: str) -> str:
        """Return the text with a question. The key that is pressed comes back with the id of the notice."""
        action = f"{self.account.callback}?{urlencode({'notice': notice_id})}"
        said = verb("Say", text, loop=str(READINGS))
        return verb("Gather", "", said, action=action, method="POST", numDigits="1", timeout="5")


_GOODBYE = verb("Say", "Nobody has acknowledged. Goodbye.")


def _notice(call: Call) -> str:
    """Return the id of the notice that the address of a key names, empty for any other call."""
    return parse_qs(call.query).get("notice", [""])[0]


def _spoken(notice: Notice) -> str:
    """Return the text that is read, with a pause after each sentence, and after each digit of a code."""
    title = notice.title.replace(notice.code, ", ".join(notice.code)) if notice.code else notice.title
    sentences = [one_line(line).rstrip(" .") for line in (title, *notice.lines)]
    text = ". ".join(filter(None, sentences)) + "."
    return text if len(text) <= SPOKEN else text[:SPOKEN].rpartition(" ")[0].rstrip(" .") + "."
