"""The ways in which a check may stand: values that the oracle follows through time.

Seconds of the wall clock are written `shown`, moments of the loop `at`.
"""

from dataclasses import dataclass, replace

WATCHED = ("new", "up", "unknown")

SILENT, FAILED = "silent", "failed"
RUNS_ON = ("failed", "ineffective", "too_short", "too_often", "overlap", "wrong_time")
"""The causes of a check whose job goes on running: its next deadline stands."""
ENDLESS = ("silent", "overrun", "stuck", "unfinished")
"""The causes that only time brings about: after a step of the clock they are judged again."""
KINDS = dict.fromkeys(RUNS_ON, FAILED) | dict.fromkeys(ENDLESS, SILENT)
"""A cause, and the kind of incident that it makes."""


@dataclass(frozen=True, slots=True)
class Spell:
    """A stretch of the loop's time in which a check was certainly down, and the kind of cause that began it."""

    kind: str
    begins: float
    ends: float


@dataclass(frozen=True, slots=True)
class Run:
    """A run under way. `moved`: when it was further than before, where it says how far it is; `done`: how far."""

    rid: str | None
    started: float
    overran: bool = False
    moved: float | None = None
    done: float | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """One way in which a check may stand."""

    state: str
    armed: float
    cause: str | None = None
    since: float = 0.0
    """Since when its state is what it is, where a ping that came at a wrong time has made it so."""
    fault: tuple[str, float] | None = None
    """What its last run was down for, and since when, whatever its cause is now."""
    heard: float | None = None
    ok: float | None = None
    """When it was last heard, and well."""
    failures: int = 0
    """Failures since it was last well."""
    too_many_since: float | None = None
    """When an edit made its failures too many."""
    runs: tuple[Run, ...] = ()
    coming: frozenset[int] = frozenset()
    """Pings that are under way: sent, and perhaps not yet taken in."""
    missed: int = 0
    """Missed runs that are tolerated, since it was last heard."""
    not_before: float | None = None
    """Until when it may be late, where the end of its window could not be heard."""
    ends: tuple[str, ...] = ()
    """How its last two runs ended: "fail", "useless" or "well"."""
    began: tuple[float, ...] = ()
    """When runs began, as far as they are counted."""
    ended: float | None = None
    """When the end of a counted run was last heard."""
    down_since: float | None = None
    down_for: str | None = None
    """The kind of cause for which it turned down, whatever its cause is now."""
    spells: tuple[Spell, ...] = ()

    @property
    def look(self) -> tuple[str, str | None]:
        return self.state, self.cause


def down(way: Way, cause: str, at: float, runs: tuple[Run, ...], since: float = 0.0) -> Way:
    """The same, down for this cause at the latest at a moment."""
    way = replace(way, too_many_since=None)
    if way.cause != cause:
        way = replace(way, since=since)
    fault = (cause, way.since) if cause in RUNS_ON else way.fault
    if way.state == "down":
        # It stays in its incident, whatever becomes of its cause.
        return replace(way, cause=cause, fault=fault, runs=runs)
    fallen = replace(closed(way, at), state="down", cause=cause, fault=fault, runs=runs)
    return replace(fallen, down_since=at, down_for=KINDS[cause])


def closed(way: Way, at: float) -> Way:
    """The same, no longer down."""
    spells = (*way.spells, *open_spell(way, at))
    return replace(way, spells=spells, fault=None, down_since=None, down_for=None)


def open_spell(way: Way, until: float) -> list[Spell]:
    """The spell that goes on, up to a moment; none where there is none."""
    if way.state != "down" or way.down_since is None or until <= way.down_since:
        return []
    return [Spell(way.down_for or "", way.down_since, until)]


def forgiven(way: Way) -> Way:
    """The same, without its failures."""
    return replace(way, failures=0, too_many_since=None)
