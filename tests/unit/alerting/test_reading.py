"""The reading test: every kind of notice on every channel, read as a tired person reads it.

It also writes all of them to build/notices.html, to be looked at.
"""

import html
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from email.headerregistry import Address
from io import StringIO
from pathlib import Path

import httpx
import pytest

from alerting import digest, notice
from alerting.digest import Beside, Digest, Group
from alerting.notice import Notice
from alerting.notifiers import email
from alerting.notifiers.console import Console
from alerting.notifiers.contract import Accepted, Contact, Notifier
from alerting.notifiers.ntfy import Ntfy
from alerting.notifiers.pagerduty import PagerDuty
from alerting.notifiers.slack import Slack
from alerting.notifiers.webhook import Webhook
from alerting.recap import Recap
from alerting.severity import Severity
from alerting.subject import Links, NoticeKind, Subject
from alerting.surroundings import Elsewhere, LateJob, OtherIncident, Surroundings
from tests.unit.alerting.subjects import (
    ACKNOWLEDGED,
    ANNA,
    AROUND,
    AT,
    FAILED,
    JOBS,
    JOINED,
    ON_DB,
    SILENT,
    ended,
    failed,
    one_job,
    subject,
    symptom,
    well,
)

SEEN = Path(__file__).parents[3] / "build" / "notices.html"
OUTPUT = "\n".join(f"line {number}: copied part {number}" for number in range(1, 20)) + "\ndisk full"
BACKUP = failed(
    "Nightly backup",
    facts=replace(
        FAILED,
        output=OUTPUT,
        description="Copies the customers' databases to the other site. Nothing is lost if one night is missed.",
        runbook="https://wiki.example.com/nightly-backup",
        last_well_at=AT - timedelta(hours=24),
    ),
)
NEVER = symptom("Weekly report", facts=replace(SILENT, last_heard_at=None, last_said="", never_well=True))
OVERRAN = symptom(
    "Import feed",
    cause="overrun",
    facts=replace(
        SILENT,
        expected_at=None,
        began_at=AT - timedelta(minutes=31),
        why="still running after its maximum run time of 30 min",
    ),
)
TOO = symptom(
    "Import feed", 3, facts=replace(SILENT, earlier_cause="failed", earlier_at=AT - timedelta(minutes=10))
)
LONG = ended(opened_at=AT - timedelta(hours=4, minutes=38))
WHOLE = replace(AROUND, alive=11)
BESIDE = replace(
    AROUND,
    alive=5,
    late=1,
    late_jobs=(LateJob("node-probe", AT - timedelta(seconds=30)),),
    incidents=(OtherIncident(14, "Import feed failed"),),
    down_besides={"failed": 1},
)
MANY = [*JOBS, *JOINED, failed("quota-sync", 7), failed("dns-export", 8)]
LONDON = replace(ANNA, timezone="Europe/London")


@dataclass(frozen=True)
class Case:
    """A notice with the phrases that answer the ten questions; those of the first four are in a short text too."""

    name: str
    about: Subject
    answers: tuple[str, ...] = ()


