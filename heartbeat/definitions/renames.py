"""Checks that get another name: those that the file renames, and new ones that look like a deleted one. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from typing import Final

from alerting import times
from heartbeat.checks.check import Check
from heartbeat.checks.definition import CheckDefinition

NEAR: Final = 0.85
LIKENESS: Final = 0.6
LITTLE: Final = 0.4
"""The likeness of two names, of 1, that makes them one job: if nothing else is the same, if the schedule or the labels
are, and if both are."""
COMPARED: Final = 10_000
"""Pairs of a new and a deleted check that are compared, at most."""


def moves(target: Mapping[str, CheckDefinition], checks: Mapping[str, Check]) -> dict[str, str]:
    """Return the new slugs of the checks that are renamed, by their slugs now. `checks` are all checks by slug.

    A check is renamed once: afterwards it has its former slug, and the same file changes nothing.
    """
    return {former: slug for slug, declared in target.items() for former in _sources(slug, declared, checks)}


def faults(target: Mapping[str, CheckDefinition], checks: Mapping[str, Check]) -> list[str]:
    """Return a sentence for each rename that cannot be done."""
    moving = moves(target, checks)
    others = {
        former: check.slug
        for check in checks.values()
        if check.slug not in target and check.slug not in moving
        for former in check.formerly
    }
    sentences = []
    for slug, declared in target.items():
        place = f"checks.{slug}.formerly:"
        sources = _sources(slug, declared, checks)
        if len(sources) > 1:
            sentences.append(f"{place} {times.names(sources)} all exist; only one check can become {slug}.")
        elif sources and slug in checks and slug not in moving:
            sentences.append(
                f"{place} both {slug} and {sources[0]} exist; delete one of them first, or leave this out."
            )
        for former in declared.formerly:
            if former in others:
                owner = others[former]
                sentences.append(
                    f"{place} {former} was {owner} before, which is not in this file; change it there."
                )
    return sentences


def _sources(slug: str, declared: CheckDefinition, checks: Mapping[str, Check]) -> list[str]:
    """Return the existing checks that become this one, which should be at most one."""
    existing = checks.get(slug)
    old = () if existing is None else existing.formerly
    return [former for former in declared.formerly if former in checks and former not in old]


def forgotten(target: Mapping[str, CheckDefinition], checks: Mapping[str, Check]) -> dict[str, str]:
    """Return the former names that go, with the checks that had them. `checks` are those by their new slugs."""
    staying = target.keys() | {former for declared in target.values() for former in declared.formerly}
    return {
        former: slug
        for slug, check in checks.items()
        if slug in target
        for former in check.formerly
        if former not in staying
    }


def hints(added: Iterable[CheckDefinition], removed: Iterable[Check]) -> Iterator[str]:
    """Yield a sentence for each new check that looks like a deleted one, the most similar pairs first."""
    gone = list(removed)
    pairs = ((new, old) for new in added for old in gone)
    scores = [
        (likeness, new.slug, old.slug)
        for _, (new, old) in zip(range(COMPARED), pairs, strict=False)
        if (likeness := _likeness(new, old))
    ]
    matched: set[str] = set()
    for _, new_slug, old_slug in sorted(scores, reverse=True):
        if new_slug not in matched and old_slug not in matched:
            matched |= {new_slug, old_slug}
            yield (
                f"The new check {new_slug} looks like {old_slug}: write `formerly: {old_slug}` in it to keep its "
                "history and its ping address."
            )


def _likeness(new: CheckDefinition, old: Check) -> float:
    """Return how much the two look like one job, 0 if they do not."""
    alike = SequenceMatcher(None, new.slug, old.slug).ratio()
    same = (new.schedule == old.schedule) + (new.labels == old.labels and bool(new.labels))
    enough = {0: NEAR, 1: LIKENESS, 2: LITTLE}[same]
    return alike + same if alike >= enough else 0.0
