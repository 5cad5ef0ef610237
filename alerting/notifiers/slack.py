"""Slack: a message to a channel through an incoming webhook, with Block Kit blocks."""

import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Self

import httpx

from alerting.notice import Notice
from alerting.notifiers.contract import Accepted, Contact, Outcome, Refused, Unreachable
from alerting.notifiers.settings import is_secret, refuse_unknown, web_address
from alerting.notifiers.transport.http import BOUND, Reply, post

HEADER_LIMIT = 150
SECTION_LIMIT = 3000
"""Characters that Slack takes in a header's and in a section's text (Block Kit reference)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slack:
    """Posts to the incoming webhook whose URL is the address; whoever knows the URL can post."""

    kind: ClassVar[str] = "slack"
    digests: ClassVar[bool] = True
    secret_settings: ClassVar[frozenset[str]] = frozenset()
    secret_address: ClassVar[bool] = True

    http: httpx.AsyncClient
    bound: timedelta = BOUND

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        """There is nothing to set. Raises ValueError for any setting."""
        refuse_unknown(settings, ())
        return cls(http=http)

    @classmethod
    def wrong_address(cls, address: str) -> str | None:
        """The address is the incoming webhook's URL."""
        if is_secret(address) or web_address(address):
            return None
        return "the address must be an incoming webhook's URL, such as https://hooks.slack.com/services/…"

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        """Slack says `ok` in plain text when it took the message, or one word about what is wrong."""
        body = json.dumps(_message(notice), separators=(",", ":")).encode()
        match await post(self.http, contact.address, body, {}, self.bound):
            case Reply(status=200, text="ok"):
                return Accepted("ok")
            case Reply() as answer:
                return answer.failure(_word(answer.text))
            case Refused() | Unreachable() as lost:
                return lost


def _word(text: str) -> str:
    """Slack's word, such as channel_is_archived. Anything longer was not said by Slack: it is not shown."""
    return text if re.fullmatch(r"[a-z_]{1,64}", text) else ""


def _message(notice: Notice) -> dict[str, object]:
    """`text` is what the notification on the phone shows, `blocks` what the channel shows."""
    return {
        "text": _escaped("\n".join((notice.title, *notice.lines)), SECTION_LIMIT),
        "blocks": list(_blocks(notice)),
    }


def _blocks(notice: Notice) -> Iterator[dict[str, object]]:
    yield {"type": "header", "text": _plain(notice.title, HEADER_LIMIT)}
    if notice.text:
        yield {"type": "section", "text": _plain(notice.text, SECTION_LIMIT)}
    if buttons := list(_buttons(notice)):
        yield {"type": "actions", "elements": buttons}


def _buttons(notice: Notice) -> Iterator[dict[str, object]]:
    if notice.ack_url:
        yield {
            "type": "button",
            "text": _plain("Acknowledge", HEADER_LIMIT),
            "url": notice.ack_url,
            "style": "primary",
        }
    if notice.open_url:
        yield {"type": "button", "text": _plain("Open", HEADER_LIMIT), "url": notice.open_url}


def _plain(text: str, limit: int) -> dict[str, object]:
    """Text as it is: in mrkdwn, a job named `*_sync` would turn bold and a time `:15:` an emoji."""
    return {"type": "plain_text", "text": _escaped(text, limit), "emoji": False}


def _escaped(text: str, limit: int) -> str:
    """The three characters that Slack wants escaped, cut from the end and never inside an entity."""
    escaped = html.escape(text, quote=False)
    return escaped if len(escaped) <= limit else re.sub(r"&[a-z]*\Z", "", escaped[:limit])
