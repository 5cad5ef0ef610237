"""Spans of the whole system, as a collector receives them. Without a collector, nothing changes."""

import io
import json
import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from alerting import desk
from alerting.span import no_spans
from heartbeat import app, logs, tracing
from heartbeat.app import System
from heartbeat.checks import checker
from heartbeat.database import Database
from heartbeat.settings import BadSetting, Settings
from heartbeat.ticker import Ticker
from heartbeat.tracing import Tracing
from tests.collector import Collector, Told, collecting
from tests.unit.http.conftest import (
    ADMIN_KEY,
    FIRST,
    OPS,
    SetClock,
    make_check,
    ping,
    refuse_database,
    visitor,
)

SERVER = 2
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector that listens."""
    with collecting() as listening:
        yield listening


@pytest.fixture
def telling(collector: Collector) -> Iterator[Tracing]:
    """Tracing that sends to the collector."""
    handlers = logging.getLogger().handlers[:]
    started = tracing.begin(Settings(otlp_url=f"{collector.url}/v1/traces"))
    assert started is not None
    yield started
    started.close(5)
    for handler in handlers:
        for added in [log_filter for log_filter in handler.filters if isinstance(log_filter, tracing.InLogs)]:
            handler.removeFilter(added)


@pytest.fixture
async def traced(
    make_database_url: Callable[[str], str], settings: Settings, clock: SetClock, telling: Tracing
) -> AsyncIterator[System]:
    """A whole system with tracing. Nothing ticks."""
    database = Database(make_database_url("sqlite"))
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(503))) as http:
        built = app.build(settings, database=database, clock=clock, http=http, tracing=telling)
        await database.write(lambda db: desk.install(db, [FIRST], [OPS], {}))
        yield built
        await built.stop()
    database.close()


async def test_a_page_is_followed_from_the_tick_to_the_notifier(
    traced: System,
    telling: Tracing,
    collector: Collector,
    clock: SetClock,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await make_check(traced)
    clock.advance(minutes=6)
    assert await traced.ticker.tick()
    clock.advance(seconds=10)
    assert await traced.ticker.tick()
    await traced.courier.settle(5)
    telling.close(5)

    (send,) = collector.named("send")
    assert send.known == {
        "heartbeat.incident": 1,
        "heartbeat.page": 1,
        "heartbeat.kind": "page",
        "heartbeat.pages": 1,
        "heartbeat.person": "first",
        "heartbeat.notifier": "console",
        "heartbeat.outcome": "accepted",
    }
    assert _line(collector, send) == ["send", "courier", "tick"]
    named = {span.name for span in collector.spans}
    # The first tick of an installation looks at all of its times once: "clock".
    assert named == {"tick", "clock", "checker", "escalator", "courier", "send"}
    (judged,) = collector.named("checker")
    assert (judged.known, judged.failed) == ({"heartbeat.done": 1}, False)
    assert send.process.items() >= {"service.name": "heartbeat"}.items()
    assert {"service.version", "service.instance.id"} <= send.process.keys()
    assert collector.paths == {"/v1/traces"}
    assert "job silent" in capsys.readouterr().out


async def test_an_idle_tick_has_no_span(traced: System, telling: Tracing, collector: Collector) -> None:
    assert await traced.ticker.tick()
    assert await traced.ticker.tick()
    telling.close(5)
    assert sorted(span.name for span in collector.spans) == ["clock", "tick"]


async def test_a_failed_stage_has_only_the_type_of_its_error(
    traced: System, telling: Tracing, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> int:
        raise ValueError("postgresql://heartbeat:secret@db")

    monkeypatch.setattr(checker, "sweep", broken)
    monkeypatch.setattr(Ticker, "_has_come", lambda *_: True)
    assert not await traced.ticker.tick()
    telling.close(5)

    (failed,) = collector.named("checker")
    assert failed.failed
    assert failed.known == {"error.type": "ValueError"}
    assert _line(collector, failed) == ["checker", "tick"]


async def test_a_batch_of_pings_is_one_span_and_a_ping_is_none(
    traced: System, telling: Tracing, collector: Collector
) -> None:
    await ping(traced, await make_check(traced))
    telling.close(5)

    (batch,) = collector.spans
    assert (batch.name, batch.known, batch.parent) == ("ping batch", {"heartbeat.pings": 1}, "")
    assert batch.seconds > 0


async def test_a_request_is_a_span_under_that_of_its_caller(
    traced: System, telling: Tracing, collector: Collector
) -> None:
    await make_check(traced)
    async with visitor(traced, Authorization=f"Bearer {ADMIN_KEY}") as admin:
        assert (await admin.get("/v1/checks/job", headers={"traceparent": TRACEPARENT})).is_success
        for path in ("/metrics", "/readyz", "/livez", "/answer/a-secret-token", "/no-such-place"):
            await admin.get(path)
    telling.close(5)

    (span,) = collector.named("GET /v1/checks/{name}")
    assert (span.trace, span.parent, span.kind) == (TRACEPARENT[3:35], TRACEPARENT[36:52], SERVER)
    assert span.known == {
        "http.request.method": "GET",
        "http.route": "/v1/checks/{name}",
        "http.response.status_code": 200,
    }
    assert {span.name for span in collector.spans} == {"GET /v1/checks/{name}", "GET"}
    assert "secret" not in repr(collector.spans)


async def test_an_answer_that_fails_is_a_failed_span(
    traced: System, telling: Tracing, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_database(traced, monkeypatch)
    async with visitor(traced, Authorization=f"Bearer {ADMIN_KEY}") as admin:
        assert (await admin.get("/v1/checks")).status_code == 503
    telling.close(5)

    (failed,) = collector.spans
    assert failed.failed
    assert failed.known["http.response.status_code"] == 503


async def test_lines_of_the_log_name_their_span(
    traced: System, telling: Tracing, collector: Collector, clock: SetClock
) -> None:
    """Also those that are written in a thread of the database, once a transaction is committed."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.ForMachines())
    handler.addFilter(tracing.InLogs())
    heard = logging.getLogger("alerting.timeline")
    heard.addHandler(handler)
    heard.setLevel(logging.INFO)
    try:
        await make_check(traced)
        clock.advance(minutes=6)
        await traced.ticker.tick()
        logging.getLogger("alerting.timeline").info("outside of every span")
    finally:
        heard.removeHandler(handler)
        heard.setLevel(logging.NOTSET)
    telling.close(5)

    inside, outside = map(json.loads, stream.getvalue().splitlines())
    (judged,) = collector.named("checker")
    assert (inside["event"], inside["trace_id"], inside["span_id"]) == ("opened", judged.trace, judged.id)
    assert not {"trace_id", "span_id"} & outside.keys()


async def test_a_collector_that_hangs_holds_up_nobody(
    traced: System, telling: Tracing, collector: Collector, clock: SetClock
) -> None:
    collector.hanging.set()
    await ping(traced, await make_check(traced))
    telling.close(0.05)
    await ping(traced, await make_check(traced, "other"))


def test_without_an_address_nothing_is_traced(settings: Settings, system: System) -> None:
    assert tracing.begin(settings) is None
    assert system.ingest._observe_batch == system.context.metrics.pings.observe_batch
    with no_spans("send", page=1) as first, no_spans("tick") as second:
        first.record(outcome="accepted")
        first.discard()
    assert first is second


def test_without_the_extra_the_start_is_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(BadSetting, match=r"OpenTelemetry is not installed: install heartbeat\[otel\]"):
        tracing.begin(replace(Settings(), otlp_url="http://127.0.0.1:4318/v1/traces"))


def _line(collector: Collector, span: Told) -> list[str]:
    """The names from a span up to the one that has no parent, which must be of the same trace."""
    by_id = {span.id: span for span in collector.spans}
    names = [span.name]
    while span.parent:
        assert by_id[span.parent].trace == span.trace
        span = by_id[span.parent]
        names.append(span.name)
    return names
