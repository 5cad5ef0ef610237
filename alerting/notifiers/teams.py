"""Microsoft Teams: an adaptive card to a channel or chat through the webhook of a workflow."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Self

import httpx

from alerting.notice import Notice, NoticeKind
from alerting.notifiers.contract import Accepted, Contact, Outcome, Refused, Unreachable
from alerting.notifiers.settings import is_secret, refuse_unknown, web_address
from alerting.notifiers.transport.http import BOUND, Reply, post
from alerting.notifiers.wording import fitted, one_line

MESSAGE_LIMIT = 28_000
"""The most bytes of a message (Microsoft Teams, limits of webhooks: 28 kB)."""

_COLORS = {NoticeKind.PAGE: "Attention", NoticeKind.UPDATE: "Attention", NoticeKind.DIGEST: "Attention"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Teams:
    """Posts to the workflow webhook whose URL is the address. Anybody who knows the URL can post."""

    kind: ClassVar[str] = "teams"
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
        return "the address must be a workflow webhook's URL, such as https://….api.powerplatform.com/…"

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        """Post the notice. 202 means that the workflow has begun: it posts the card later, and reports no failure."""
        match await post(self.http, contact.address, _message(notice), {}, self.bound):
            case Reply(status=202) as reply:
                return Accepted(reply.line)
            case Reply() as reply:
                return reply.failure(_code(reply))
            case Refused() | Unreachable() as failure:
                return failure


def _code(reply: Reply) -> str:
    """Return the code of an error, such as WorkflowTriggerIsNotEnabled. Its message can repeat the request."""
    match reply.fields():
        case {"error": {"code": str(code)}} if re.fullmatch(r"[A-Za-z]{1,64}", code):
            return code
    return ""


def _message(notice: Notice) -> bytes:
    room = MESSAGE_LIMIT - len(_dumped(notice, []))
    return _dumped(notice, fitted(notice.lines, room, lambda line: len(json.dumps(_paragraph(line))) + 1))


def _dumped(notice: Notice, lines: list[str]) -> bytes:
    color = "Good" if notice.fine else _COLORS.get(notice.kind, "Default")
    title = _paragraph(notice.title, weight="Bolder", size="Medium", color=color)
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": [title, *map(_paragraph, lines)],
        "actions": [{"type": "Action.OpenUrl", "title": label, "url": url} for label, url in notice.buttons],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return json.dumps({"type": "message", "attachments": [attachment]}).encode()


def _paragraph(text: str, **style: str) -> dict[str, object]:
    """Return one paragraph. A run of text knows no markup and no mentions, unlike a text block."""
    run = {"type": "TextRun", "text": one_line(text), **style}
    return {"type": "RichTextBlock", "spacing": "Small", "inlines": [run]}
