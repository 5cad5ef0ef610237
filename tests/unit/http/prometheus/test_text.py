"""The format of a scrape: chosen by the scraper, and complete in both formats."""

import gzip
from typing import Any

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_plain

from heartbeat.app import System
from heartbeat.http.prometheus import text as exposition
from heartbeat.http.prometheus.text import Format
from tests.unit.http.conftest import SetClock, escalate, fall_silent, make_check, ping, refuse_database

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,"
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", Format.PLAIN),
        ("*/*", Format.PLAIN),
        ("text/html,application/xhtml+xml,*/*;q=0.8", Format.PLAIN),
        ("text/plain", Format.PLAIN),
        ("application/openmetrics-text", Format.OPENMETRICS),
        ("Application/OpenMetrics-Text; Version=1.0.0", Format.OPENMETRICS),
        ('application/openmetrics-text; version="0.0.1"', Format.OPENMETRICS),
        ("application/openmetrics-text; version=2.0.0", Format.PLAIN),
        ("application/openmetrics-text; q=0", Format.PLAIN),
        ("application/openmetrics-text; q=some", Format.PLAIN),
        ("application/openmetrics-text;q=0.4,text/plain;q=0.5", Format.PLAIN),
        ("text/plain,application/openmetrics-text", Format.OPENMETRICS),
        (PROMETHEUS_2, Format.OPENMETRICS),
        (PROMETHEUS_3, Format.OPENMETRICS),
    ],
)
def test_the_scraper_gets_the_format_that_it_prefers(accept: str, expected: Format) -> None:
    assert exposition.preferred_format(accept) is expected


@pytest.mark.parametrize(
    ("encoding", "takes"),
    [("", False), ("gzip", True), ("deflate, GZIP;q=0.5", True), ("gzip;q=0", False), ("br", False)],
)
def test_gzip_is_used_only_if_it_is_accepted(encoding: str, takes: bool) -> None:
    assert exposition.takes_gzip(encoding) is takes


@pytest.mark.parametrize("accept", ["text/plain", PROMETHEUS_2])
async def test_a_scrape_is_the_same_in_both_formats(
    system: System, admin: httpx.AsyncClient, clock: SetClock, accept: str
) -> None:
    """A parser of each format reads all families back, whatever characters are in a label."""
    await make_check(system, "up", labels={"host": 'a "b" \\ c\nd'})
    failed = await make_check(system, "failed")
    await fall_silent(system, clock, await make_check(system, "silent"))
    await ping(system, failed, "/fail")
    await escalate(system, clock)
    await system.ticker.tick()

    answer = await admin.get("/metrics", headers={"Accept": accept})
    read = read_openmetrics if accept is PROMETHEUS_2 else read_plain
    families = {family.name: family for family in read(answer.text)}

    assert answer.headers["content-type"] == (OPENMETRICS if accept is PROMETHEUS_2 else Format.PLAIN.value)
    assert answer.text.endswith("# EOF\n") == (accept is PROMETHEUS_2)
    assert answer.text.count("# EOF") == (accept is PROMETHEUS_2)
    assert answer.headers["vary"] == "Accept, Accept-Encoding"
    down = families["heartbeat_check_down"].samples
    assert {sample.labels["check"]: sample.labels["cause"] for sample in down} == {
        "up": "silent",
        "failed": "failed",
        "silent": "silent",
    }
    assert families["heartbeat_pings"].type == "counter"
    assert {sample.name for sample in families["heartbeat_pings"].samples} == {"heartbeat_pings_total"}


async def test_the_compressed_scrape_is_the_same_text(admin: httpx.AsyncClient) -> None:
    async with admin.stream("GET", "/metrics", headers={"Accept-Encoding": "gzip"}) as zipped:
        raw = b"".join([part async for part in zipped.aiter_raw()])
    async with admin.stream("GET", "/metrics", headers={"Accept-Encoding": "identity"}) as plain:
        text = b"".join([part async for part in plain.aiter_raw()])

    assert zipped.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    unzipped = gzip.decompress(raw)
    assert len(raw) < len(unzipped) / 3
    assert _names(unzipped) == _names(text)


async def test_openmetrics_works_without_the_database(
    system: System, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_database(system, monkeypatch)

    answer = await admin.get("/metrics", headers={"Accept": PROMETHEUS_2})
    read: Any = read_openmetrics

    families = {family.name: family for family in read(answer.text)}
    assert [sample.value for sample in families["heartbeat_database_up"].samples] == [0]


def _names(text: bytes) -> list[bytes]:
    return [line.split(b" ")[0] for line in text.splitlines() if not line.startswith(b"#")]
