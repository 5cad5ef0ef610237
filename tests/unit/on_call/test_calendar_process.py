"""A calendar is read in a process of its own, which ends in time whatever the calendar asks for."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import heartbeat
from heartbeat.on_call import calendar_process, calendar_reader
from heartbeat.on_call.event import Unreadable
from tests.unit.on_call.test_calendar_events import CUSTOM, LATER, calendar, event

START, END = datetime(2026, 9, 1, tzinfo=UTC), datetime(2027, 9, 1, tzinfo=UTC)
NEVER = event("DTSTART:00010101T000000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", uid="")


async def read(text: str) -> object:
    return await calendar_process.events(text, "Europe/Berlin", START, END)


async def test_a_calendar_is_read() -> None:
    assert await read(calendar(event("DTSTART:20261102T080000", "DURATION:PT1H"))) == [
        ["2026-11-02T07:00:00+00:00", "2026-11-02T08:00:00+00:00", "Anna", []]
    ]


async def test_what_is_refused_is_told() -> None:
    with pytest.raises(Unreadable, match="repeats an event each hour, minute or second"):
        await read(calendar(event(*LATER, "RRULE:FREQ=SECONDLY")))


async def test_a_calendar_that_asks_for_too_much_is_ended_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendar_process, "BOUND", 2.0)
    began = monotonic()
    with pytest.raises(Unreadable, match="takes too long to read"):
        await read(calendar(*[NEVER] * 100))
    assert monotonic() - began < 10


async def test_the_process_bounds_its_own_computing(monkeypatch: pytest.MonkeyPatch) -> None:
    program = "from heartbeat.on_call import calendar_reader as room; room.CPU = 1; room.main()"
    monkeypatch.setattr(calendar_process, "PROGRAM", ("-c", program))
    with pytest.raises(Unreadable, match="takes too much time or memory to read"):
        await read(calendar(*[NEVER] * 100))


async def test_a_calendar_is_read_also_where_no_process_may_limit_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = """
import os, resource
from heartbeat.on_call import calendar_reader

def refused(*_):
    raise PermissionError(1, "Operation not permitted")

resource.setrlimit = os.nice = refused
calendar_reader.main()
"""
    monkeypatch.setattr(calendar_process, "PROGRAM", ("-c", program))
    assert await read(calendar()) == []


@pytest.mark.parametrize(
    "line",
    ["RECURRENCE-ID:20261102T080000Z\nRECURRENCE-ID:20261103T080000Z", "DTEND:x\nDTEND:y", "UID:a\nUID:b"],
)
def test_whatever_a_calendar_has_twice_is_told_or_read(line: str) -> None:
    text = calendar(event("DTSTART:20261102T080000Z", "DURATION:PT1H", *line.split("\n")))
    request = {"text": text, "zone": "UTC", "start": START.isoformat(), "end": END.isoformat()}
    assert calendar_reader.answer(request).keys() <= {"fault", "events"}


def test_too_much_text_does_not_come_out() -> None:
    many = [f"ATTENDEE;CN={'x' * 90}{number}:mailto:{'y' * 90}@example.com" for number in range(10)]
    text = calendar(*[event(*LATER, *many, uid="")] * 600)
    request = {"text": text, "zone": "UTC", "start": START.isoformat(), "end": END.isoformat()}
    assert calendar_reader.answer(request) == {"fault": "has too many events with too many people"}
    assert len(json.dumps(calendar_reader.answer(request | {"text": calendar()}))) < 100


def test_only_the_process_that_reads_a_calendar_loads_the_library() -> None:
    program = "import sys, heartbeat.app; sys.exit('icalendar' in sys.modules)"
    environment = {"PYTHONPATH": str(Path(heartbeat.__file__).parents[1])}
    assert subprocess.run([sys.executable, "-P", "-c", program], env=environment, check=False).returncode == 0


SAMPLE = calendar(
    CUSTOM,
    event(
        "DTSTART;TZID=Our office:20261102T080000", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=3", "SEQUENCE:1"
    ),
    event("DTSTART;VALUE=DATE:20261103", "RECURRENCE-ID;VALUE=DATE:20261103", "EXDATE:20261104T080000Z"),
    event("DTSTART:20261105T080000Z", "DTEND:20261105T090000Z", "ATTENDEE;CN=Anna:mailto:anna@example.com"),
).split("\r\n")


@settings(max_examples=150, deadline=None)
@given(
    edits=st.lists(
        st.tuples(
            st.integers(0, len(SAMPLE) - 1),
            st.sampled_from(["drop", "twice", "swap", "cut", "garble"]),
            st.text(alphabet=";:=,-/TZ019 \t\x00Ä", max_size=6),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_a_damaged_calendar_is_read_or_refused_in_one_sentence(edits: list[tuple[int, str, str]]) -> None:
    lines = list(SAMPLE)
    for place, edit, garbage in edits:
        line = lines[place % len(lines)]
        lines[place % len(lines) : place % len(lines) + 1] = {
            "drop": [],
            "twice": [line, line],
            "swap": [lines[(place + 7) % len(lines)], line],
            "cut": [line[: len(line) // 2]],
            "garble": [line[:-3] + garbage],
        }[edit]
    request = {"text": "\r\n".join(lines), "zone": "UTC", "start": START.isoformat(), "end": END.isoformat()}
    answer = calendar_reader.answer(request)
    assert answer.keys() == {"events"} or "\n" not in answer["fault"]
