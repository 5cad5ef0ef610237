"""/livez, /readyz and /metrics."""

import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from importlib.metadata import version
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Connection

from heartbeat import app, metrics, ticker
from heartbeat.app import System
from heartbeat.checks import deadline
from heartbeat.checks import store as check_store
from heartbeat.database import Database, Unavailable
from heartbeat.http import health
from heartbeat.http.prometheus import checks as check_series
from heartbeat.metric_values import SEND_RESULTS
from heartbeat.settings import ROLES, Settings
from tests.unit.conftest import NOW, a_check
from tests.unit.http.conftest import (
    SetClock,
    escalate,
    fall_silent,
    make_check,
    ping,
    refuse_database,
    visitor,
)

STAGES = ("tick", "clock", "checker", "escalator", "courier")
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def scrape(admin: httpx.AsyncClient) -> Samples:
    """Scrape the metrics."""
    answer = await admin.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    series = [
        (sample.name, frozenset(sample.labels.items()), sample.value)
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    ]
    samples = {(name, labels): value for name, labels, value in series}
    assert len(samples) == len(series)
    return samples


def value(samples: Samples, name: str, **labels: str) -> float | None:
    """Return the value of a series, None if it does not exist."""
    return samples.get((name, frozenset(labels.items())))


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """A database that hangs until the test ends. The list has its waiting reads."""
    monkeypatch.setattr(health, "PROBE_BOUND", 0.01)
    monkeypatch.setattr(health, "SCRAPE_BOUND", 0.01)
    let_go = threading.Event()
    held: list[object] = []
    read = Database.read

    async def hang(self: Database, work: Any) -> Any:
        def slowly(db: Connection) -> Any:
            held.append(work)
            let_go.wait(5)
            return work(db)

        return await read(self, slowly)

    monkeypatch.setattr(Database, "read", hang)
    yield held
    let_go.set()


