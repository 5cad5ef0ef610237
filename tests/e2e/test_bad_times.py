"""Stops, hanging receivers and databases that go away: nothing that was promised is lost, and nobody restarts it."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from heartbeat.database import ANSWER
from tests.e2e import ledger, wire
from tests.e2e.conftest import Serve
from tests.e2e.load import Load
from tests.e2e.patience import eventually, pass_time
from tests.e2e.phone import Phone
from tests.e2e.postgres import Postgres
from tests.e2e.service import PING_KEY, Service, configuration

pytestmark = pytest.mark.e2e

BOUND = 2.5
"""Two seconds are promised, for a stop as for an answer. The rest is for a busy machine: this is measured outside."""
STORM = 150
CONSOLE = ["{console: terminal}"]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_sigterm_under_load_loses_nothing(kind: str, serve: Serve, make_url: Callable[[str], str]) -> None:
    url = make_url(kind)
    service = serve(_many_checks(), HEARTBEAT_DATABASE_URL=url).start()
    with Load(service.port, _uuids(service)) as load, wire.connected(service.port) as slow:
        pass_time(1)
        body = b"the last words of a job"
        slow.sendall(wire.ping("slow", body[:8], length=len(body)))
        load.await_more(load.acknowledged, 100)
        stopping = time.monotonic()
        service.process.terminate()
        pass_time(0.3)
        slow.sendall(body[8:])
        assert wire.one_answer(slow) == (200, b"OK")
        status = service.process.wait(30)
        took = time.monotonic() - stopping

    assert status == 0
    assert took <= BOUND
    ledger.reconcile(url, load)
    assert [one.body for one in ledger.read(url)["slow"].ring] == [body]
    assert {refusal.status for refusal in load.refused} <= {503}


def test_sigterm_does_not_wait_for_a_webhook_that_hangs(serve: Serve, phone: Phone) -> None:
    phone.hanging.set()
    text = configuration({"job": "every: 1s, grace: 1s"}, ['{webhook: "${PHONE}"}'])
    service = serve(text, **phone.webhook).start()
    phone.await_kind("page")
    assert service.sigterm() <= BOUND
    assert service.process.returncode == 0
    service.start()
    # It is sent again when its lease of 30 s has run out, which is not waited for here.
    assert [page["state"] for page in service.get("/v1/incidents/1")["pages"]] == ["pending"]


def test_a_stop_in_a_storm_leaves_no_page_in_its_hands(serve: Serve, phone: Phone) -> None:
    storm = {f"job-{n}": f"every: 1s, grace: 1s, labels: {{host: h{n}}}" for n in range(STORM)}
    service = serve(configuration(storm, ['{webhook: "${PHONE}"}']), **phone.webhook).start()
    phone.await_kind("page", after=STORM // 10)
    assert service.sigterm() <= BOUND
    taken, delivered = _pages(service.home / "data" / "heartbeat.db")
    assert delivered
    # What was taken up is sent, or the next process would have to wait until its lease of 30 s has run out.
    assert taken <= {"-".join(notice.split("-")[:2]) for notice in phone.times_rung()}

    service.start()
    eventually(lambda: len(phone.paged_for()) == STORM, within=60, what="a page for each job")
    assert {len(notices) for notices in phone.paged_for().values()} == {1}


def test_a_locked_sqlite_file_costs_a_503_and_no_restart(serve: Serve) -> None:
    service = serve(configuration({"job": "every: 1h"}, CONSOLE)).start()
    assert service.ping("job").text == "OK"
    with _locked(service.home / "data" / "heartbeat.db"):
        for _ in range(3):
            began = time.monotonic()
            answer = service.ping("job", "POST", content=b"is anybody there?")
            assert time.monotonic() - began <= BOUND
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) >= 1
    eventually(lambda: service.ping("job").status_code == 200, within=15, what="pings that are heard again")
    eventually(lambda: service.ask("GET", "/readyz").status_code == 200, within=20, what="readiness")
    assert service.get("/v1/checks/job")["pings"] >= 2


def test_a_stop_does_not_wait_for_a_locked_sqlite_file(serve: Serve) -> None:
    service = serve(configuration({"job": "every: 1h"}, CONSOLE)).start()
    with _locked(service.home / "data" / "heartbeat.db"), wire.connected(service.port) as waiting:
        waiting.sendall(wire.ping("job"))
        pass_time(0.2)
        assert service.sigterm() <= BOUND
        assert wire.one_answer(waiting)[0] == 503
    assert "Traceback" not in service.output()


def test_a_database_that_is_away_is_seen_from_outside(
    serve: Serve, phone: Phone, postgres_server: Postgres
) -> None:
    outside = {"HEARTBEAT_OUTSIDE_URL": f"{phone.url}/outside", "HEARTBEAT_OUTSIDE_EVERY": "1"}
    url = postgres_server.database()
    service = serve(
        configuration({"job": "every: 1h"}, CONSOLE), HEARTBEAT_DATABASE_URL=url, **outside
    ).start()
    eventually(lambda: len(_beats(phone)) >= 2, within=20, what="two beats of the outside heartbeat")

    postgres_server.sigkill()
    unready = eventually(lambda: _not_ready(service), within=20, what="a service that is not ready")
    assert "the database does not answer" in unready
    assert service.ping("job").status_code == 503
    assert service.ask("GET", "/livez").status_code == 200
    assert "heartbeat_database_up 0.0" in service.ask("GET", "/metrics").text
    so_far = len(_beats(phone))
    pass_time(3)
    assert len(_beats(phone)) == so_far

    postgres_server.start()
    eventually(lambda: not _not_ready(service), within=30, what="a service that is ready again")
    eventually(lambda: len(_beats(phone)) > so_far, within=20, what="the outside heartbeat")
    assert service.ping("job").status_code == 200


def test_a_database_that_hangs_keeps_nobody_waiting(
    serve: Serve, phone: Phone, postgres_server: Postgres
) -> None:
    text = configuration({"job": "every: 1h"}, ['{webhook: "${PHONE}"}'], top="gathering: 1s")
    settings = {"HEARTBEAT_DATABASE_URL": postgres_server.database()} | phone.webhook
    service = serve(text, **settings).start()
    service.ping(f"{PING_KEY}/job/fail")
    answer = "/answer/" + phone.await_kind("page").data["ack_url"].rpartition("/")[2]
    asked = [("GET", "/sign-in"), ("GET", "/v1/checks"), ("GET", answer), ("POST", answer)]

    postgres_server.freeze()
    began = time.monotonic()
    # More at once than there are threads.
    with ThreadPoolExecutor(16) as people:
        answers = list(people.map(lambda one: service.ask(*one, timeout=60), asked * 4))
    assert time.monotonic() - began <= ANSWER + BOUND
    assert {one.status_code for one in answers} == {503}
    assert {one.headers["Retry-After"] for one in answers} == {"5"}
    assert all("does not answer" in one.text for one in answers)

    postgres_server.thaw()
    eventually(lambda: not _not_ready(service), within=30, what="a service that is ready again")
    assert [service.ask(*one).status_code for one in asked[:2]] == [200, 200]
    assert service.ping("job").status_code == 200


def _pages(file: Path) -> tuple[set[str], set[str]]:
    """The notices that a service has taken up, and those of them that it has recorded as delivered."""
    with closing(sqlite3.connect(file)) as db:
        taken = db.execute("SELECT id, state FROM pages WHERE lease > 0").fetchall()
    return {f"page-{n}" for n, _ in taken}, {f"page-{n}" for n, state in taken if state == "delivered"}


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Hold the lock that writers want, as another program would that has opened the file."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def _many_checks() -> str:
    return configuration(dict.fromkeys(["slow", *(f"job-{n}" for n in range(200))], "every: 1h"), CONSOLE)


def _uuids(service: Service) -> dict[str, str]:
    """By slug the uuids of the checks that the load pings."""
    found = service.get("/v1/checks?limit=200")["checks"]
    return {one["slug"]: one["uuid"] for one in found if one["slug"] != "slow"}


def _beats(phone: Phone) -> list[str]:
    return [call.path for call in list(phone.calls) if call.path == "/outside"]


def _not_ready(service: Service) -> str:
    """Why it says that it is not ready; nothing where it is."""
    answer = service.ask("GET", "/readyz")
    return "" if answer.status_code == 200 else answer.text
