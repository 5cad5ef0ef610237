"""SIGKILL under load, on both databases: no ping that was answered is lost, and each page that is owed comes once.

Method: a real `heartbeat serve` hears pings over many connections. Jobs report failures all the while, each of which
owes a page to a local receiver. The service is killed at random moments, also while it starts, and PostgreSQL with it
now and then. Afterwards, each ping that was answered with a 2xx must be in the books once, as it was sent. Each failure
that was answered must have been paged, under one id. A page may come again only if a kill lies between.

Control: a service that answers before the commit and marks pages as delivered before it sends them (`hasty`).
"""

import sys
import tempfile
import time
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import httpx

from tests.e2e import ledger
from tests.e2e.load import Load
from tests.e2e.meanwhile import Meanwhile
from tests.e2e.patience import eventually, pass_time
from tests.e2e.phone import Call, Phone
from tests.e2e.postgres import Postgres
from tests.e2e.service import ADMIN_KEY, PING_KEY, SECRET_KEY, Service, bare_environment, configuration
from tests.proof.outcome import Outcome, Row
from tests.proof.rounds import rounds

LONG, SHORT, CONTROL = 200, 10, 5
KILLS_OF_A_NIGHT = 20
"""Kills of one installation. Its ring of pings holds all of the load until then."""
SPEAKING, FAILING, SILENT = 400, 150, 10
LIFE = 1.5
"""Seconds of load before a kill, at most."""
STARTING = 0.2
"""How often the next kill comes while the service starts."""
DATABASE_TOO = 0.3
"""How often PostgreSQL is killed too."""
PATIENCE = 180.0
"""Seconds in which the service must be ready: this is no benchmark."""
OUTPUT = 5000
"""Characters of what the service said that are printed where it is never ready."""
REST = 0.15
"""Seconds between two failures."""
PAGED_WITHIN = 150.0
"""Seconds: what could not be heard has a minute to speak, and a send that was cut off is repeated after 30 s."""
ROOT = Path(__file__).parents[2]
HONEST, HASTY = ("-m", "heartbeat"), ("-m", "tests.proof.hasty")
METHOD = "SIGKILL under load at random moments; pings that were answered and pages that are owed are counted"


@dataclass(slots=True)
class Tally:
    """What came out of the nights so far. The faults are in words."""

    kills: int = 0
    database_kills: int = 0
    pings: int = 0
    lost: list[str] = field(default_factory=list)
    owed: int = 0
    unpaged: list[str] = field(default_factory=list)
    repeated: int = 0
    doubled: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """All of them."""
        return [*self.lost, *self.unpaged, *self.doubled]

    def rows(self, kind: str) -> tuple[Row, ...]:
        """The rows of one database."""

        def row(done: str, count: int, faults: Sequence[str] = ()) -> Row:
            return Row(f"{kind}: {done}", count, len(faults), faults[0] if faults else "")

        return (
            row("SIGKILLs of heartbeat", self.kills),
            *([row("SIGKILLs of the database", self.database_kills)] if self.database_kills else ()),
            row("pings that were answered with a 2xx", self.pings, self.lost),
            row("failures and silences that owe a page", self.owed, self.unpaged),
            row("pages that were sent again after a kill", self.repeated, self.doubled),
        )


def prove(short: bool) -> Outcome:
    """Kill the hasty service, then the real one on both databases at once."""
    planned, hasty = SHORT if short else LONG, Tally()
    _Night(Random(3), hasty, HASTY).live(CONTROL, within=10)
    with ThreadPoolExecutor(2) as both, Postgres() as server:
        kinds = {"SQLite": None, "PostgreSQL": server}
        nights = [both.submit(_nights, kind, planned, used, short=short) for kind, used in kinds.items()]
        rows = [row for night in nights for row in night.result()]
    return Outcome("kills", METHOD, tuple(rows), hasty.rows("SQLite"))


def _nights(kind: str, planned: int, server: Postgres | None, *, short: bool) -> tuple[Row, ...]:
    tally, random = Tally(), Random(kind)
    for begun in range(0, planned, KILLS_OF_A_NIGHT):
        night = _Night(random, tally, server=server, silent=0 if short else SILENT)
        night.live(min(KILLS_OF_A_NIGHT, planned - begun), within=PAGED_WITHIN)
        so_far = (
            f"{tally.kills} kills, {tally.pings} pings, {tally.owed} pages, {len(tally.faults)} violations"
        )
        print(f"{kind}: {so_far}", file=sys.stderr, flush=True)
    return tally.rows(kind)


