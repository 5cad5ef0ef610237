"""A configuration that renames or deletes checks that were heard loses nothing by accident, on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, select

from alerting import desk
from heartbeat.checks import checker, deadline, former_slugs, symptoms
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check, Signal, State
from heartbeat.checks.tables import former_slugs as former_slugs_table
from heartbeat.definitions import plan as definition_plan
from heartbeat.definitions.file import Wrong
from heartbeat.definitions.plan import WouldDelete
from heartbeat.pings import keys, lanes
from heartbeat.pings import store as pings
from heartbeat.pings.arrival import Arrival, BySlug, PingResult
from tests.unit.conftest import NOW
from tests.unit.definitions.declared import parse

TOP = """\
ping_keys: {housekeeping: "${HEARTBEAT_PING_KEY}"}
people: {anna: {name: Anna, contacts: [{console: terminal}]}}
policies: {ops: [{page: anna, wait: 5m}]}
checks:
"""
ONE = TOP + "  old: {every: 5m, labels: {host: a}}\n"
RENAMED = TOP + "  new: {every: 5m, labels: {host: a}, formerly: old}\n"
LATER = NOW + timedelta(hours=1)


def applied(db: Connection, text: str, *, delete: bool = False) -> definition_plan.Plan:
    return definition_plan.apply(db, parse(text), NOW, delete=delete)


def ping(db: Connection, slug: str, *, create: bool = False) -> PingResult:
    (hashed,) = {key.hash for key in keys.listed(db)}
    arrival = Arrival(BySlug(hashed, slug, create), Signal.SUCCESS, NOW + timedelta(seconds=1), "GET", "", "")
    (result,), _ = lanes.hear(db, [arrival])
    return result


def loaded(db: Connection, slug: str) -> Check:
    found = check_store.load(db, slug)
    assert found is not None
    return found


def test_a_renamed_check_keeps_its_row_its_pings_and_its_old_address(db: Connection) -> None:
    applied(db, ONE)
    assert ping(db, "old") is PingResult.HEARD
    before = loaded(db, "old")
    assert applied(db, RENAMED).changes == ('~ check new: renamed from old; name "old" -> "new"',)
    after = loaded(db, "new")
    assert (after.id, after.uuid, after.state, after.last_ok_at) == (
        before.id, before.uuid, State.UP, before.last_ok_at,
    )  # fmt: skip
    assert check_store.load(db, "old") is None
    assert (ping(db, "old"), ping(db, "new")) == (PingResult.HEARD, PingResult.HEARD)
    assert loaded(db, "new").pings == 3
    assert len(pings.last_pings(db, before.id)) == 3
    assert applied(db, RENAMED).empty


def test_an_old_address_never_creates_a_second_check(db: Connection) -> None:
    applied(db, ONE)
    applied(db, RENAMED)
    assert ping(db, "old", create=True) is PingResult.HEARD
    assert list(check_store.lock_all(db)) == ["new"]


@pytest.mark.parametrize("labels", [", labels: {host: a}", ""])
def test_a_check_that_is_down_stays_in_its_incident_under_its_new_name(db: Connection, labels: str) -> None:
    one = TOP + f"  old: {{every: 5m{labels}}}\n"
    renamed = TOP + f"  new: {{every: 5m, formerly: old{labels}}}\n"
    applied(db, one)
    checker.sweep(db, LATER)
    key = symptoms.key_of(loaded(db, "old"))
    number = desk.incident_of(db, [key])[key]
    applied(db, renamed)
    assert desk.incident_of(db, [key])[key] == number
    assert loaded(db, "new").state is State.DOWN
    applied(db, renamed.replace("every: 5m", "every: 6m"))
    assert desk.incident_of(db, [key])[key] == number
    assert [incident.id for incident in desk.incidents(db, open_only=True)] == [number]


def test_checks_exchange_their_names_once(db: Connection) -> None:
    applied(db, TOP + "  a: {every: 5m}\n  b: {every: 1h}\n")
    a, b = loaded(db, "a"), loaded(db, "b")
    swapped = TOP + "  a: {every: 1h, formerly: b}\n  b: {every: 5m, formerly: a}\n"
    assert len(applied(db, swapped).changes) == 2
    assert (loaded(db, "b").uuid, loaded(db, "a").uuid) == (a.uuid, b.uuid)
    assert applied(db, swapped).empty
    assert (loaded(db, "b").uuid, loaded(db, "a").uuid) == (a.uuid, b.uuid)


def test_a_chain_of_names_leads_to_the_last(db: Connection) -> None:
    applied(db, ONE)
    uuid = loaded(db, "old").uuid
    applied(db, RENAMED)
    applied(db, RENAMED.replace("  new:", "  newest:").replace("formerly: old", "formerly: [old, new]"))
    assert loaded(db, "newest").uuid == uuid
    assert [ping(db, slug) for slug in ("old", "new", "newest")] == [PingResult.HEARD] * 3


def test_a_name_that_is_dropped_from_the_file_is_free_again(db: Connection) -> None:
    applied(db, ONE)
    applied(db, RENAMED)
    applied(db, RENAMED.replace(", formerly: old", ""))
    assert ping(db, "old") is PingResult.UNKNOWN
    assert db.execute(select(former_slugs_table)).all() == []


def test_a_deleted_check_takes_its_former_names_with_it(db: Connection) -> None:
    applied(db, ONE)
    applied(db, RENAMED)
    applied(db, TOP + "  other: {every: 5m}\n", delete=True)
    assert former_slugs.owners(db, ["old"]) == {}


def test_a_rename_that_cannot_be_is_refused_and_changes_nothing(db: Connection) -> None:
    applied(db, TOP + "  old: {every: 5m}\n  new: {every: 5m}\n")
    with pytest.raises(Wrong, match="both new and old exist") as raised:
        applied(db, RENAMED)
    assert len(raised.value.problems) == 1
    assert set(check_store.lock_all(db)) == {"old", "new"}


def test_a_check_that_was_heard_is_not_deleted_without_a_word(db: Connection) -> None:
    applied(db, ONE + "  never: {every: 5m}\n")
    ping(db, "old")
    without = TOP + "  old-2: {every: 5m, labels: {host: a}}\n"
    with pytest.raises(WouldDelete) as raised:
        applied(db, without)
    assert str(raised.value) == (
        "Nothing was changed. This would delete 1 check that pinged before, with its history: old. "
        "To keep it under a new name, write `formerly:`. To delete it, run `heartbeat apply --delete`. "
        "The new check old-2 looks like old: write `formerly: old` in it to keep its history and its ping address."
    )
    assert set(check_store.lock_all(db)) == {"old", "never"}
    assert "- check old (up; it will no longer be watched)" in applied(db, without, delete=True).changes


def test_the_plan_says_when_a_former_name_that_goes_was_last_heard(db: Connection) -> None:
    applied(db, ONE)
    applied(db, RENAMED)
    without = parse(RENAMED.replace(", formerly: old", ""))
    hint = "Pings to old will be refused without `formerly: old` in new. "
    assert definition_plan.difference(db, without).hints == (f"{hint}None is recorded.",)
    assert ping(db, "new") is ping(db, "old") is PingResult.HEARD
    applied(db, RENAMED.replace("5m", "6m"))
    assert definition_plan.difference(db, parse(RENAMED)).hints == ()
    heard = f"{hint}The last one came on 03 May 2024 at 03:00 UTC."
    assert definition_plan.difference(db, without).hints == (heard,)
    applied(db, RENAMED.replace(", formerly: old", ""))
    assert ping(db, "old") is PingResult.UNKNOWN


def test_a_former_name_that_another_check_has_or_takes_is_not_missed(db: Connection) -> None:
    applied(db, ONE)
    applied(db, RENAMED)
    plain = RENAMED.replace(", formerly: old", "")
    for other in ("  old: {every: 5m}\n", "  other: {every: 5m, formerly: old}\n"):
        assert definition_plan.difference(db, parse(plain + other)).hints == ()


def test_the_last_ping_by_a_former_name_is_written_at_most_once_a_minute(db: Connection) -> None:
    applied(db, ONE)
    applied(db, RENAMED)
    for seconds, written in ((0, 0), (59, 0), (60, 60), (30, 60)):
        former_slugs.touch(db, ["old"], NOW + timedelta(seconds=seconds))
        assert former_slugs.heard(db, ["old"]) == {"old": NOW + timedelta(seconds=written)}


def test_a_check_that_was_never_heard_is_deleted_as_it_always_was(db: Connection) -> None:
    applied(db, ONE)
    assert (
        "- check old (new; it will no longer be watched)" in applied(db, TOP + "  x: {every: 1h}\n").changes
    )


def test_a_plan_names_the_likely_rename(db: Connection) -> None:
    applied(db, ONE)
    ping(db, "old")
    plan = definition_plan.difference(db, parse(TOP + "  old-2: {every: 5m, labels: {host: a}}\n"))
    assert plan.deleted == ("old",)
    assert plan.hints == (
        "The new check old-2 looks like old: write `formerly: old` in it to keep its history and its ping address.",
    )


def test_an_apply_says_by_when_each_new_check_must_ping(db: Connection) -> None:
    text = TOP + "  one: {every: 5m}\n  two: {schedule: 0 12 * * *, grace: 1h}\n"
    assert applied(db, text).expected == (
        "one must ping by 03:10 UTC, or Anna is paged.",
        "two must ping by 13:00 UTC, or Anna is paged.",
    )
    assert applied(db, text).expected == ()
    assert applied(db, text.replace("grace: 1h", "grace: 2h")).expected == ()


def test_the_sentences_about_new_checks_are_bounded(db: Connection) -> None:
    many = "".join(f"  job-{n:03}: {{every: 5m}}\n" for n in range(25))
    *_, last = sentences = applied(db, TOP + many).expected
    assert (len(sentences), last) == (21, "The same goes for 5 more new checks.")


def test_a_redefinition_keeps_the_group_of_a_check_that_stands_alone(db: Connection) -> None:
    applied(db, TOP + "  old: {every: 5m}\n")
    applied(db, TOP + "  new: {every: 5m, formerly: old}\n")
    assert loaded(db, "new").group_key == "check=old"
    assert deadline.status(loaded(db, "new"), NOW) is State.NEW
