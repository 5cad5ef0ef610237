"""The reading test: every kind of notice on every channel, read as a tired person reads it.

It also writes all of them to build/notices.html, to be looked at.
"""

import html
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from email.headerregistry import Address
from io import StringIO
from pathlib import Path

import httpx
import pytest

from alerting import digest, notice
from alerting.contact_code import LASTS
from alerting.digest import Beside, Digest, Group
from alerting.notice import Notice
from alerting.notifiers import email
from alerting.notifiers.console import Console
from alerting.notifiers.contract import Accepted, Contact, Notifier
from alerting.notifiers.ntfy import Ntfy
from alerting.notifiers.pagerduty import PagerDuty
from alerting.notifiers.slack import Slack
from alerting.notifiers.webhook import Webhook
from alerting.severity import Severity
from alerting.subject import Links, NoticeKind
from alerting.surroundings import Elsewhere
from tests.unit.alerting.notices import CASES, Case
from tests.unit.alerting.subjects import ANNA, AT

SEEN = Path(__file__).parents[3] / "build" / "notices.html"
PAGES = [case for case in CASES if case.about.kind is NoticeKind.PAGE]

HOSTS = Elsewhere("hosts", 1_239, 38)


def composed() -> Iterator[tuple[str, Notice]]:
    """Every notice, with its name."""
    for case in CASES:
        yield case.name, notice.compose(case.about, AT)
    yield from _digests()
    links = Links("https://h.example/on-call", "https://h.example/answer/test/MTc")
    contact = Contact("ntfy", "topic")
    yield "a test", notice.trial(ANNA, contact, Severity.CRITICAL, links, AT, "a1b2c3")
    yield (
        "a code",
        notice.proof_code(
            ANNA, contact, "482913", LASTS, home="https://h.example", installation="a1b2c3", now=AT
        ),
    )


def _digests() -> Iterator[tuple[str, Notice]]:
    silent = Group(Severity.CRITICAL, "silent", 1200, 3400, [f"web-{n} (3 jobs)" for n in range(100)])
    storm = Digest(
        7,
        "heartbeat-digest-7",
        NoticeKind.PAGE,
        [silent, Group(Severity.ERROR, "failed", 2, 2, ["Import feed", "Nightly backup"])],
        "",
        AT - timedelta(minutes=2),
        AT + timedelta(minutes=5),
    )
    links = Links("https://h.example/incidents", "https://h.example/answer/digest/token")
    beside = Beside(1_210, 1_204, HOSTS)
    yield "a digest of a storm", digest.compose(storm, CASES[0].about, beside, links, AT)
    about = {case.about.kind: case.about for case in CASES}
    news = replace(storm, kind=NoticeKind.UPDATE, next_at=None)
    yield "a digest of updates", digest.compose(news, about[NoticeKind.UPDATE], beside, links, AT)
    over = replace(news, kind=NoticeKind.RECOVERED, recovered=True)
    yield (
        "a digest of recoveries",
        digest.compose(over, about[NoticeKind.RECOVERED], Beside(8, 2, HOSTS), links, AT),
    )
    answered = replace(news, kind=NoticeKind.ACKNOWLEDGED, words="acknowledged by Anna")
    yield (
        "a digest of acknowledgements",
        digest.compose(answered, about[NoticeKind.ACKNOWLEDGED], Beside(1_210, 8, HOSTS), links, AT),
    )


def mail_of(sent: Notice) -> str:
    """The mail as a program shows it: the subject, then the text."""
    message = email._message(sent, Address(addr_spec="heartbeat@example.com"), "anna@example.org")
    return f"{message['Subject']}\n{message.get_content()}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_questions_are_answered_in_the_first_twelve_lines_of_a_mail(case: Case) -> None:
    lines = mail_of(notice.compose(case.about, AT)).splitlines()[:12]
    text = "\n".join(lines)
    assert [answer for answer in case.answers if answer not in text] == []


