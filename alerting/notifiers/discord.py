"""Discord: a message to a channel through a webhook."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Self

import httpx

from alerting.notice import Notice
from alerting.notifiers.contract import Accepted, Contact, Outcome, Refused, Unreachable
from alerting.notifiers.settings import is_secret, refuse_unknown, web_address
from alerting.notifiers.transport.http import BOUND, Reply, post
from alerting.notifiers.wording import fitted, markdown_links, quoted, unmarked, utf16

CONTENT_LIMIT = 2000
"""The most characters of a message (Discord, Webhook Resource, Execute Webhook)."""

_SUPPRESS_EMBEDS = 1 << 2
_MARKUP = r"[\\*_~`|<>\[\]@]|:(?=[\w+-]+:)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Discord:
    """Posts to the webhook whose URL is the address. Anybody who knows the URL can post."""

    kind: ClassVar[str] = "discord"
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
        return "the address must be a webhook's URL, such as https://discord.com/api/webhooks/…"

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        """Post the notice. With `wait`, Discord answers with the message that it has stored."""
        url = httpx.URL(contact.address).copy_merge_params({"wait": "true"})
        match await post(self.http, str(url), _message(notice), {}, self.bound):
            case Reply(status=200) as reply if isinstance(number := reply.fields().get("id"), str):
                return Accepted(reply.line, provider_id=quoted(number, url.path.rpartition("/")[2]))
            case Reply() as reply:
                fields, token = reply.fields(), url.path.rpartition("/")[2]
                return reply.failure(quoted(str(fields.get("message", "")), token), fields.get("retry_after"))
            case Refused() | Unreachable() as failure:
                return failure


def _message(notice: Notice) -> bytes:
    title, links = f"**{_escaped(notice.title)}**", markdown_links(notice.buttons)
    room = CONTENT_LIMIT - utf16(title) - utf16(links) - 2
    lines = map(_escaped, fitted(notice.lines, room, lambda line: utf16(_escaped(line))))
    document = {
        "content": "\n".join(filter(None, [title, *lines, links])),
        "allowed_mentions": {"parse": []},
        "flags": _SUPPRESS_EMBEDS,
    }
    return json.dumps(document, separators=(",", ":")).encode()


def _escaped(text: str) -> str:
    return unmarked(text, _MARKUP)
