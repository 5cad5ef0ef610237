"""PostgreSQL fails over under load: Patroni and etcd on three machines, with synchronous_mode_strict.

Jobs ping all the time. In half of the rounds, everything on the primary's machine is killed. In the others, its link is
cut: from everything, or from all but heartbeat, which then still talks to the old primary. Some jobs die in each round,
and fall due before, during and after it. Afterwards, the books are compared with what was answered, and the pages with
the jobs that died.

The control is asynchronous: the primary answers while its changes reach no standby, and is then killed.
"""

import math
import shutil
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from itertools import count, pairwise
from pathlib import Path
from statistics import median

from tests.e2e import ledger
from tests.e2e.cluster.network import Network
from tests.e2e.load import Load, Ping
from tests.e2e.patience import eventually, pass_time
from tests.e2e.phone import Phone
from tests.e2e.service import ADMIN_KEY, PING_KEY, SECRET_KEY, Service, bare_environment, configuration
from tests.proof import patroni
from tests.proof.outcome import Outcome, Row
from tests.proof.patroni import Cluster
from tests.proof.rounds import rounds

ROUNDS, SHORT = 20, 2
STAYING = 40
"""Jobs that ping to the end."""
DYING = 6
"""Jobs that die in each round."""
CONNECTIONS, PACE = 32, 0.6
"""About 50 pings a second, so that the rings of the checks hold all pings of a round."""
BEFORE = 8.0
"""Seconds between the death of jobs and the harm: the first of them fall due before it."""
HELD_BACK = 5.0
"""Seconds in which the primary of the control answers alone."""
TAKEN_AGAIN = 200
"""Pings that must be answered by the new primary before the old one comes back."""
PAGE_BOUND = 180.0
"""Seconds until the last page must have come. What could not be heard has a minute to speak."""
HOME = "service"
"""The network of heartbeat and of the jobs."""


class Harm(Enum):
    """What happens to the machine of the primary."""

    KILLED = "killed"
    ALONE = "cut off from all but heartbeat"
    CUT = "cut off from all"


ORDER = (Harm.KILLED, Harm.ALONE, Harm.KILLED, Harm.CUT)


class Living:
    """The jobs that are alive, pinging in turn. `died` says when each of the others was heard last."""

    def __init__(self, jobs: Sequence[str]) -> None:
        self._jobs = tuple(jobs)
        self.died: dict[str, float] = {}

    def __iter__(self) -> Iterator[Ping]:
        numbers = count()
        while True:
            for job in self._jobs:
                if job not in self.died:
                    yield Ping(next(numbers), job, "success", time.time())

    def end(self, jobs: Sequence[str]) -> None:
        """Let these jobs die."""
        self.died |= dict.fromkeys(jobs, time.monotonic())


@dataclass(slots=True)
class Found:
    """What the rounds found."""

    silences: dict[Harm, list[float]] = field(default_factory=dict)
    """The longest time between two pings of each round that were answered with success."""
    acknowledged: int = 0
    lost: list[Ping] = field(default_factory=list)


def prove(short: bool) -> Outcome:
    """Let it fail over, and count what was lost."""
    patroni.require()
    planned = SHORT if short else ROUNDS
    found = Found()
    with _stage() as (cluster, service, phone, living):
        uuids = _uuids(service)
        with Load(service.port, uuids, pings=iter(living), connections=CONNECTIONS, pace=PACE) as load:
            for number in rounds(planned):
                living.end(_dying(number))
                _fail_over(cluster, load, ORDER[number % len(ORDER)], found)
            _await_pages(phone, living.died)
            rows = (*_failovers(found), *_pings(found, load), *_pages(phone, living))
            control = _control(cluster, load)
    method = (
        "three machines with Patroni and etcd, synchronous_mode_strict; the primary's is killed or cut off"
    )
    return Outcome("failover", method, rows, (control,))


def _fail_over(cluster: Cluster, load: Load, harm: Harm, found: Found) -> None:
    heard_before = len(load.acknowledged)
    pass_time(BEFORE)
    old = cluster.primary()
    _do(cluster, old, harm)
    cluster.await_another(old)
    load.await_more(load.acknowledged, TAKEN_AGAIN)
    if harm is Harm.KILLED:
        cluster.restart(old)
    cluster.heal()
    cluster.await_whole()
    heard = load.acknowledged[heard_before:]
    found.acknowledged += len(heard)
    found.lost += ledger.lost(cluster.url, heard)
    times = sorted(ping.sent_at for ping in heard)
    found.silences.setdefault(harm, []).append(max(later - earlier for earlier, later in pairwise(times)))


def _do(cluster: Cluster, name: str, harm: Harm) -> None:
    match harm:
        case Harm.KILLED:
            cluster.kill(name)
        case Harm.ALONE:
            cluster.cut(name, even_from_client=False)
        case Harm.CUT:
            cluster.cut(name, even_from_client=True)


