"""The way from a configuration to the database and back: plan the changes, apply them, export."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID, uuid4

from sqlalchemy import Connection

from alerting import desk, times
from alerting.origin import Origin
from heartbeat import audit
from heartbeat.actor import Actor, Role
from heartbeat.checks import definition, forecast, former_slugs, symptoms
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check
from heartbeat.definitions import changes, dependencies, renames
from heartbeat.definitions import export as exporting
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.file import Wrong
from heartbeat.definitions.model import Configuration
from heartbeat.pings import keys as ping_keys

BATCH = 500
"""Checks that one statement names, at most: databases limit the parameters of a statement."""
ALL = 2**31 - 1
NAMED = 20
"""Checks that an error or an answer names, at most."""
WRITTEN_DOWN = 1_000
"""Changes that the audit log keeps of one configuration, at most."""
UNCHANGED = "Nothing was changed."
THE_FILE = Actor("configuration file", Role.ADMIN, "file")
"""Who acts where the configuration is applied at a start or by the command line."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plan:
    """The differences between the database and a configuration, one line each."""

    changes: tuple[str, ...]
    hints: tuple[str, ...] = ()
    """Sentences about changes that may not be meant, such as a check that is deleted for a new one like it."""
    deleted: tuple[str, ...] = ()
    """The slugs of the checks that would be deleted although they were heard."""
    expected: tuple[str, ...] = ()
    """Sentences about the new checks, once they are there: when each must ping, and who is paged otherwise."""

    @property
    def empty(self) -> bool:
        """True if there is nothing to change."""
        return not self.changes


