"""Half-open sockets and bad pings, at a real `heartbeat serve`: good pings are answered and counted.

2,000 sockets from eight networks say nothing, half a request, or a byte now and then. They are opened again when they
are closed. Beside them come more than five bad pings for each good one, some of them from the network of the good ones.
Every good ping has a connection of its own, as jobs have. One job is dead. This is done twice: with as many open files
as heartbeat wants, so that it holds all of the sockets, and with 1,024, so that it cannot.

The control is heartbeat without its bounds on connections, with 1,024 files.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from statistics import quantiles
from time import time

from tests.e2e import ledger
from tests.e2e.load import Load, Ping
from tests.e2e.patience import pass_time
from tests.e2e.phone import Phone
from tests.e2e.service import ADMIN_KEY, PING_KEY, SECRET_KEY, Service, bare_environment, configuration
from tests.proof.outcome import Outcome, Row

SOCKETS = 2_000
TRIED = 3_000
"""A socket that heartbeat closes stays closed for some time, so that some more are needed for so many at once."""
BAD = 300
"""Bad pings a second."""
CONNECTIONS, PACE = 10, 0.2
"""Good pings: less than 50 a second."""
JOBS = 40
SECONDS, SHORT = 90.0, 15.0
FEW, MANY = 1_024, 16_384
"""Open files."""
SERVER = (sys.executable, "-m", "heartbeat")
UNBOUNDED = (sys.executable, "-m", "tests.proof.unbounded")


def prove(short: bool) -> Outcome:
    """Crowd heartbeat with many files, with few, and without its bounds."""
    seconds = SHORT if short else SECONDS
    rows = [row for files in (MANY, FEW) for row in _crowded(SERVER, files, seconds)]
    control = _crowded(UNBOUNDED, FEW, SHORT)
    method = f"{SOCKETS:,} half-open sockets, and more than five bad pings for each good one"
    return Outcome("sockets", method, tuple(rows), tuple(control))


def _crowded(command: tuple[str, ...], files: int, seconds: float) -> list[Row]:
    """Crowd a service of its own for so many seconds."""
    home = Path(tempfile.mkdtemp(prefix="proof-sockets-"))
    try:
        with Phone() as phone, _serving(home, command, files, phone) as service:
            pings = (Ping(n, f"job-{n % JOBS}", "success", time()) for n in count())
            load = Load(
                service.port, _uuids(service), pings=pings, connections=CONNECTIONS, pace=PACE, kept=1
            )
            with _crowd(service.port) as crowd:
                pass_time(2)
                with load:
                    pass_time(seconds)
            return list(
                _rows(f"{files:,} files", load, crowd, phone, service.environment["HEARTBEAT_DATABASE_URL"])
            )
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _rows(where: str, load: Load, crowd: Counter[str], phone: Phone, url: str) -> Iterator[Row]:
    sent = len(load.acknowledged) + len(load.refused) + load.broken
    refused = Counter(refusal.status for refusal in load.refused)
    example = f"{load.broken} without an answer, {dict(refused)}" if sent > len(load.acknowledged) else ""
    yield Row(f"{where}: half-open sockets, {crowd['most']:,} at once", crowd["sockets"])
    yield Row(
        f"{where}: bad pings, fewer than five for a good one", crowd["bad"], int(crowd["bad"] < 5 * sent)
    )
    yield Row(
        f"{where}: good pings{_slowest(load)}: not answered", sent, sent - len(load.acknowledged), example
    )
    yield Row(f"{where}: good pings answered: not counted", len(load.acknowledged), _uncounted(load, url))
    paged = phone.paged_for().keys()
    yield Row(
        f"{where}: jobs that pinged: paged", JOBS, len(paged - {"dead"}), ", ".join(sorted(paged - {"dead"}))
    )
    yield Row(f"{where}: jobs that never did: not paged", 1, len({"dead"} - paged))


def _slowest(load: Load) -> str:
    if len(load.seconds) < 2:
        return ""
    cuts = quantiles(load.seconds, n=100)
    return f" (median {cuts[49] * 1000:.0f} ms, 99 % {cuts[98] * 1000:.0f} ms, longest {max(load.seconds):.1f} s)"


def _uncounted(load: Load, url: str) -> int:
    """The pings that were answered with success, and that the books do not count."""
    books = ledger.read(url)
    return sum(max(0, many - books[job].pings) for job, many in load.acknowledged_by_check.items())


@contextmanager
def _crowd(port: int) -> Iterator[Counter[str]]:
    """A crowd in a process of its own. Its counts are there when it has gone."""
    counts: Counter[str] = Counter()
    arguments = [str(port), str(TRIED), str(BAD)]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.proof.crowd", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        yield counts
        output, _ = process.communicate(timeout=60)
        counts.update(json.loads(output))
    finally:
        process.kill()
        process.wait()


@contextmanager
def _serving(home: Path, command: tuple[str, ...], files: int, phone: Phone) -> Iterator[Service]:
    """A service that may open so many files."""
    settings = {
        "HEARTBEAT_ADMIN_KEY": ADMIN_KEY,
        "HEARTBEAT_PING_KEY": PING_KEY,
        "HEARTBEAT_SECRET_KEY": SECRET_KEY,
        "HEARTBEAT_DATABASE_URL": f"sqlite:///{home / 'heartbeat.db'}",
        "PYTHONPATH": str(Path.cwd()),
        **phone.webhook,
    }
    limited = ("sh", "-c", f'ulimit -n {files} && exec "$@"', "sh", *command)
    service = Service(home / "service", environment=bare_environment(**settings), command=limited)
    checks = {f"job-{n}": f"every: 10s, grace: 5s, labels: {{host: h{n}}}" for n in range(JOBS)}
    checks["dead"] = "every: 5s, grace: 2s"
    (service.home / "heartbeat.yaml").write_text(configuration(checks, ['{webhook: "${PHONE}"}']))
    try:
        yield service.start()
    finally:
        service.end()


def _uuids(service: Service) -> dict[str, str]:
    """The uuid of every job, by slug."""
    return {check["slug"]: check["uuid"] for check in service.get("/v1/checks?limit=200")["checks"]}