def _control(cluster: Cluster, load: Load) -> Row:
    """The same with asynchronous replication, and a standby that is behind."""
    cluster.configure(patroni.ASYNCHRONOUS)
    cluster.await_asynchronous()
    heard_before = len(load.acknowledged)
    old = cluster.primary()
    cluster.hold_back(old)
    pass_time(HELD_BACK)
    cluster.kill(old)
    # The system of a killed machine would go on to send what it still holds.
    cluster.await_another(old)
    load.await_more(load.acknowledged, TAKEN_AGAIN)
    heard = load.acknowledged[heard_before:]
    lost = ledger.lost(cluster.url, heard)
    return Row("asynchronous, the standbys behind, the primary killed: pings answered", len(heard), len(lost))


@contextmanager
def _stage() -> Iterator[tuple[Cluster, Service, Phone, Living]]:
    """The machines, and heartbeat and a phone in a network of their own."""
    home = Path(tempfile.mkdtemp(prefix="proof-failover-"))
    # PostgreSQL runs as a user of its own.
    home.chmod(0o755)
    jobs = [*(f"staying-{n}" for n in range(STAYING)), *(job for n in range(ROUNDS) for job in _dying(n))]
    with Network() as network:
        address = network.join(HOME)
        with network.within(HOME), Cluster(home, network, address) as cluster, Phone() as phone:
            service = _service(home, cluster, phone, jobs)
            try:
                yield cluster, service.start(), phone, Living(jobs)
            except BaseException:
                print(f"the logs are in {home}", file=sys.stderr)
                raise
            finally:
                service.end()
    shutil.rmtree(home)


def _service(home: Path, cluster: Cluster, phone: Phone, jobs: Sequence[str]) -> Service:
    keys = {
        "HEARTBEAT_ADMIN_KEY": ADMIN_KEY,
        "HEARTBEAT_PING_KEY": PING_KEY,
        "HEARTBEAT_SECRET_KEY": SECRET_KEY,
        "HEARTBEAT_DATABASE_URL": cluster.url,
        **phone.webhook,
    }
    service = Service(home / "heartbeat", environment=bare_environment(**keys))
    checks = {job: f"every: {_period(job)}s, grace: 5s, labels: {{host: {job}}}" for job in jobs}
    (service.home / "heartbeat.yaml").write_text(configuration(checks, ['{webhook: "${PHONE}"}']))
    return service


def _dying(number: int) -> list[str]:
    """The jobs that die in this round."""
    return [f"dying-{number}-{n}" for n in range(DYING)]


def _period(job: str) -> int:
    """Seconds. Those that die fall due one after the other."""
    return 15 if job.startswith("staying") else 5 * (1 + int(job.rpartition("-")[2]))


def _uuids(service: Service) -> dict[str, str]:
    """The uuid of every job, by slug."""
    found: dict[str, str] = {}
    after = ""
    while after is not None:
        page = service.get(f"/v1/checks?limit=200{'&after=' + after if after else ''}")
        found |= {check["slug"]: check["uuid"] for check in page["checks"]}
        after = page["next"]
    return found


def _await_pages(phone: Phone, owed: Collection[str]) -> None:
    """Wait for the pages that are owed, as long as it makes sense."""
    with suppress(AssertionError):
        eventually(
            lambda: set(owed) <= phone.paged_for().keys(), within=PAGE_BOUND, what="a page for each dead job"
        )


def _failovers(found: Found) -> Iterator[Row]:
    for harm, silences in found.silences.items():
        again = f"pings taken again after {median(silences):.0f} s, {max(silences):.0f} s at most"
        yield Row(f"failovers, the primary {harm.value}: {again}", len(silences))


def _pings(found: Found, load: Load) -> Iterator[Row]:
    example = f"{len(found.lost)} lost, the first {found.lost[0]}" if found.lost else ""
    yield Row("pings answered with success: lost", found.acknowledged, len(found.lost), example)
    longest = max((refusal.seconds for refusal in load.refused), default=0.0)
    yield Row(f"pings answered 503, within {longest:.1f} s: others", len(load.refused), _others(load))


def _others(load: Load) -> int:
    """The pings that got no answer, or another than 503."""
    return load.broken + sum(refusal.status != 503 for refusal in load.refused)


def _pages(phone: Phone, living: Living) -> Iterator[Row]:
    paged, died = phone.paged_for(), living.died
    first = {job: min(call.at for call in phone.of("page") if job in call.symptoms) for job in paged}
    unpaged = sorted(died.keys() - paged.keys())
    early = sorted(job for job, at in first.items() if at < died.get(job, math.inf))
    twice = sorted(job for job, notices in paged.items() if len(notices) > 1)
    slowest = max((first[job] - died[job] for job in died if job in first), default=0.0)
    yield Row(
        f"jobs that died, paged within {slowest:.0f} s: not paged",
        len(died),
        len(unpaged),
        ", ".join(unpaged),
    )
    yield Row("jobs that lived: paged", STAYING + ROUNDS * DYING, len(early), ", ".join(early))
    yield Row("jobs that died: paged under a second key", len(died), len(twice), ", ".join(twice))