class WouldDelete(Exception):
    """The configuration has no longer a check that was heard, and nobody has said to delete it. Nothing was changed."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        count = len(plan.deleted)
        shown = [*plan.deleted[:NAMED], *([f"{count - NAMED:,} more"] if count > NAMED else [])]
        what = f"{times.count(count, 'check')} that pinged before, with {'its' if count == 1 else 'their'} history"
        it, one = ("it", "it") if count == 1 else ("them", "one")
        remedy = f"To keep {one} under a new name, write `formerly:`. To delete {it}, run `heartbeat apply --delete`."
        first = f"{UNCHANGED} This would delete {what}: {times.names(shown)}. {remedy}"
        super().__init__(" ".join([first, *plan.hints]))


def difference(db: Connection, target: Configuration) -> Plan:
    """Return the changes that `apply` would make. Only reads. Raises `Wrong` if a check cannot be renamed."""
    checks = {check.slug: check for check in check_store.listed(db, limit=ALL)}
    return _difference(db, definition_store.load(db, checks.values()), target, checks)


def apply(
    db: Connection,
    target: Configuration,
    now: datetime,
    new_uuid: Callable[[], UUID] = uuid4,
    actor: Actor = THE_FILE,
    delete: bool = False,
) -> Plan:
    """Apply the configuration in the caller's transaction, record its author, and return the changes.

    An unchanged configuration delays nobody. Concurrent calls take turns. Raises `WouldDelete` if a
    check that was heard would go, unless `delete` is set; and `Wrong` if a check cannot be renamed.
    """
    # Before it is read: a change that comes meanwhile is not of this configuration.
    change = definition_store.last_change(db)
    if (plan := difference(db, target)).empty:
        _remember_sources(db, target, change)
        return plan
    _refuse_deletion(plan, delete)
    definition_store.wait_for_turn(db)
    checks = _locked(db, target, now)
    current = definition_store.load(db, checks.values())
    plan = _difference(db, current, target, checks)
    _refuse_deletion(plan, delete)
    if not plan.empty:
        _put_rows(db, current, target)
        _put_checks(db, checks, target, now, new_uuid)
        _write_down(db, actor, plan, now)
    _remember_sources(db, target, definition_store.last_change(db))
    known = _renamed(target, checks)
    new = sorted(slug for slug in target.checks if slug not in known)
    return replace(plan, expected=tuple(_expected(db, new, now)))


def _remember_sources(db: Connection, target: Configuration, change: int | None) -> None:
    if target.sources is not None:
        definition_store.remember_sources(db, target.sources, change)


def _expected(db: Connection, new: Sequence[str], now: datetime) -> Iterator[str]:
    """Yield a sentence for each of these new checks, up to `NAMED` of them."""
    if new:
        yield from forecast.expectations(db, check_store.listed(db, limit=NAMED, slugs=new[:NAMED]), now)
    if len(new) > NAMED:
        yield f"The same goes for {len(new) - NAMED:,} more new checks."


def _refuse_deletion(plan: Plan, delete: bool) -> None:
    if plan.deleted and not delete:
        raise WouldDelete(plan)


def export(db: Connection) -> str:
    """Return the stored configuration as the text of a heartbeat.yaml that would change nothing.

    Definitions of the API, and checks that their first pings made, are left out.
    """
    return exporting.written_out(definition_store.load(db, check_store.listed(db, limit=ALL)))


def _write_down(db: Connection, actor: Actor, plan: Plan, now: datetime) -> None:
    left_out = len(plan.changes) - WRITTEN_DOWN
    more = [f"and {left_out:,} more"] if left_out > 0 else []
    summary = {"changes": [*plan.changes[:WRITTEN_DOWN], *more]}
    audit.record(db, actor, "configuration.apply", definition_store.TARGET, now, after=summary)


def _difference(
    db: Connection, current: Configuration, target: Configuration, checks: Mapping[str, Check]
) -> Plan:
    if sentences := [*renames.faults(target.checks, checks), *_wrong_parents(target, checks)]:
        raise Wrong(sentences)
    outside = definition_store.load(db, checks.values(), Origin.API)
    if sentences := list(_shared_names(target, outside)):
        raise Wrong(sentences)
    checks = _renamed(target, checks)
    removed = [check for check in _removed(target, checks) if check.last_heard_at is not None]
    added = [declared for slug, declared in target.checks.items() if slug not in checks]
    return Plan(
        tuple(changes.in_words(current, target, checks, outside)),
        (*renames.hints(added, removed), *_forgotten(db, target, checks)),
        tuple(check.slug for check in removed),
    )


def _wrong_parents(target: Configuration, checks: Mapping[str, Check]) -> Iterator[str]:
    """Yield a sentence for each check of the file whose parents are unknown, or wait for it."""
    moving = renames.moves(target.checks, checks)
    others = [
        check
        for slug, check in checks.items()
        if check.origin != Origin.FILE and slug not in target.checks and slug not in moving
    ]
    former = [name for declared in target.checks.values() for name in declared.formerly]
    names = [*former, *(name for check in others for name in (check.slug, *check.formerly))]
    for slug, fault in dependencies.faults(target.checks.values(), others, names):
        yield f"checks.{slug}.after: {fault}"


def _shared_names(target: Configuration, outside: Configuration) -> Iterator[str]:
    """Yield a sentence for each name of the file that something else has outside of it: a step could mean either."""
    for name, noun in target.nouns.items():
        other = outside.nouns.get(name, noun)
        if other != noun:
            yield f"{noun} {name}: there is a {other} of this name, made by the API; choose another name."


def _forgotten(db: Connection, target: Configuration, checks: Mapping[str, Check]) -> Iterator[str]:
    """Yield a sentence for each former name that the file no longer has, so that pings to it will be refused."""
    forgotten = renames.forgotten(target.checks, checks)
    heard = former_slugs.heard(db, forgotten.keys()) if forgotten else {}
    for former, slug in forgotten.items():
        at = heard.get(former)
        last = f"The last one came on {at:%d %b %Y at %H:%M} UTC." if at else "None is recorded."
        yield f"Pings to {former} will be refused without `formerly: {former}` in {slug}. {last}"


def _renamed(target: Configuration, checks: Mapping[str, Check]) -> dict[str, Check]:
    """Return all checks by the slugs that they will have."""
    moves = renames.moves(target.checks, checks)
    return {moves.get(slug, slug): check for slug, check in checks.items()}


def _locked(db: Connection, target: Configuration, now: datetime) -> dict[str, Check]:
    """Return all checks by slug. Those that will change are locked: pings to the others do not wait."""
    checks = {check.slug: check for check in check_store.listed(db, limit=ALL)}
    changing = sorted(
        check.id
        for slug, check in _renamed(target, checks).items()
        if (check.origin == Origin.FILE and slug not in target.checks)
        or _redefined(check, slug, target, now) is not check
    )
    for batch in _batches(changing):
        checks |= {check.slug: check for check in check_store.lock(db, batch)}
    return checks


def _removed(target: Configuration, checks: Mapping[str, Check]) -> list[Check]:
    return [
        check for slug, check in checks.items() if check.origin == Origin.FILE and slug not in target.checks
    ]


def _put_rows(db: Connection, current: Configuration, target: Configuration) -> None:
    """Store everything but the checks."""
    definition_store.remember_facts(db, target)
    if current.ping_keys != target.ping_keys:
        ping_keys.replace(db, target.ping_keys, Origin.FILE)
    if current.status_pages != target.status_pages:
        definition_store.replace_status_pages(db, target.status_pages.values())
    if _paging(current) != _paging(target):
        desk.install(
            db,
            [*target.people.values(), *target.channels.values()],
            target.policies.values(),
            target.notifiers,
            target.rotations.values(),
            target.teams.values(),
            target.catch_all,
        )


def _paging(declared: Configuration) -> tuple[object, ...]:
    """Return all that decides who is paged."""
    crew = (declared.people, declared.channels, declared.rotations, declared.teams)
    return (*crew, declared.policies, declared.notifiers, declared.catch_all)


def _put_checks(
    db: Connection,
    checks: Mapping[str, Check],
    target: Configuration,
    now: datetime,
    new_uuid: Callable[[], UUID],
) -> None:
    checks = _renamed(target, checks)
    _forget(db, _removed(target, checks), now, target)
    staying = {
        slug: check for slug, check in checks.items() if check.origin != Origin.FILE or slug in target.checks
    }
    redefined = [
        (old, _redefined(old, slug, target, now, place)) for place, (slug, old) in enumerate(staying.items())
    ]
    check_store.vacate(db, [old for slug, old in staying.items() if old.slug != slug])
    check_store.save_definitions(db, [new for old, new in redefined if new is not old])
    missing = [declared for slug, declared in target.checks.items() if slug not in checks]
    added = [
        definition.new_check(declared, target.group_by, target.rules, now, new_uuid(), place)
        for place, declared in enumerate(missing)
    ]
    if len(check_store.insert(db, added)) < len(added):
        # A first ping has made one of them since we looked. It is there now, and is taken over.
        _put_checks(db, _locked(db, target, now), target, now, new_uuid)


def _redefined(check: Check, slug: str, target: Configuration, now: datetime, place: int = 0) -> Check:
    return definition.redefined(check, target.checks.get(slug), target.group_by, target.rules, now, place)


def _forget(db: Connection, removed: Sequence[Check], now: datetime, target: Configuration) -> None:
    """Delete checks. Their incidents end, or go on without them."""
    for batch in _batches(removed):
        symptoms.end(db, batch, "deleted from the configuration", now, target.pace, by=THE_FILE.name)
        check_store.remove(db, [check.id for check in batch])


def _batches(every: Sequence[T]) -> Iterator[Sequence[T]]:
    return (every[start : start + BATCH] for start in range(0, len(every), BATCH))
