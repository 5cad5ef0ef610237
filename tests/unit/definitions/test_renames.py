"""Checks that get another name, in pure values: what moves, what cannot, and what looks like it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from heartbeat.checks.check import Check
from heartbeat.checks.definition import CheckDefinition
from heartbeat.checks.schedule import Every
from heartbeat.definitions import renames
from tests.unit.conftest import NOW, a_check

HOUR = Every(timedelta(hours=1))


def declared(*definitions: CheckDefinition) -> dict[str, CheckDefinition]:
    return {definition.slug: definition for definition in definitions}


def a_definition(slug: str, *formerly: str, labels: dict[str, str] | None = None) -> CheckDefinition:
    return CheckDefinition(slug, slug, HOUR, timedelta(minutes=5), labels=labels or {}, formerly=formerly)


def existing(*slugs: str, **changes: object) -> dict[str, Check]:
    return {slug: a_check(slug, schedule=HOUR, **changes) for slug in slugs}


@pytest.mark.parametrize(
    ("target", "slugs", "moves"),
    [
        ([a_definition("b", "a")], ["a"], {"a": "b"}),
        ([a_definition("b", "a")], ["b"], {}),
        ([a_definition("b", "a")], [], {}),
        ([a_definition("c", "a", "b")], ["b"], {"b": "c"}),
        ([a_definition("c", "a", "b")], ["a"], {"a": "c"}),
        ([a_definition("a", "b"), a_definition("b", "a")], ["a", "b"], {"a": "b", "b": "a"}),
        ([a_definition("b", "a"), a_definition("c", "b")], ["a", "b"], {"a": "b", "b": "c"}),
    ],
)
def test_a_check_moves_from_its_former_name(
    target: list[CheckDefinition], slugs: list[str], moves: dict[str, str]
) -> None:
    checks = existing(*slugs)
    assert renames.moves(declared(*target), checks) == moves
    assert renames.faults(declared(*target), checks) == []


def test_a_swap_that_has_happened_does_not_happen_again() -> None:
    target = declared(a_definition("a", "b"), a_definition("b", "a"))
    swapped = {"a": a_check("a", formerly=("b",)), "b": a_check("b", formerly=("a",))}
    assert renames.moves(target, swapped) == {}


def test_two_existing_checks_cannot_become_one() -> None:
    target = declared(a_definition("c", "a", "b"))
    assert renames.faults(target, existing("a", "b")) == [
        "checks.c.formerly: a and b all exist; only one check can become c."
    ]


def test_a_check_cannot_become_one_that_exists() -> None:
    target = declared(a_definition("b", "a"))
    assert renames.faults(target, existing("a", "b")) == [
        "checks.b.formerly: both b and a exist; delete one of them first, or leave this out."
    ]


def test_a_former_name_of_a_check_outside_of_the_file_is_taken() -> None:
    target = declared(a_definition("b", "a"))
    checks = {"x": a_check("x", formerly=("a",))}
    assert renames.faults(target, checks) == [
        "checks.b.formerly: a was x before, which is not in this file; change it there."
    ]


def test_a_new_check_like_a_deleted_one_is_a_hint() -> None:
    old = existing("nightly-backup", "log-rotate", labels={"host": "a"}).values()
    new = a_definition("backup-nightly", labels={"host": "a"})
    (hint,) = renames.hints([new], old)
    assert hint == (
        "The new check backup-nightly looks like nightly-backup: write `formerly: nightly-backup` in it to keep its "
        "history and its ping address."
    )


@pytest.mark.parametrize(
    ("new", "labels", "schedule", "alike"),
    [
        ("nightly-backups", {"host": "b"}, Every(timedelta(days=2)), True),
        ("nightly-dump", {"host": "a"}, Every(timedelta(days=2)), True),
        ("nightly-dump", {"host": "b"}, HOUR, True),
        ("nightly-dump", {"host": "b"}, Every(timedelta(days=2)), False),
        ("mail-queue", {"host": "a"}, HOUR, False),
    ],
)
def test_the_less_else_is_the_same_the_more_alike_two_names_must_be(
    new: str, labels: dict[str, str], schedule: Every, alike: bool
) -> None:
    old = existing("nightly-backup", labels={"host": "a"}).values()
    added = replace(a_definition(new, labels=labels), schedule=schedule)
    assert bool(list(renames.hints([added], old))) is alike


def test_each_deleted_check_is_a_hint_once_for_the_likeliest_new_one() -> None:
    old = existing("backup-1", "backup-2").values()
    new = [a_definition("backups-1"), a_definition("backups-2"), a_definition("backups-3")]
    pairs = [(hint.split()[3], hint.split()[6].strip(":")) for hint in renames.hints(new, old)]
    assert pairs == [("backups-2", "backup-2"), ("backups-1", "backup-1")]


def test_a_whole_fleet_of_new_names_takes_a_bounded_time() -> None:
    old = [a_check(f"old-{n}", last_ok_at=NOW) for n in range(2_000)]
    new = [a_definition(f"new-{n}") for n in range(2_000)]
    assert len(list(renames.hints(new, old))) <= renames.COMPARED
