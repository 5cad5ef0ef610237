"""Several workers on one port: one service, which outlives each of them and refuses no ping while it reloads."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.conftest import Serve
from tests.e2e.patience import eventually
from tests.e2e.phone import Phone
from tests.e2e.postgres import Postgres
from tests.e2e.service import PING_KEY, Service, configuration

CHECKS = {"quick": "every: 5s, grace: 1s", "slow": "every: 1h"}


def test_workers_are_one_service_that_outlives_each_of_them(
    serve: Serve, phone: Phone, postgres_server: Postgres
) -> None:
    service = serve(
        configuration(CHECKS, ['{webhook: "${PHONE}"}']),
        "--workers",
        "2",
        HEARTBEAT_DATABASE_URL=postgres_server.database(),
        **phone.webhook,
    ).start()
    workers = eventually(lambda: _workers(service, 2), within=30, what="two workers")
    assert [service.ping("slow").status_code for _ in range(40)] == [200] * 40
    eventually(lambda: phone.of("page"), within=30, what="the page for the silent job")
    assert set(phone.times_rung().values()) == {1}

    # Whichever is asked: the pings of both, each role once, and the processor time of all.
    assert {_metric(service, "heartbeat_pings_total", result="heard") for _ in range(8)} == {40}
    assert _metric(service, "heartbeat_starts_total") == 2
    assert [_metric(service, "heartbeat_role", role=role) for role in ("api", "checker", "pager")] == [1] * 3
    used = _metric(service, "process_cpu_seconds_total")

    # What has connected waits for the next worker, and is not refused.
    with _pinging(service) as failures:
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        eventually(
            lambda: _metric(service, "heartbeat_starts_total") == 4, within=30, what="two other workers"
        )
    assert not any("refused" in failure for failure in failures)
    assert _metric(service, "heartbeat_pings_total", result="heard") > 40
    assert _metric(service, "process_cpu_seconds_total") > used
    assert service.output().count("ended by SIGKILL: it is started again") == 2

    survivors = _workers(service, 2)
    with _pinging(service) as failures:
        service.process.send_signal(signal.SIGHUP)
        eventually(lambda: not _workers(service, 0) & survivors, within=60, what="the end of the old workers")
    assert failures == []

    assert service.sigterm() < 3
    assert service.process.returncode == 0
    assert "heartbeat is at" in service.output()


def test_workers_end_with_a_parent_that_was_killed(serve: Serve, postgres_server: Postgres) -> None:
    service = serve("", "--workers", "2", HEARTBEAT_DATABASE_URL=postgres_server.database()).start()
    workers = eventually(lambda: _workers(service, 2), within=30, what="two workers")
    service.sigkill()
    eventually(
        lambda: not any(_lives(worker) for worker in workers), within=10, what="the end of the workers"
    )


def test_a_first_worker_that_cannot_start_ends_the_parent_with_its_words(
    serve: Serve, postgres_server: Postgres
) -> None:
    broken = serve("checks: [", HEARTBEAT_DATABASE_URL=postgres_server.database())
    alone = broken.command("serve")
    together = broken.command("serve", "--workers", "2")
    assert (together.returncode, together.stderr) == (alone.returncode, alone.stderr)
    assert alone.returncode == 1


@contextmanager
def _pinging(service: Service) -> Iterator[list[str]]:
    """Ping without a pause, each time on a connection of its own; the list of what went wrong."""
    failures: list[str] = []
    over = threading.Event()

    def ping() -> None:
        with httpx.Client(
            timeout=60, limits=httpx.Limits(max_keepalive_connections=0), trust_env=False
        ) as http:
            while not over.is_set():
                try:
                    answer = http.get(f"{service.url}/ping/{PING_KEY}/slow")
                except httpx.TransportError as error:
                    failures.append(repr(error))
                else:
                    if answer.status_code != 200:
                        failures.append(answer.text)

    threads = [threading.Thread(target=ping) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield failures
    finally:
        over.set()
        for thread in threads:
            thread.join(70)


def _starts(service: Service) -> float:
    """The workers started so far. A request may wait for a worker that is not there yet for longer than we do."""
    try:
        return _metric(service, "heartbeat_starts_total")
    except httpx.TransportError:
        return 0


def _workers(service: Service, least: int) -> set[int]:
    """The processes below the service, or none if there are fewer than `least` of them."""
    pid = service.process.pid
    children = set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    return children if len(children) >= least else set()


def _lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _metric(service: Service, name: str, **labels: str) -> float:
    text = service.ask("GET", "/metrics").text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    (value,) = [sample.value for sample in samples if (sample.name, sample.labels) == (name, labels)]
    return value
