"""What goes wrong around a service, and what is mended again."""

from dataclasses import replace

from tests.simulation.ground import Ground
from tests.simulation.journal import Outage
from tests.simulation.process import Point
from tests.simulation.providers import Fault, Ill, Slip


class Weather(Ground):
    """Misfortune of any kind."""

    def crash(self, *, downtime: float = 0.0) -> None:
        """The service dies now."""
        self.machine.downtime = downtime
        if self.machine.process is not None:
            self._run(self.machine.fall())

    def crash_at(self, point: Point | None = None, *, skip: int = 0, downtime: float = 0.0) -> None:
        """The service dies at a point to come (any, or of this kind), and comes back after a while."""
        self.machine.downtime = downtime
        self.machine.fate.strike(point, skip)

    def restart(self, *, downtime: float = 0.0) -> None:
        """Somebody stops the service in an orderly way and starts it again."""
        self.machine.downtime = downtime
        if self.machine.process is not None:
            self._run(self.machine.while_alive(self.machine.system.stop()))
            self._run(self.machine.fall())

    def spoil(
        self, contact: str, ill: Ill | Slip, *, minutes: float = float("inf"), retry_after: int | None = None
    ) -> None:
        """A provider goes bad for a while, or for ever."""
        ends = self.time + minutes * 60
        self.journal.faults.append(Fault(contact, ill, self.time, ends, retry_after))

    def lose_database(self, *, seconds: float, hanging: bool = False) -> None:
        """The database goes away for a while: it refuses, or it hangs first."""
        self.journal.outages.append(Outage(self.time, self.time + seconds, hanging))

    def fill_disk(self, *, seconds: float) -> None:
        """The disk is full for a while: nothing can be written, and everything read."""
        self.journal.outages.append(Outage(self.time, self.time + seconds, full=True))

    def cut_power(self, *, downtime: float = 0.0) -> None:
        """The machine loses power, and starts again: its count of seconds begins anew.

        Where its clock was set while no process ran, it keeps power: nobody could tell that from a longer time away.
        """
        if self.machine.process is None and self.journal.steps[-1:] > [(self.journal.deaths[-1], 0.0)]:
            return
        self.clock.boot = f"the machine, since {self.time}"
        self.crash(downtime=downtime)
        self._deaths_without_power = len(self.journal.deaths)

    @property
    def has_power(self) -> bool:
        """Whether the machine runs, with or without a process."""
        return self.machine.process is not None or len(self.journal.deaths) != self._deaths_without_power

    def lose_answers(self, *, minutes: float) -> None:
        """For a while, no answer to a ping reaches its job."""
        self.journal.unanswered.append((self.time, self.time + minutes * 60))

    def let_go(self) -> None:
        """A provider that held its answer back gives it, now and from now on."""
        self.network.let_go.set()

    def mend(self) -> None:
        """From now on the weather is fine."""
        now = self.time
        self.machine.fate.relent()
        self.machine.back_at = min(self.machine.back_at, now)
        faults, outages = self.journal.faults, self.journal.outages
        faults[:] = [replace(one, ends=min(one.ends, now)) for one in faults]
        outages[:] = [replace(one, ends=min(one.ends, now)) for one in outages]
