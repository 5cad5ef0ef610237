"""The SQL of announcements, and of the states of checks behind a status page."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, update

from heartbeat.checks import maintenance_store
from heartbeat.checks.check import Check, State
from heartbeat.checks.maintenance import WindowDefinition
from heartbeat.checks.tables import checks, transitions
from heartbeat.status import store
from heartbeat.status.announcement import Affected, Announcement, Status, Update
from heartbeat.status.health import CheckCount, Health
from tests.unit.conftest import NOW, a_check
from tests.unit.status.test_announcement import an_announcement

Insert = Callable[[Connection, list[Check]], dict[str, Check]]
HOUR = timedelta(hours=1)
MOVE = WindowDefinition("Move", "", {"host": "a"}, NOW, NOW + HOUR)
CPU, MAIL = {"component": "cpu"}, {"component": "mail"}


def add(db: Connection, **fields: Any) -> Announcement:
    """Add an announcement, published unless `fields` says otherwise, and return it with its number."""
    announcement = replace(an_announcement(), **fields)
    return replace(announcement, id=store.add(db, announcement))


def test_checks_are_counted_by_labels_and_state_since_the_first_change(
    db: Connection, insert: Insert
) -> None:
    insert(db, [a_check("a", labels=CPU), a_check("b", labels=CPU), a_check("c", labels=MAIL)])
    db.execute(update(checks).where(checks.c.slug == "b").values(since=NOW - HOUR))

    counts = sorted(store.check_counts(db), key=lambda counted: counted.count)

    assert counts == [
        CheckCount(MAIL, State.NEW.value, 1, NOW),
        CheckCount(CPU, State.NEW.value, 2, NOW - HOUR),
    ]


def test_the_labels_of_checks_are_distinct(db: Connection, insert: Insert) -> None:
    jobs = insert(db, [a_check("a", labels=CPU), a_check("b", labels=CPU), a_check("c", labels=MAIL)])
    assert sorted(store.labels(db), key=str) == [CPU, MAIL]
    assert store.labels(db, [jobs["c"].id]) == [MAIL]
    assert store.labels(db, []) == []


def test_the_mark_changes_with_everything_that_a_page_shows(db: Connection, insert: Insert) -> None:
    marks = [store.mark(db)]
    job = insert(db, [a_check()])["job"]
    db.execute(transitions.insert().values(check_id=job.id, at=NOW, state="up", why=""))
    marks.append(store.mark(db))
    draft = add(db, published_at=None)
    marks.append(store.mark(db))
    store.save(db, replace(draft, published_at=NOW, changed_at=NOW + HOUR))
    marks.append(store.mark(db))
    store.add_update(db, draft.id, Update(0, NOW, Status.IDENTIFIED, "A full disk.", "anna"))
    marks.append(store.mark(db))
    store.remove(db, draft.id)
    marks.append(store.mark(db))
    assert all(mark != following for mark, following in pairwise(marks))
    assert store.mark(db) == marks[-1]


def test_an_announcement_comes_back_with_its_updates_newest_first(db: Connection) -> None:
    announcement = add(db, unrelated=(7, 8), ends_at=NOW + HOUR, incident_id=9, maintenance_id=10)
    part = Affected("Mail", Health.STOPPED, ("us", "eu"))
    first = Update(0, NOW, Status.INVESTIGATING, "We look into it.", "anna")
    second = Update(0, NOW + HOUR, Status.IDENTIFIED, "A full disk.", "the page", True, (part,))
    numbers = [store.add_update(db, announcement.id, entry) for entry in (first, second)]

    updates = (replace(second, id=numbers[1]), replace(first, id=numbers[0]))
    assert store.load(db, announcement.id) == replace(announcement, updates=updates)
    assert store.load(db, announcement.id, lock=True) == store.load(db, announcement.id)
    assert store.load(db, announcement.id + 1) is None


def test_saving_changes_one_announcement_and_none_of_its_updates(db: Connection) -> None:
    announcement, other = add(db), add(db)
    store.add_update(db, announcement.id, Update(0, NOW, Status.INVESTIGATING, "We look into it.", "anna"))
    changed = replace(announcement, title="Other", status=Status.RESOLVED, resolved_at=NOW, affected=())
    store.save(db, changed)
    loaded = store.load(db, announcement.id)
    assert loaded is not None
    assert replace(loaded, updates=()) == changed
    assert [entry.body for entry in loaded.updates] == ["We look into it."]
    assert store.load(db, other.id) == other


def test_announcements_are_listed_newest_first_in_slices(db: Connection) -> None:
    first, second, third = (add(db, published_at=at) for at in (NOW, None, NOW))
    elsewhere = add(db, page="other")
    assert store.listed(db, limit=10) == [elsewhere, third, second, first]
    assert store.listed(db, "public", limit=2) == [third, second]
    assert store.listed(db, "public", limit=2, below=second.id) == [first]


def test_a_page_shows_published_announcements_that_are_open_or_ended_lately(db: Connection) -> None:
    still_open = add(db, starts_at=NOW - HOUR)
    ended_lately = add(db, resolved_at=NOW, starts_at=NOW)
    add(db, resolved_at=NOW - HOUR)
    add(db, published_at=None)
    add(db, page="other")

    assert store.published(db, "public", NOW, 10) == [ended_lately, still_open]
    assert store.published(db, "public", NOW, 1) == [ended_lately]


def test_drafts_and_ended_announcements_are_not_open(db: Connection) -> None:
    still_open, elsewhere = add(db), add(db, page="other")
    add(db, published_at=None)
    add(db, resolved_at=NOW)
    assert store.open_of(db, "public") == [still_open]
    assert {announcement.id for announcement in store.open_of(db)} == {still_open.id, elsewhere.id}


def test_the_newest_draft_of_an_incident_or_a_window_is_found(db: Connection) -> None:
    add(db, incident_id=3, maintenance_id=4)
    newest = add(db, incident_id=3, maintenance_id=4)
    add(db, page="other", incident_id=3, maintenance_id=4)
    window = maintenance_store.add(db, MOVE, "anna", newest.made_at, None)
    same, other = replace(window, id=4), replace(window, id=3)
    assert store.drafted_from(db, "public", 3) == store.drafted_from_window(db, "public", same) == newest.id
    assert store.drafted_from(db, "public", 4) is store.drafted_from_window(db, "public", other) is None


def test_the_draft_of_a_deleted_window_is_not_that_of_a_new_one_with_its_number(db: Connection) -> None:
    deleted = maintenance_store.add(db, MOVE, "anna", NOW, None)
    add(db, maintenance_id=deleted.id, made_at=NOW)
    maintenance_store.remove(db, deleted.id)
    new = replace(deleted, made_at=NOW + HOUR)
    assert store.drafted_from_window(db, "public", deleted) is not None
    assert store.drafted_from_window(db, "public", new) is None


def test_an_announcement_is_found_by_the_request_that_made_it(db: Connection) -> None:
    announcement = an_announcement()
    number = store.add(db, announcement, "a key")
    add(db)
    assert store.of_request(db, "a key") == replace(announcement, id=number)
    assert store.of_request(db, "another key") is None


def test_only_published_announcements_of_the_page_have_titles(db: Connection) -> None:
    announcement = add(db)
    draft, elsewhere = add(db, published_at=None), add(db, page="other")
    numbers = [announcement.id, draft.id, elsewhere.id, 99]
    assert store.titles(db, "public", numbers) == {announcement.id: announcement.title}


def test_a_removed_announcement_is_gone_with_its_updates(db: Connection) -> None:
    announcement, other = add(db), add(db)
    store.add_update(db, announcement.id, Update(0, NOW, Status.IDENTIFIED, "A full disk.", "anna"))
    store.remove(db, announcement.id)
    assert store.listed(db, limit=10) == [other]
