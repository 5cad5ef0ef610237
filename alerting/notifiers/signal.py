"""Signal: a message to a person or a group, through a server of your own (signal-cli-rest-api)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Self

import httpx

from alerting.notice import Notice
from alerting.notifiers.contract import Accepted, Contact, Outcome, Refused, Unreachable
from alerting.notifiers.settings import is_secret, refuse_unknown, stand_in, web_address
from alerting.notifiers.transport.http import BOUND, Reply, post
from alerting.notifiers.wording import fitted, one_line, quoted, utf16

MESSAGE_LIMIT = 2000
"""The most characters of a message. Of a longer one, phones show the beginning only (signal-cli)."""

_NUMBER = r"\+[1-9]\d{6,14}"
_ADDRESS = rf"{_NUMBER}|group\.[A-Za-z0-9+/=_-]{{16,128}}"
_FOR_EVER = re.compile(r"unregistered|not registered|invalid (number|group)|group not found", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Sends from `number` by the server at `url`. The address is a phone number or the id of a group."""

    kind: ClassVar[str] = "signal"
    digests: ClassVar[bool] = True
    secret_settings: ClassVar[frozenset[str]] = frozenset()
    secret_address: ClassVar[bool] = False
    server_in_settings: ClassVar[bool] = True

    http: httpx.AsyncClient
    url: str
    number: str
    bound: timedelta = BOUND

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        """Return a notifier. `url`: the server. `number`: the number that is registered there.

        Raises ValueError if one is missing or has the wrong form.
        """
        refuse_unknown(settings, ["number", "url"])
        url, number = settings.get("url", ""), settings.get("number", "")
        if not web_address(url):
            raise ValueError(
                "url must be the URL of signal-cli-rest-api, such as http://signal.internal:8080"
            )
        if not re.fullmatch(_NUMBER, number):
            raise ValueError("number must be the sender's number, such as +4915112345678")
        return cls(http=http, url=url.rstrip("/"), number=number)

    @classmethod
    def wrong_address(cls, address: str) -> str | None:
        if is_secret(address) or re.fullmatch(_ADDRESS, stand_in(address)):
            return None
        return "the address must be a number such as +4915112345678, or a group's id such as group.QmFj…"

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        """Send the notice. Accepted means that Signal's servers took it, not that the phone has it."""
        message = {
            "message": _text(notice),
            "number": self.number,
            "recipients": [contact.address],
            "text_mode": "normal",
        }
        match await post(self.http, f"{self.url}/v2/send", json.dumps(message).encode(), {}, self.bound):
            case Reply() as reply:
                return _outcome(reply, httpx.URL(self.url).password)
            case Refused() | Unreachable() as failure:
                return failure


def _outcome(reply: Reply, password: str) -> Outcome:
    match reply.fields():
        case {"timestamp": str() | int() as timestamp} if reply.status == 201:
            return Accepted(reply.line, provider_id=quoted(str(timestamp), password))
        case {"error": str(error)} if reply.status == 400 and not _FOR_EVER.search(error):
            # The server answers 400 to every failure, also if it could not reach Signal.
            return Unreachable(f"{reply.where} answered {reply.line}: {quoted(error, password)}")
        case {"error": str(error)}:
            return reply.failure(quoted(error, password))
    return reply.failure()


def _text(notice: Notice) -> str:
    title, links = one_line(notice.title), [f"{label}: {url}" for label, url in notice.buttons]
    room = MESSAGE_LIMIT - sum(utf16(line) + 1 for line in (title, *links))
    return "\n".join([title, *fitted(notice.lines, room, utf16), *links])
