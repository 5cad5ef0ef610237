"""What people answer to incidents."""

from datetime import timedelta
from urllib.parse import urlsplit

from sqlalchemy import Connection

from alerting import desk
from alerting.answer import Acknowledged, Resolved, Snoozed
from alerting.handover import HandedOn, Reassigned, Withdrawn
from alerting.person import OPERATOR
from alerting.regrouping import Merged
from heartbeat.checks import actions
from tests.simulation import books
from tests.simulation.ground import Ground, occurrence_of
from tests.simulation.journal import Answer, Assigned, Deed, SplitOff, Wanted
from tests.simulation.knock import Reply, knock
from tests.simulation.providers import Show, answerer
from tests.simulation.virtual import seconds
from tests.unit.conftest import somebody

PRESSED = {200: "answered", 409: "stale", 404: "missing"}
"""What the press of a button came to, by the status of its answer."""


class Answering(Ground):
    """People answer. What their answer came to is returned, None where the service died over it."""

    def acknowledge(
        self, incident: int, *, by: str = "first", occurrence: int | None = None, minutes: float | None = None
    ) -> object:
        """Somebody acknowledges: this occurrence, or whichever it is. What it came to; None where the service died."""
        now = self.now
        until = None if minutes is None else now + timedelta(minutes=minutes)
        found: list[int] = []

        def work(db: Connection) -> object:
            found[:] = [occurrence_of(db, incident)]
            return actions.acknowledge(db, incident, somebody(by), now, occurrence=occurrence, until=until)

        outcome = self._commit(work)
        if isinstance(outcome, Acknowledged) and not outcome.repeated:
            self._note_answer(incident, "acknowledged", by, outcome.until, occurrence, found[0], outcome)
        elif outcome is not None:
            self._note_answer(incident, "void", by, now, occurrence, found[0], outcome)
        return outcome

    def snooze(self, incident: int, *, minutes: float, by: str = "first") -> object:
        """Somebody wants to hear no more of it for a while."""
        now = self.now
        found: list[int] = []

        def work(db: Connection) -> object:
            found[:] = [occurrence_of(db, incident)]
            return desk.snooze(db, incident, by, now, now + timedelta(minutes=minutes))

        outcome = self._commit(work)
        if isinstance(outcome, Snoozed):
            self._note_answer(incident, "snoozed", by, outcome.until, None, found[0], outcome)
        return outcome

    def take_over(self, incident: int, *, by: str = "second", minutes: float = 5.0) -> object:
        """Somebody takes it over from whoever has it."""
        now = self.now
        found: list[int] = []

        def work(db: Connection) -> object:
            found[:] = [occurrence_of(db, incident)]
            until = now + timedelta(minutes=minutes)
            return actions.take_over(db, incident, somebody(by), now, until=until)

        outcome = self._commit(work)
        if isinstance(outcome, Acknowledged) and not outcome.repeated:
            self.journal.withdraw(incident, seconds(now))
            self._note_answer(incident, "acknowledged", by, outcome.until, None, found[0], outcome)
        return outcome

    def withdraw(self, incident: int, *, by: str = "first") -> object:
        """Somebody withdraws whatever anybody has answered."""
        now = self.now
        outcome = self._commit(lambda db: actions.withdraw(db, incident, somebody(by), now))
        if isinstance(outcome, Withdrawn):
            self.journal.withdraw(incident, seconds(now))
        return outcome

    def merge(self, source: int, target: int, *, by: str = "first") -> object:
        """Somebody puts an incident into another one."""
        now = self.now
        outcome = self._commit(lambda db: actions.merge(db, source, target, somebody(by), now))
        if isinstance(outcome, Merged) and not outcome.repeated:
            self.journal.merged[source] = self.time, target
            self.journal.resolved.add(source)
        return outcome

    def split(self, incident: int, *jobs: str, by: str = "first") -> object:
        """Somebody takes jobs out of an incident into one of their own."""
        now, rows = self.now, books.read(self.disk).checks
        keys = [books.symptom_key(rows[name]) for name in jobs]
        outcome = self._commit(lambda db: actions.split(db, incident, keys, somebody(by), now))
        if isinstance(outcome, tuple):
            self.journal.splits[outcome[1]] = SplitOff(self.time, incident, frozenset(jobs))
        return outcome

    def reassign(self, incident: int, to: str, *, by: str = "first") -> object:
        """Somebody hands an incident to a person, or to whoever is on call in a rotation."""
        now = self.now
        outcome = self._commit(lambda db: actions.reassign(db, incident, to, somebody(by), now))
        if isinstance(outcome, Reassigned):
            self.journal.withdraw(incident, seconds(now))
            if not outcome.repeated:
                self.journal.wanted.append(Wanted(self.time, incident))
            occurrence = outcome.incident.occurrence
            self.journal.assigned.append(Assigned(self.time, incident, occurrence, to))
        return outcome

    def page_next(self, incident: int, *, by: str = "first") -> object:
        """Somebody wants the next person paged now."""
        now = self.now
        outcome = self._commit(lambda db: actions.page_next(db, incident, somebody(by), now))
        if isinstance(outcome, HandedOn):
            self.journal.withdraw(incident, seconds(now))
            self.journal.wanted.append(Wanted(self.time, incident))
        return outcome

    def press(self, show: Show) -> Reply | None:
        """Somebody presses the button of a page that a phone showed, however old that page is."""
        link = answerer(show)
        if link is None or show.ack_url is None:
            return None
        now, machine = seconds(self.now), self.machine
        before = books.read(self.disk).incidents[link.incident]
        asked = knock(machine.system.asgi, "POST", urlsplit(show.ack_url).path, process=machine.process)
        reply = self._run(machine.while_alive(asked))
        row = books.read(self.disk).incidents[link.incident]
        # The books say what became of it, also where nobody was told, or the clock was set back since the last answer.
        took = row.state == "acknowledged" and row.acknowledged != before.acknowledged
        until = row.next if took and row.next is not None else now
        # Of somebody who has gone, only the name in the link is left.
        person = {OPERATOR.id: OPERATOR, **self.people}.get(link.person)
        by = person.name if person else link.person
        told = "unknown" if reply is None else PRESSED.get(reply.status, str(reply.status))
        kind = "acknowledged" if took else "void"
        self.journal.answers.append(
            Answer(self.time, row.id, kind, by, until, link.occurrence, row.occurrence, told)
        )
        return reply

    def resolve(self, incident: int, *, by: str = "first") -> object:
        """Somebody says that it is over."""
        now = self.now
        outcome = self._commit(lambda db: actions.resolve(db, incident, somebody(by), now))
        if isinstance(outcome, Resolved) and not outcome.repeated:
            self.journal.resolved.add(incident)
            for row in books.read(self.disk).checks.values():
                if books.symptom_key(row) in outcome.keys:
                    self._note(Deed.RESOLVE, row.slug, now)
        return outcome