CASES = [
    Case(
        "several jobs of a host are silent",
        subject(),
        (
            "us-housekeeping",
            "4 of 11",
            "due 03:00 UTC",
            "CRITICAL",
            "due 03:00 UTC",
            "7 other jobs on us-housekeeping are fine",
            "last heard 02 May 03:01 UTC",
            "You are first on call (ops), with Ben",
            "Cleo is paged at 03:20 UTC",
            "Acknowledge: ",
        ),
    ),
    Case(
        "one job failed",
        one_job(job=BACKUP),
        (
            "Nightly backup",
            "Nightly backup failed (db-1)",
            "at 03:07 UTC (8 min ago)",
            "CRITICAL",
            "last succeeded 02 May 03:15 UTC (24 h ago)",
            "All 38 other hosts are fine",
            "last succeeded 02 May 03:15 UTC",
            "You are first on call (ops)",
            "Cleo is paged at 03:20 UTC",
            "Acknowledge: ",
        ),
    ),
    Case(
        "one job was never heard, read in London",
        one_job(job=NEVER, person=LONDON),
        (
            "Weekly report",
            "Weekly report silent (db-1)",
            "due 04:00 BST",
            "CRITICAL",
            "due 04:00 BST",
            "All 38 other hosts are fine",
            "never heard",
            "You are first on call (ops)",
            "Cleo is paged at 04:20 BST",
            "Acknowledge: ",
        ),
    ),
    Case(
        "one job overran, on a channel of several people",
        one_job(job=OVERRAN, shared=True),
        (
            "Import feed",
            "Import feed overran (db-1)",
            "started 02:44 UTC (31 min ago)",
            "CRITICAL",
            "maximum run time of 30 min",
            "All 38 other hosts are fine",
            "started 02:44 UTC",
            "Anna is first on call (ops), with Ben",
            "Cleo is paged at 03:20 UTC",
            "Acknowledge: ",
        ),
    ),
    Case(
        "the third page of mixed causes, with another incident and a late job",
        subject(
            symptoms=MANY,
            surroundings=BESIDE,
            step=2,
            recap=Recap(3, AT - timedelta(minutes=12)),
            next_people=[ANNA],
            with_people=(),
        ),
        (
            "us-housekeeping",
            "6 of 11 jobs silent",
            "3rd page, unanswered for 12 min",
            "CRITICAL",
            "due 03:00 UTC",
            "5 other jobs on us-housekeeping are fine",
            "last heard 02 May 03:01 UTC",
            "You are second on call (ops)",
            "you are paged again at 03:20 UTC",
            "Acknowledge: ",
        ),
    ),
    Case(
        "two more jobs, acknowledged",
        subject(NoticeKind.UPDATE, symptoms=[*JOBS, *JOINED], joined=(5, 6), incident=ACKNOWLEDGED),
    ),
    Case("two more jobs, not answered", subject(NoticeKind.UPDATE, symptoms=[*JOBS, *JOINED], joined=(5, 6))),
    Case("three are back", subject(NoticeKind.UPDATE, symptoms=[*well(JOBS[:3]), JOBS[3]], back=(1, 2, 3))),
    Case("a failed job is silent too", one_job(NoticeKind.UPDATE, TOO, changed=(3,))),
    Case(
        "acknowledged", subject(NoticeKind.ACKNOWLEDGED, incident=ACKNOWLEDGED, words="acknowledged by Anna")
    ),
    Case(
        "a host is fine again",
        subject(NoticeKind.RECOVERED, incident=LONG, symptoms=well(JOBS), surroundings=WHOLE),
    ),
    Case(
        "a job is fine again",
        one_job(NoticeKind.RECOVERED, well([BACKUP])[0], incident=LONG, surroundings=replace(ON_DB, alive=1)),
    ),
    Case(
        "jobs are back and another is not",
        subject(NoticeKind.RECOVERED, incident=LONG, symptoms=well(JOBS), surroundings=BESIDE),
    ),
    Case(
        "resolved by hand",
        subject(
            NoticeKind.RECOVERED,
            incident=ended("Ann"),
            symptoms=well(JOBS, why="resolved by Ann"),
            words="resolved by Ann",
        ),
    ),
    Case(
        "paused",
        one_job(
            NoticeKind.RECOVERED,
            well([BACKUP], why="paused by Ann")[0],
            incident=LONG,
            surroundings=Surroundings(0, 0, group="db-1"),
        ),
    ),
]
PAGES = [case for case in CASES if case.answers]
HOSTS = Elsewhere("hosts", 1_239, 38)


def composed() -> Iterator[tuple[str, Notice]]:
    """Every notice, with its name."""
    for case in CASES:
        yield case.name, notice.compose(case.about, AT)
    storm = Digest(
        7,
        "heartbeat-digest-7",
        NoticeKind.PAGE,
        [
            Group(Severity.CRITICAL, "silent", 1200, 3400, [f"web-{n} (3 jobs)" for n in range(100)]),
            Group(Severity.ERROR, "failed", 2, 2, ["Import feed", "Nightly backup"]),
        ],
        "",
        AT - timedelta(minutes=2),
        AT + timedelta(minutes=5),
    )
    links = Links("https://h.example/incidents", "https://h.example/answer/digest/token")
    yield "a digest of a storm", digest.compose(storm, PAGES[0].about, Beside(1_210, 1_204, HOSTS), links, AT)
    links = Links("https://h.example/on-call", "https://h.example/answer/test/MTc")
    yield "a test", notice.trial(ANNA, Contact("ntfy", "topic"), Severity.CRITICAL, links, AT, "a1b2c3")


def mail_of(sent: Notice) -> str:
    """The mail as a program shows it: the subject, then the text."""
    message = email._message(sent, Address(addr_spec="heartbeat@example.com"), "anna@example.org")
    return f"{message['Subject']}\n{message.get_content()}"


@pytest.mark.parametrize("case", PAGES, ids=lambda case: case.name)
def test_ten_questions_are_answered_in_the_first_twelve_lines_of_a_mail(case: Case) -> None:
    lines = mail_of(notice.compose(case.about, AT)).splitlines()[:12]
    text = "\n".join(lines)
    assert [answer for answer in case.answers if answer not in text] == []
    assert len(case.answers) == 10


@pytest.mark.parametrize("case", PAGES, ids=lambda case: case.name)
def test_four_questions_are_answered_in_a_short_text(case: Case) -> None:
    short = notice.compose(case.about, AT).short
    assert [answer for answer in case.answers[:4] if answer not in short] == []


@pytest.mark.parametrize("kind", [NoticeKind.UPDATE, NoticeKind.ACKNOWLEDGED, NoticeKind.RECOVERED])
def test_every_other_notice_says_what_it_is_about_and_how_it_stands(kind: NoticeKind) -> None:
    for case in CASES:
        if case.about.kind is kind:
            title = notice.compose(case.about, AT).title
            assert any(name in title for name in ("us-housekeeping", "Import feed", "Nightly backup"))
            assert "CLOSED" not in title


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
