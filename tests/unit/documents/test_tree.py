"""The tests mirror the tree: tests/unit/<wing>/test_<room>.py tests that room, or is listed here with its subject."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.unit.documents.documentation import ROOT

UNIT = ROOT / "tests" / "unit"
SUBJECTS: Mapping[str, str] = {
    "alerting/test_detour_of_digests.py": "digests and news that go past a channel that fails for everybody",
    "alerting/test_catch_all.py": "those who are paged where nobody of a policy can be reached",
    "alerting/test_quiet_pages.py": "pages in the quiet hours of a person",
    "alerting/test_reading.py": "every kind of notice on every channel",
    "alerting/notifiers/test_codes.py": "a code that proves a contact, on every channel",
    "alerting/notifiers/test_http_notifiers.py": "every notifier that sends over HTTP",
    "definitions/test_plan_of_renames.py": "checks that a configuration renames or deletes",
    "definitions/test_unknown_field.py": "unknown fields, in the file and in the API",
    "http/callbacks/test_push_page.py": "a page by push, up to its receipt",
    "http/console/checks/test_overview.py": "the overview",
    "http/console/incidents/test_list.py": "lists of incidents",
    "http/console/incidents/test_page.py": "the screen of one incident",
    "http/console/test_rendering.py": "HTML, assets and text of strangers",
    "http/console/test_offers.py": "links and buttons by role",
    "http/callbacks/test_chats.py": "answers in chats, by mail and at PagerDuty",
    "http/callbacks/test_opsgenie.py": "answers at Opsgenie",
    "http/test_audited_changes.py": "the audit log of every address that changes something",
    "http/test_ping_addresses.py": "who sees the addresses that ping checks",
    "operations/test_private_files.py": "the modes of new files",
    "http/test_gates.py": "the access to every address",
    "http/test_one_lock_an_answer.py": "the locks of an answer, from each of its ways in",
    "http/test_person_and_user.py": "people who are users: their name, their notices, their on-call",
    "http/test_proxy.py": "sign-in by a proxy",
    "http/test_style.py": "the stylesheet",
    "http/test_tracing.py": "the spans of the whole system",
    "http/test_words_of_causes.py": "the words of a cause, wherever they are shown",
    "http/v1/test_access.py": "users, keys and the audit log through the API",
    "http/v1/test_define.py": "checks defined through the API",
    "http/v1/test_definitions.py": "other definitions through the API",
    "http/v1/test_every_tag.py": "the entity tag of every answer",
    "http/v1/test_manual.py": "the examples of the manual, in their order",
    "http/v1/test_reads.py": "repeated reads, in slices and by tag",
    "http/v1/test_turns.py": "two changes of one maintenance at the same moment",
    "http/v1/test_twice.py": "every POST, sent twice",
    "http/v1/test_configuration.py": "the configuration through the API",
    "http/v1/test_errors.py": "errors of the API",
    "pings/test_expectations.py": "runs that break an expectation, from the ping to the page",
    "pings/test_ping_cost.py": "the cost of a ping in the database",
    "test_spare_databases.py": "the databases that the tests use again",
}
REQUIRED = ("desk", "gather", "courier", "outbox", "escalator", "checker", "history")
"""Rooms that must have a test file of their own, as every store must."""


def wing_of(test_file: Path) -> Path | None:
    """Return the folder of rooms that a test file's folder mirrors, or None."""
    folder = test_file.parent.relative_to(UNIT)
    wing = ROOT / folder if folder.parts[:1] == ("alerting",) else ROOT / "heartbeat" / folder
    return wing if wing.is_dir() else None


def rooms_by_test() -> Iterator[tuple[str, Path]]:
    """Yield every test file in the folder of a wing, with the room that its name names."""
    for test_file in sorted(UNIT.rglob("test_*.py")):
        if wing := wing_of(test_file):
            yield test_file.relative_to(UNIT).as_posix(), wing / test_file.name.removeprefix("test_")


def rooms_that_need_tests() -> list[Path]:
    rooms = [path for package in ("alerting", "heartbeat") for path in sorted((ROOT / package).rglob("*.py"))]
    needed = [room for room in rooms if room.stem in REQUIRED or room.stem.endswith("store")]
    return [room.relative_to(ROOT) for room in needed]


def test_a_test_file_names_its_room_or_its_subject_is_listed() -> None:
    nameless = {name for name, room in rooms_by_test() if not room.exists()}
    assert nameless == set(SUBJECTS)


@pytest.mark.parametrize("room", rooms_that_need_tests(), ids=str)
def test_every_store_and_every_room_that_pages_has_its_test_file(room: Path) -> None:
    folder = room.parent if room.parts[0] == "alerting" else room.parent.relative_to("heartbeat")
    assert (UNIT / folder / f"test_{room.name}").exists()
