"""The console shows a page as a phone would, and cannot be held up or taken over by it."""

import io
import threading
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from alerting.notice import Notice, NoticeKind
from alerting.notifiers.console import Console
from alerting.notifiers.contract import Accepted, Contact, Unreachable

TERMINAL = Contact("console", "terminal")


async def test_what_is_printed(
    http: httpx.AsyncClient, notice: Notice, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await Console.configured({}, http).send(notice, TERMINAL) == Accepted("printed")
    assert capsys.readouterr().out == (
        "╭─ CRITICAL us-housekeeping: 4 of 11 jobs silent\n"
        "│  daily-cpu-reset due 03:00, last heard 02 May 03:01 (24 h ago)\n"
        "│  7 jobs on the host alive, newest 03:04\n"
        "│  You are first on call (ops). If nobody answers, Ben is paged at 03:20\n"
        "│\n"
        "│  Acknowledge  https://hb.example.com/ack/t0ken\n"
        "│  Open         https://hb.example.com/incidents/17\n"
        "╰─ page to terminal\n"
    )


async def test_a_notice_without_links_has_none(notice: Notice) -> None:
    stream = io.StringIO()
    recovered = replace(
        notice, kind=NoticeKind.RECOVERED, lines=("all 11 alive",), open_url=None, ack_url=None
    )
    await Console(stream=stream).send(recovered, TERMINAL)
    assert stream.getvalue().splitlines()[1:] == ["│  all 11 alive", "╰─ recovered to terminal"]


async def test_a_jobs_output_cannot_steer_the_terminal(notice: Notice) -> None:
    stream = io.StringIO()
    await Console(stream=stream).send(replace(notice, lines=("\x1b[2Jgone\r\nfake",)), TERMINAL)
    assert "│   [2Jgone  fake\n" in stream.getvalue()


async def test_a_terminal_that_knows_ascii_only_still_shows_the_page(notice: Notice) -> None:
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding="ascii")
    assert await Console(stream=stream).send(notice, TERMINAL) == Accepted("printed")
    assert b"CRITICAL us-housekeeping" in written.getvalue()


async def test_a_closed_stream_is_unreachable(notice: Notice) -> None:
    stream = io.StringIO()
    stream.close()
    outcome = await Console(stream=stream).send(notice, TERMINAL)
    assert outcome == Unreachable("cannot write to the console")


async def test_a_terminal_that_is_held_up_holds_up_nobody(notice: Notice, bound: timedelta) -> None:
    released = threading.Event()

    class Held(io.StringIO):
        def write(self, text: str) -> int:
            released.wait(5)
            return super().write(text)

    outcome = await Console(stream=Held(), bound=bound).send(notice, TERMINAL)
    released.set()
    assert outcome == Unreachable("cannot write to the console")


def test_there_is_nothing_to_set(http: httpx.AsyncClient) -> None:
    with pytest.raises(ValueError, match="colour is not a setting here; the settings are: none"):
        Console.configured({"colour": "always"}, http)
