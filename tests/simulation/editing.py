"""What people change: checks by hand, and all that is configured."""

import contextlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from alerting.desk import Kept
from alerting.escalation import Policy
from alerting.person import Person
from alerting.rotation import Change, Override, Rotation
from heartbeat.actor import Actor, Role
from heartbeat.checks import actions
from heartbeat.checks.maintenance import Kind, WindowDefinition
from heartbeat.checks.recurrence import Recurrence
from heartbeat.definitions.edit import maintenance, overrides
from heartbeat.definitions.edit.maintenance import Ended
from heartbeat.definitions.edit.overrides import Made
from heartbeat.definitions.single import Faulty
from tests.simulation.ground import Ground
from tests.simulation.journal import Deed, Maintained
from tests.unit.conftest import somebody

SOMEBODY = Actor("somebody", Role.ADMIN, "session")


class Editing(Ground):
    """People edit, pause and maintain."""

    def pause(self, name: str) -> None:
        self._by_hand(Deed.PAUSE, name, lambda db, now: actions.pause(db, name, somebody("somebody"), now))

    def resume(self, name: str) -> None:
        self._by_hand(Deed.RESUME, name, lambda db, now: actions.resume(db, name, somebody("somebody"), now))

    def delete(self, name: str) -> None:
        """Somebody deletes a check, and the job with it."""
        self._next_runs.pop(name, None)
        if self._by_hand(
            Deed.DELETE, name, lambda db, now: actions.delete(db, name, somebody("somebody"), now)
        ):
            del self.jobs[name]

    def redefine(self, name: str, **changes: Any) -> None:
        """Somebody edits a job in the configuration and applies it."""
        before = self.jobs[name]
        self.jobs[name] = replace(before, **changes)
        if not self._by_hand(Deed.REDEFINE, name, self._apply):
            self.jobs[name] = before
        elif name in self._next_runs:
            self._next_runs[name] = self.jobs[name].next_slot(self.time)

    def edit(
        self,
        *,
        people: Sequence[Person] = (),
        rotations: Sequence[Rotation] = (),
        policies: Sequence[Policy] = (),
        without: Collection[str] = (),
    ) -> None:
        """Somebody edits people, rotations and policies in the configuration, or removes people, and applies it."""
        before = self.people, self.rotations, self.policies
        kept = {name: one for name, one in self.people.items() if name not in without}
        self.people = kept | {one.id: one for one in people}
        self.rotations = self.rotations | {rotation.name: rotation for rotation in rotations}
        self.policies = self.policies | {policy.name: policy for policy in policies}
        now = self.now
        if self._commit(lambda db: self._apply(db, now)) is None:
            self.people, self.rotations, self.policies = before
        else:
            self._note_configured()

    def override(self, rotation: str, change: Change, on: str = "", off: str = "", minutes: int = 20) -> None:
        """Somebody changes a rotation from this minute on for so many minutes."""
        now, wanted = self.now, Override(change, *self._span(minutes), on=on, off=off)
        self._keep(rotation, lambda db: overrides.override(db, SOMEBODY, rotation, wanted, now))

    def leave(self, person: str, substitute: str = "", minutes: int = 20) -> None:
        """Somebody goes on leave from this minute on for so many minutes."""
        now, span = self.now, self._span(minutes)
        self._keep(None, lambda db: overrides.leave(db, SOMEBODY, person, substitute, span, now))

    def _span(self, minutes: int) -> tuple[datetime, datetime]:
        begins = self.now.replace(second=0, microsecond=0)
        return begins, begins + timedelta(minutes=minutes)

    def _keep(self, rotation: str | None, work: Callable[[Connection], Made[Kept] | None]) -> None:
        def make(db: Connection) -> Made[Kept] | None:
            with contextlib.suppress(Faulty):
                return work(db)
            return None

        made = self._commit(make)
        if made is not None and made.fresh:
            self.overrides.append((rotation, made.stored.override))
            self._note_configured()

    def maintain(self, *, minutes: float, how: str = "once", **match: str) -> int | None:
        """Somebody begins maintenance of what has these labels; its number, None where the service died.

        `how` is "once", "weekly" (it began with this minute) or "silence".
        """
        now = self.now
        lasts = timedelta(minutes=minutes)
        begins = now.replace(second=0, microsecond=0) if how == "weekly" else now
        rule = (
            Recurrence("FREQ=WEEKLY", begins.replace(tzinfo=None), "UTC", lasts) if how == "weekly" else None
        )
        kind = Kind.SILENCE if how == "silence" else Kind.MAINTENANCE
        wanted = WindowDefinition("move", "", match, begins, begins + lasts, recurrence=rule, kind=kind)
        made = self._commit(lambda db: maintenance.make(db, SOMEBODY, wanted, now).window)
        if made is None:
            return None
        ends = self.time + (begins + lasts - now).total_seconds()
        self.journal.windows[made.id] = Maintained(self.time, ends, match)
        return made.id

    def end_maintenance(self, number: int) -> None:
        """Somebody ends maintenance early."""
        now = self.now

        def end(db: Connection) -> object:
            # What recurs is to come again once it has ended by itself.
            with contextlib.suppress(Ended):
                return maintenance.end(db, SOMEBODY, number, now)
            return None

        if self._commit(end) is not None:
            window = self.journal.windows[number]
            self.journal.windows[number] = replace(window, ends=min(window.ends, self.time))