@pytest.mark.parametrize("case", PAGES, ids=lambda case: case.name)
def test_all_ten_questions_and_four_in_a_short_text_are_answered_by_a_page(case: Case) -> None:
    assert len(case.answers) == 10
    short = notice.compose(case.about, AT).short
    assert [answer for answer in case.answers[:4] if answer not in short] == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_notice_says_what_it_is_about(case: Case) -> None:
    composed = notice.compose(case.about, AT)
    assert any(
        name in composed.title for name in ("us-housekeeping", "Import feed", "Nightly backup", "Weekly")
    )
    assert "CLOSED" not in composed.title


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_notice_of_what_goes_on_says_how_bad_it_is_and_an_update_why_you(case: Case) -> None:
    composed = notice.compose(case.about, AT)
    going_on = case.about.kind is not NoticeKind.RECOVERED
    assert not going_on or case.about.incident.severity in f"{composed.title} {composed.text}".lower()
    assert case.about.kind is not NoticeKind.UPDATE or "You were paged for it (ops)." in composed.text


def test_no_notice_shouts_greets_or_apologises() -> None:
    for _, sent in composed():
        text = f"{sent.title}\n{sent.text}"
        assert not any(word in text for word in ("!", "Hello", "Sorry", "sorry", "heartbeat:"))


async def test_every_notice_is_shown_on_every_channel_to_be_looked_at() -> None:
    shown = [
        (name, [(channel, text) async for channel, text in _channels(sent)]) for name, sent in composed()
    ]
    SEEN.parent.mkdir(exist_ok=True)
    SEEN.write_text(_page(shown), encoding="utf-8")
    assert all(len(channels) == 7 for _, channels in shown)


async def _channels(sent: Notice) -> AsyncIterator[tuple[str, str]]:
    yield "short text", sent.short
    yield "mail", mail_of(sent)
    stream = StringIO()
    assert await Console(stream=stream).send(sent, Contact("console", "terminal")) == Accepted("printed")
    yield "terminal", stream.getvalue()
    yield "ntfy", _ntfy(await _wire(sent, Ntfy, "https://ntfy.example/ops", '{"id": "x"}'))
    yield "slack", _slack(await _wire(sent, Slack, "https://hooks.example/x", "ok"))
    yield "pagerduty", _json(await _wire(sent, PagerDuty, "k" * 32, "{}", 202))
    yield "webhook", _json(await _wire(sent, Webhook, "https://hook.example/x", ""))


async def _wire(
    sent: Notice, kind: Callable[..., Notifier], address: str, answer: str, status: int = 200
) -> dict[str, object]:
    """What a provider gets."""
    bodies: list[bytes] = []

    async def said() -> AsyncIterator[bytes]:
        yield answer.encode()

    def provider(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content)
        return httpx.Response(status, content=said())

    async with httpx.AsyncClient(transport=httpx.MockTransport(provider)) as http:
        outcome = await kind(http=http).send(sent, Contact("x", address))
    assert isinstance(outcome, Accepted), outcome
    received: dict[str, object] = json.loads(bodies[-1])
    return received


def _ntfy(document: dict[str, object]) -> str:
    actions = document.get("actions")
    buttons = [f"[ {action['label']} ]" for action in actions] if isinstance(actions, list) else []
    marks = document.get("tags", "no mark")
    return f"{marks} {document['title']}\n{document['message']}\n{'  '.join(buttons)}"


def _slack(message: dict[str, object]) -> str:
    blocks = message["blocks"]
    assert isinstance(blocks, list)
    parts = [block["text"]["text"] for block in blocks if "text" in block]
    buttons = [f"[ {b['text']['text']} ]" for block in blocks for b in block.get("elements", ())]
    return "\n".join([*parts, "  ".join(buttons)])


def _json(document: dict[str, object]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False)


def _page(shown: list[tuple[str, list[tuple[str, str]]]]) -> str:
    style = (
        "body{font:15px system-ui;margin:24px;background:#f6f6f4;color:#222}h2{margin:32px 0 8px}"
        ".row{display:flex;gap:16px;overflow:auto}.card{flex:0 0 390px;max-height:520px;overflow:auto;"
        "background:#fff;border:1px solid #ddd;border-radius:6px;padding:12px}"
        "pre{white-space:pre-wrap;overflow-wrap:anywhere;font:13px/1.45 system-ui;margin:0}"
        "h3{margin:0 0 8px;color:#777;font-size:12px}"
    )
    sections = [
        f"<h2>{html.escape(name)}</h2><div class=row>"
        + "".join(
            f"<div class=card><h3>{channel}</h3><pre>{html.escape(text)}</pre></div>"
            for channel, text in channels
        )
        + "</div>"
        for name, channels in shown
    ]
    head = f"<!doctype html><meta charset=utf-8><title>Every notice</title><style>{style}</style>"
    return f"{head}<h1>Every notice on every channel</h1>{''.join(sections)}"
