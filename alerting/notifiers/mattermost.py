"""Mattermost: a message to a channel, through an incoming webhook, or by a bot, whose updates go into a thread."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, Self

import httpx

from alerting.notice import Notice, NoticeKind
from alerting.notifiers.contract import Accepted, Contact, Outcome, Refused, Unreachable
from alerting.notifiers.settings import is_secret, refuse_unknown, web_address
from alerting.notifiers.transport.http import BOUND, Reply, post
from alerting.notifiers.wording import fitted, markdown_links, quoted, unmarked, unmentioned

MESSAGE_LIMIT = 16_383
"""The most characters of a message (Mattermost, model/post.go)."""

_MARKUP = r"[\\*_~`|\[\]]"
_EMOJI = re.compile(r":(?=[a-z+_-][\w+-]*:)")
_THREADED = (NoticeKind.UPDATE, NoticeKind.ACKNOWLEDGED, NoticeKind.RECOVERED)
_CHANNEL = r"[a-z0-9]{26}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mattermost:
    """Posts to the incoming webhook whose URL is the address, or as the bot of `token` to the channel of that id."""

    kind: ClassVar[str] = "mattermost"
    digests: ClassVar[bool] = True
    secret_settings: ClassVar[frozenset[str]] = frozenset({"token"})
    secret_address: ClassVar[bool] = True
    shared: ClassVar[bool] = True

    http: httpx.AsyncClient
    url: str = ""
    token: str = field(default="", repr=False)
    bound: timedelta = BOUND

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        """Return a notifier. `url` and `token`: the server and a bot's access token, for addresses that are channels.

        Raises ValueError if only one is there, or one has the wrong form.
        """
        refuse_unknown(settings, ["token", "url"])
        url, token = settings.get("url", ""), settings.get("token", "")
        if bool(url) != bool(token):
            raise ValueError("url and token belong together: the server, and the access token of a bot")
        if url and not web_address(url):
            raise ValueError("url must be the server's URL, such as https://mattermost.example.com")
        if token and not re.fullmatch(r"[!-~]+", token):
            raise ValueError("token must be a bot's access token, without spaces")
        return cls(http=http, url=url.rstrip("/"), token=token)

    @classmethod
    def wrong_address(cls, address: str) -> str | None:
        if is_secret(address) or web_address(address) or re.fullmatch(_CHANNEL, address):
            return None
        return "the address must be an incoming webhook's URL, or the id of a channel for a bot"

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        """Post the notice. A webhook answers `ok`, the API with the post."""
        if not re.fullmatch(_CHANNEL, contact.address):
            return await self._posted(contact.address, {"text": _text(notice)}, {}, contact)
        if not self.token:
            return Refused("a channel needs a bot: url and token are not set")
        document = {
            "channel_id": contact.address,
            "message": _text(notice),
            # The server knows this again for a while, and makes no second post of a retry.
            "pending_post_id": notice.id,
        }
        if notice.thread and notice.kind in _THREADED:
            document["root_id"] = notice.thread
        url, headers = f"{self.url}/api/v4/posts", {"Authorization": f"Bearer {self.token}"}
        outcome = await self._posted(url, document, headers, contact)
        if isinstance(outcome, Refused) and document.pop("root_id", ""):
            # Somebody may have deleted the post that began the thread.
            return await self._posted(url, document, headers, contact)
        return outcome

    async def _posted(
        self, url: str, document: Mapping[str, str], headers: Mapping[str, str], contact: Contact
    ) -> Outcome:
        match await post(self.http, url, json.dumps(document).encode(), headers, self.bound):
            case Reply(status=200, text="ok"):
                return Accepted("ok")
            case Reply() as reply:
                return self._outcome(reply, contact)
            case Refused() | Unreachable() as failure:
                return failure

    def _outcome(self, reply: Reply, contact: Contact) -> Outcome:
        secrets = self.token, contact.address, contact.address.rpartition("/")[2]
        match reply.fields():
            case {"id": str(number), "channel_id": _} if reply.status == 201:
                return Accepted(reply.line, provider_id=quoted(number, *secrets))
            case {"message": str(message)}:
                return reply.failure(quoted(message, *secrets))
        return reply.failure()


def _text(notice: Notice) -> str:
    title, links = f"**{_plain(notice.title)}**", markdown_links(notice.buttons)
    room = MESSAGE_LIMIT - len(title) - len(links) - 2
    lines = map(_plain, fitted(notice.lines, room, lambda line: len(_plain(line))))
    return "\n".join(filter(None, [title, *lines, links]))


def _plain(text: str) -> str:
    """Return the text without markup, emoji or mentions: a job may be called `*_sync*`, or @channel."""
    return _EMOJI.sub(":\u200b", unmentioned(unmarked(text, _MARKUP)))
