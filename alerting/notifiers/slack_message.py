"""A message of Slack: text for the phone's notification, and blocks for the channel.

Sources: Block Kit reference, and the formatting of text.
"""

import html
import re
from collections.abc import Iterator

from alerting.notice import Notice

HEADER_LIMIT = 150
SECTION_LIMIT = 3000
"""The most characters in the text of a header and of a section (Block Kit reference)."""
ACKNOWLEDGE = "acknowledge"
"""The name of the button that calls back."""


def message(notice: Notice, *, calls_back: bool = False) -> dict[str, object]:
    """Return the message: the phone's notification shows `text`, the channel shows `blocks`.

    If it `calls_back`, the button carries the id of the notice to Slack's app. Otherwise it is a link.
    """
    return {
        "text": _escaped("\n".join((notice.title, *notice.lines)), SECTION_LIMIT),
        "blocks": list(_blocks(notice, calls_back)),
    }


def _blocks(notice: Notice, calls_back: bool) -> Iterator[dict[str, object]]:
    yield {"type": "header", "text": _plain(notice.title, HEADER_LIMIT)}
    if notice.text:
        yield {"type": "section", "text": _plain(notice.text, SECTION_LIMIT)}
    if buttons := list(_buttons(notice, calls_back)):
        yield {"type": "actions", "elements": buttons}


def _buttons(notice: Notice, calls_back: bool) -> Iterator[dict[str, object]]:
    for label, url in notice.buttons:
        button: dict[str, object] = {"type": "button", "text": _plain(label, HEADER_LIMIT)}
        acknowledges = url == notice.ack_url
        button |= (
            {"action_id": ACKNOWLEDGE, "value": notice.id} if acknowledges and calls_back else {"url": url}
        )
        yield button | ({"style": "primary"} if acknowledges else {})


def _plain(text: str, limit: int) -> dict[str, object]:
    """Return plain text: in mrkdwn, a job named `*_sync` would turn bold and a time `:15:` an emoji."""
    return {"type": "plain_text", "text": _escaped(text, limit), "emoji": False}


def _escaped(text: str, limit: int) -> str:
    """Return the text with the three characters escaped that Slack names, cut from the end, never inside an entity."""
    escaped = html.escape(text, quote=False)
    return escaped if len(escaped) <= limit else re.sub(r"&[a-z]*\Z", "", escaped[:limit])
