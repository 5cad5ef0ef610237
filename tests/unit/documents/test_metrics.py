"""docs/metrics.md names every metric and no other."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import make_url

from heartbeat import database
from heartbeat.http.prometheus import checks as check_series
from heartbeat.metrics import Metrics
from tests.unit.documents.documentation import everything, rows, section

METRIC = re.compile(r"\bheartbeat_[a-z]+(?:_[a-z]+)*\b")


def test_every_metric_is_documented_and_no_other(make_database_url: Callable[[str], str]) -> None:
    reader = database.engine(make_url(make_database_url("sqlite")), writing=False)
    with reader.connect() as db:
        exposition = check_series.exposition(db, Metrics(), datetime.now(UTC)).decode()
    reader.dispose()
    exposition += check_series.without_database(Metrics()).decode()
    metrics = {
        name
        for name in re.findall(r"^# TYPE (\S+)", exposition, re.MULTILINE)
        if not name.endswith("_created")
    }
    table = section("docs/metrics.md", "## All metrics").split("### ")[0]
    assert {row[0].strip("`") for row in rows(table)[1:]} == metrics
    assert set(METRIC.findall(everything())) <= metrics