class _Night:
    """One installation: from its first start, through its kills, to the reconciliation of its books."""

    def __init__(
        self,
        random: Random,
        tally: Tally,
        command: Sequence[str] = HONEST,
        *,
        server: Postgres | None = None,
        silent: int = 0,
    ) -> None:
        self._random = random
        self._tally = tally
        self._command = command
        self._server = server
        self._silent = {f"silent-{n}" for n in range(silent)}
        self._killed: list[float] = []

    def live(self, kills: int, *, within: float) -> None:
        """Kill it so often, give it so many seconds to page for all that is left, and count."""
        with tempfile.TemporaryDirectory(prefix="heartbeat-kills-") as home, Phone() as phone:
            url = f"sqlite:///{home}/heartbeat.db" if self._server is None else self._server.database()
            service = self._service(Path(home), url, phone)
            try:
                service.begin()
                service.await_ready(PATIENCE)
                with Load(service.port, _uuids(service)) as load, Failures(service.port) as failures:
                    for _ in rounds(kills):
                        self._kill(service)
                owed = self._silent | failures.answered
                with suppress(AssertionError):
                    eventually(lambda: owed <= phone.paged_for().keys(), within=within, what="all pages")
            except AssertionError:
                print(f"heartbeat said:\n{service.output()[-OUTPUT:]}", file=sys.stderr)
                raise
            finally:
                service.end()
            self._count_pings(url, load)
            self._count_pages(owed, phone)

    def _service(self, home: Path, url: str, phone: Phone) -> Service:
        speaking = {f"speaking-{n}": f"every: 1h, labels: {{host: s{n}}}" for n in range(SPEAKING)}
        failing = {f"failing-{n}": f"every: 1h, labels: {{host: f{n}}}" for n in range(FAILING)}
        silent = {slug: f"every: 5s, grace: 1s, labels: {{host: {slug}}}" for slug in self._silent}
        environment = bare_environment(
            HEARTBEAT_ADMIN_KEY=ADMIN_KEY,
            HEARTBEAT_PING_KEY=PING_KEY,
            HEARTBEAT_SECRET_KEY=SECRET_KEY,
            HEARTBEAT_DATABASE_URL=url,
            PYTHONPATH=str(ROOT),
            **phone.webhook,
        )
        file = configuration(speaking | failing | silent, ['{webhook: "${PHONE}"}'])
        (home / "heartbeat.yaml").write_text(file)
        return Service(home, environment=environment, command=(sys.executable, *self._command))

    def _kill(self, service: Service) -> None:
        """Kill it at a random moment, now and then while it starts, and now and then the database too."""
        pass_time(self._random.uniform(0.05, LIFE))
        service.sigkill()
        self._note_kill()
        if self._random.random() < STARTING:
            service.begin()
            pass_time(self._random.uniform(0.1, LIFE))
            service.sigkill()
            self._note_kill()
        service.begin()
        service.await_ready(PATIENCE)
        if self._server is not None and self._random.random() < DATABASE_TOO:
            pass_time(self._random.uniform(0.05, LIFE))
            self._server.sigkill()
            self._tally.database_kills += 1
            self._killed.append(time.monotonic())
            self._server.start()

    def _note_kill(self) -> None:
        self._tally.kills += 1
        self._killed.append(time.monotonic())

    def _count_pings(self, url: str, load: Load) -> None:
        self._tally.pings += len(load.acknowledged)
        lost = ledger.lost(url, load.acknowledged)
        self._tally.lost += [f"{ping.kind} {ping.serial} of {ping.slug} is lost" for ping in lost]
        if lost:
            return
        try:
            ledger.reconcile(url, load)
        except AssertionError as error:
            self._tally.lost.append(str(error))

    def _count_pages(self, owed: Collection[str], phone: Phone) -> None:
        paged = phone.paged_for()
        self._tally.owed += len(owed)
        for slug in sorted(owed):
            if len(notices := paged.get(slug, set())) != 1:
                self._tally.unpaged.append(f"{slug} was paged under {len(notices)} ids")
        self._tally.repeated += len(phone.calls) - len(phone.times_rung())
        self._tally.doubled += doubled(phone.calls, self._killed)


class Failures(Meanwhile):
    """Jobs that report a failure, one after the other, each until it is answered with a 2xx."""

    def __init__(self, port: int) -> None:
        self.answered: set[str] = set()
        self._url = f"http://127.0.0.1:{port}/ping/{PING_KEY}"
        super().__init__(self._report)

    def _report(self) -> None:
        for number in range(FAILING):
            slug = f"failing-{number}"
            while slug not in self.answered:
                if self.over.wait(REST):
                    return
                with suppress(httpx.TransportError):
                    if httpx.post(f"{self._url}/{slug}/fail", trust_env=False).is_success:
                        self.answered.add(slug)


def doubled(calls: Sequence[Call], killed: Sequence[float]) -> list[str]:
    """The notices that came again without a kill in between, in words. Both times are of the monotonic clock."""
    found = []
    last: dict[str, float] = {}
    for call in calls:
        before = last.get(call.notice)
        if before is not None and not any(before < kill < call.at for kill in killed):
            found.append(f"{call.notice} came again {call.at - before:.1f} s later without a kill in between")
        last[call.notice] = call.at
    return found


def _uuids(service: Service) -> dict[str, str]:
    """The uuids of the jobs that speak, by slug."""
    return {slug: uuid for slug, uuid in service.uuids().items() if slug.startswith("speaking")}
