"""Slack: a message to a channel through an incoming webhook, with Block Kit blocks."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Self

import httpx

from alerting.notice import Notice
from alerting.notifiers import slack_message
from alerting.notifiers.contract import Accepted, Contact, Outcome, Refused, Unreachable
from alerting.notifiers.settings import is_secret, refuse_unknown, web_address
from alerting.notifiers.transport.http import BOUND, Reply, post


@dataclass(frozen=True, slots=True, kw_only=True)
class Slack:
    """Posts to the incoming webhook whose URL is the address. Anybody who knows the URL can post."""

    kind: ClassVar[str] = "slack"
    digests: ClassVar[bool] = True
    secret_settings: ClassVar[frozenset[str]] = frozenset()
    secret_address: ClassVar[bool] = True
    shared: ClassVar[bool] = True

    http: httpx.AsyncClient
    bound: timedelta = BOUND

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        """Return a notifier. Raises ValueError for any setting."""
        refuse_unknown(settings, ())
        return cls(http=http)

    @classmethod
    def wrong_address(cls, address: str) -> str | None:
        if is_secret(address) or web_address(address):
            return None
        return "the address must be an incoming webhook's URL, such as https://hooks.slack.com/services/…"

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        """Post the notice. Slack answers `ok` in plain text, or one word for a fault."""
        body = json.dumps(slack_message.message(notice), separators=(",", ":")).encode()
        match await post(self.http, contact.address, body, {}, self.bound):
            case Reply(status=200, text="ok"):
                return Accepted("ok")
            case Reply() as reply:
                return reply.failure(_word(reply.text))
            case Refused() | Unreachable() as failure:
                return failure


def _word(text: str) -> str:
    """Return Slack's word, such as channel_is_archived. Anything else is not Slack's, and is not shown."""
    return text if re.fullmatch(r"[a-z_]{1,64}", text) else ""