async def test_a_process_that_cannot_write_is_not_ready_even_if_nothing_is_due(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await system.ticker.tick()

    async def away(self: Database, work: object) -> None:
        raise Unavailable("gone")

    monkeypatch.setattr(Database, "write", away)
    assert await system.ticker.tick(), "one look is enough for a while"
    monkeypatch.setattr(ticker, "PROVE_EVERY", 0.0)
    assert not await system.ticker.tick()


async def test_livez_answers_without_a_database(
    system: System, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_database(system, monkeypatch)

    answer = await client.get("/livez")

    assert (answer.status_code, answer.text) == (200, "OK")


async def test_ready_once_the_ticker_runs_and_the_database_answers(
    system: System, client: httpx.AsyncClient
) -> None:
    first = await client.get("/readyz")
    await system.ticker.tick()
    second = await client.get("/readyz")

    assert (first.status_code, first.text) == (
        503,
        "not ready: nothing was judged and stored in time",
    )
    assert (second.status_code, second.text) == (200, "ready")
    assert second.headers["cache-control"] == "no-store"


async def test_not_ready_without_a_database(
    system: System, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_database(system, monkeypatch)

    answer = await client.get("/readyz")

    assert (answer.status_code, answer.text) == (
        503,
        "not ready: nothing was judged and stored in time and the database does not answer",
    )


async def test_a_database_that_hangs_is_asked_once(
    system: System, client: httpx.AsyncClient, hanging: list[object]
) -> None:
    answers = [await client.get("/readyz") for _ in range(5)]

    assert {answer.status_code for answer in answers} == {503}
    assert all(answer.text.endswith("the database does not answer") for answer in answers)
    assert len(hanging) == 1


async def test_a_process_without_the_api_serves_health_and_metrics(
    settings: Settings, system: System, clock: SetClock
) -> None:
    roles = frozenset({"checker"})
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(503))) as http:
        checker = app.build(
            replace(settings, roles=roles), database=system.context.database, clock=clock, http=http
        )
        async with visitor(checker, Authorization=f"Bearer {settings.admin_key}") as caller:
            statuses = {
                path: (await caller.get(path)).status_code
                for path in ("/livez", "/readyz", "/metrics", "/v1/checks", "/", "/ping/key/job")
            }
        await checker.stop()

    assert statuses == {
        "/livez": 200,
        "/readyz": 503,
        "/metrics": 200,
        "/v1/checks": 404,
        "/": 404,
        "/ping/key/job": 404,
    }


async def test_each_check_has_its_series(system: System, admin: httpx.AsyncClient, clock: SetClock) -> None:
    up, silent, _new, _paused = [await make_check(system, slug) for slug in ("up", "silent", "new", "paused")]
    await ping(system, up)
    await ping(system, silent)
    await admin.post("/v1/checks/paused/pause")
    await ping(system, silent, "/fail")

    samples = await scrape(admin)

    series = {
        slug: (
            value(samples, "heartbeat_check_up", check=slug),
            value(samples, "heartbeat_check_last_success_timestamp_seconds", check=slug),
        )
        for slug in ("up", "silent", "new", "paused")
    }
    heard = NOW.timestamp()
    assert series == {"up": (1, heard), "silent": (0, heard), "new": (1, None), "paused": (None, None)}
    counts = {
        state: value(samples, "heartbeat_checks", state=state) for state in ("new", "up", "down", "paused")
    }
    assert counts == {"new": 1, "up": 1, "down": 1, "paused": 1}
    assert value(samples, "heartbeat_checks", state="late") is None
    assert value(samples, "heartbeat_incidents_open") == 1
    assert value(samples, "heartbeat_check_series_left_out") == 0


async def test_the_lag_of_the_checker_and_the_courier(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    silent = await make_check(system)
    assert value(await scrape(admin), "heartbeat_evaluation_lag_seconds") == 0

    await make_check(system, "other")
    await fall_silent(system, clock, silent)
    await escalate(system, clock)
    await make_check(system, "late")
    clock.advance(seconds=50)
    samples = await scrape(admin)

    late = deadline.of(a_check())
    assert late is not None
    assert value(samples, "heartbeat_evaluation_lag_seconds") == (clock.now() - late) / timedelta(seconds=1)
    assert value(samples, "heartbeat_outbox_pages") == 2
    assert value(samples, "heartbeat_outbox_oldest_seconds") == 50


async def test_the_metrics_of_the_service_itself(system: System, admin: httpx.AsyncClient) -> None:
    await ping(system, await make_check(system))
    await system.ticker.tick()

    samples = await scrape(admin)

    assert value(samples, "heartbeat_pings_total", result="heard") == 1
    assert value(samples, "heartbeat_ping_batch_size_count") == 1
    assert value(samples, "heartbeat_last_tick_timestamp_seconds") == NOW.timestamp()
    assert value(samples, "heartbeat_database_up") == 1


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_the_wait_for_an_answer(system: System, admin: httpx.AsyncClient, clock: SetClock) -> None:
    """The wait for an answer counts from the first page of the occurrence until the answer."""
    number = await fall_silent(system, clock, await make_check(system))
    clock.advance(seconds=5)
    gathering = await scrape(admin)
    await escalate(system, clock)
    clock.advance(minutes=20)
    paged = await scrape(admin)
    for name in ("anna", "ben"):
        assert (await admin.post(f"/v1/incidents/{number}/acknowledge", json={"by": name})).is_success
    answered = await scrape(admin)
    clock.advance(hours=4)
    await escalate(system, clock)
    clock.advance(minutes=1)
    reopened = await scrape(admin)

    oldest = "heartbeat_unanswered_oldest_seconds"
    assert [value(samples, oldest) for samples in (gathering, paged, answered, reopened)] == [0, 1200, 0, 60]
    states = [
        {
            state: value(samples, "heartbeat_incidents", state=state)
            for state in ("open", "acknowledged", "snoozed")
        }
        for samples in (paged, answered)
    ]
    assert states == [
        {"open": 1, "acknowledged": 0, "snoozed": 0},
        {"open": 0, "acknowledged": 1, "snoozed": 0},
    ]
    assert value(answered, "heartbeat_incidents_open") == 1
    measured = [value(answered, f"heartbeat_acknowledge_seconds_{part}") for part in ("count", "sum")]
    assert measured == [1, 1200]


async def test_the_metrics_describe_the_process(system: System, admin: httpx.AsyncClient) -> None:
    first = await scrape(admin)
    await system.ticker.tick()
    second = await scrape(admin)

    assert value(first, "heartbeat_build_info", version=version("heartbeat"), database="sqlite") == 1
    assert [value(first, "heartbeat_role", role=role) for role in ROLES] == [1, 1, 1]
    assert [value(samples, "heartbeat_ready") for samples in (first, second)] == [0, 1]
    started = value(second, "process_start_time_seconds")
    assert started is not None
    assert started > 0


async def test_counters_start_at_0_so_that_the_first_event_is_an_increase(admin: httpx.AsyncClient) -> None:
    samples = await scrape(admin)

    assert {value(samples, "heartbeat_pings_total", result=result) for result in metrics.PING_RESULTS} == {0}
    for result in SEND_RESULTS:
        assert value(samples, "heartbeat_pages_total", notifier="ntfy", result=result) == 0
        assert value(samples, "heartbeat_outside_beats_total", result=result) == 0
    assert value(samples, "heartbeat_notifier_passed_over", notifier="sms") == 0
    assert {value(samples, "heartbeat_tick_failures_total", stage=stage) for stage in STAGES} == {0}


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_series_of_single_checks(system: System, admin: httpx.AsyncClient, clock: SetClock) -> None:
    """Down by cause, paused, and the duration of the run that the newest ping ended."""
    running, failed, quick = [await make_check(system, slug) for slug in ("running", "failed", "quick")]
    for started in (running, quick):
        await ping(system, started, "/start")
    clock.advance(seconds=42)
    await ping(system, quick)
    await ping(system, failed, "/fail")
    await make_check(system, "paused")
    await admin.post("/v1/checks/paused/pause")

    samples = await scrape(admin)

    slugs = ("running", "failed", "quick", "paused")
    duration = "heartbeat_check_last_duration_seconds"
    assert [value(samples, duration, check=slug) for slug in slugs] == [None, None, 42, None]
    assert [value(samples, "heartbeat_check_paused", check=slug) for slug in slugs] == [None, None, None, 1]
    down = {labels for name, labels in samples if name == "heartbeat_check_down"}
    assert down == {frozenset({("check", "failed"), ("cause", "failed")})}


async def test_configured_labels_of_checks_are_shown(
    system: System, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_check(system, "a", labels={"host": "vault-1", "team": "ops", "secret": "x"})
    await make_check(system, "b", labels={"team": 'the "others"'})
    options = metrics.CheckSeries(True, (("label_host", "host"), ("label_team", "team")))
    monkeypatch.setattr(system.context.metrics, "check_series", options)

    samples = await scrape(admin)

    labels = {frozenset(labels) for name, labels in samples if name == "heartbeat_check_up"}
    assert labels == {
        frozenset({("check", "a"), ("label_host", "vault-1"), ("label_team", "ops")}),
        frozenset({("check", "b"), ("label_host", ""), ("label_team", 'the "others"')}),
    }


async def test_series_of_single_checks_turned_off(
    system: System, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_check(system)
    monkeypatch.setattr(check_series, "MAX_CHECKS", 0)
    monkeypatch.setattr(system.context.metrics, "check_series", metrics.CheckSeries(each=False))

    samples = await scrape(admin)

    assert not {name for name, labels in samples if "check" in dict(labels)}
    assert value(samples, "heartbeat_check_series_left_out") == 0
    assert value(samples, "heartbeat_checks", state="new") == 1


async def test_an_accepted_page_is_measured_and_logged(
    system: System,
    admin: httpx.AsyncClient,
    clock: SetClock,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "alerting.courier")
    number = await fall_silent(system, clock, await make_check(system))
    await escalate(system, clock)
    clock.advance(seconds=7)
    assert await system.courier.dispatch() == 1
    assert system.context.metrics.registry.get_sample_value("heartbeat_sends_under_way") == 1
    await system.courier.settle(5)

    samples = await scrape(admin)
    assert value(samples, "heartbeat_sends_under_way") == 0

    assert "job silent" in capsys.readouterr().out
    assert value(samples, "heartbeat_page_delivery_seconds_count") == 1
    assert value(samples, "heartbeat_page_delivery_seconds_sum") == 7
    (record,) = caplog.records
    assert record.getMessage() == f"page 1 of incident {number} to first by console: accepted"
    fields = {"incident": number, "page": 1, "kind": "page", "person": "first", "notifier": "console"}
    assert vars(record).items() >= (fields | {"event": "sent", "outcome": "accepted"}).items()


async def test_too_many_checks_have_no_series(
    system: System, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_series, "MAX_CHECKS", 2)
    await system.context.database.write(lambda db: check_store.insert(db, [a_check("a"), a_check("b")]))
    some = await scrape(admin)
    await make_check(system, "c")
    many = await scrape(admin)

    assert value(some, "heartbeat_check_up", check="a") == 1
    assert value(some, "heartbeat_check_series_left_out") == 0
    assert value(many, "heartbeat_check_up", check="a") is None
    assert value(many, "heartbeat_check_series_left_out") == 1
    assert value(many, "heartbeat_checks", state="new") == 3


async def test_a_scrape_works_without_the_database(
    system: System, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ping(system, await make_check(system))
    refuse_database(system, monkeypatch)

    samples = await scrape(admin)

    assert value(samples, "heartbeat_database_up") == 0
    assert value(samples, "heartbeat_pings_total", result="heard") == 1


async def test_a_scrape_does_not_wait_for_a_database_that_hangs(
    system: System, admin: httpx.AsyncClient, hanging: list[object]
) -> None:
    assert value(await scrape(admin), "heartbeat_database_up") == 0
