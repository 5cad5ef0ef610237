"""The dashboard for Grafana and the rules for Prometheus: what they ask for exists, and every panel explains itself."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import make_url

from heartbeat.database import engine
from heartbeat.http.prometheus import checks as check_series
from heartbeat.metrics import Metrics

FILES = Path(__file__).parents[3] / "helm" / "files"
BOARD: dict[str, Any] = json.loads((FILES / "dashboard.json").read_text())
PANELS: list[dict[str, Any]] = BOARD["panels"]
ROWS = [panel["title"] for panel in PANELS if panel["type"] == "row"]
SHOWING = [panel for panel in PANELS if panel["type"] != "row"]
PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}
OF_PROMETHEUS = {"up", "ALERTS"}
VARIABLES = {"$namespace": ".*", "$__rate_interval": "5m"}


def expressions() -> list[str]:
    """Return every expression of the dashboard as Grafana sends it, those of variables included."""
    queries = [target["expr"] for panel in SHOWING for target in panel["targets"]]
    queries += [series_of(variable["definition"]) for variable in variables("query")]
    return [filled(expression) for expression in queries]


def filled(expression: str) -> str:
    """An expression with its variables as they stand when all is chosen."""
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, expression
    return expression


def series_of(definition: str) -> str:
    """Return the series whose labels a variable offers."""
    match = re.fullmatch(r"label_values\((\S+), \w+\)", definition)
    assert match is not None, definition
    return match[1]


def variables(kind: str) -> list[dict[str, Any]]:
    """The variables of one kind."""
    return [variable for variable in BOARD["templating"]["list"] if variable["type"] == kind]


def recorded() -> Iterator[tuple[str, str]]:
    """The name of each rule, and its expression."""
    for group in yaml.safe_load((FILES / "alerts.yaml").read_text())["groups"]:
        for rule in group["rules"]:
            yield rule.get("record") or rule["alert"], rule["expr"]


def metrics_in(expression: str) -> set[str]:
    """The metrics that an expression reads: names that are neither labels nor functions."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^]]*\]', "", expression)
    bare = re.sub(r"\b(by|on|without|ignoring)\s*\([^)]*\)", "", bare)
    named = set(re.findall(r"[a-zA-Z_:][\w:]*(?![\w:]*\s*\()", bare))
    return named - {"and", "or", "unless", "by", "on"}


@pytest.fixture
def exported(make_database_url: Callable[[str], str]) -> set[str]:
    """The names of all series that a scrape has."""
    reader = engine(make_url(make_database_url("sqlite")), writing=False)
    with reader.connect() as db:
        exposition = check_series.exposition(db, Metrics(), datetime.now(UTC)).decode()
    reader.dispose()
    families = dict(re.findall(r"^# TYPE (\S+) (\S+)", exposition, re.MULTILINE))
    parts = {name: ("_bucket", "_sum", "_count") for name, kind in families.items() if kind == "histogram"}
    return {name + part for name in families for part in parts.get(name, ("",))} | OF_PROMETHEUS


def test_the_dashboard_asks_for_nothing_that_does_not_exist(exported: set[str]) -> None:
    used = {name for expression in expressions() for name in metrics_in(expression)}
    assert len(used) > 20
    assert used <= exported


def test_the_rules_ask_for_nothing_that_does_not_exist(exported: set[str]) -> None:
    used = {name for _, expression in recorded() for name in metrics_in(expression)}
    assert len(used) > 10
    assert used <= exported


def test_the_rows_are_in_the_order_of_what_matters() -> None:
    assert ROWS == [
        "Health of heartbeat",
        "Pings",
        "Checks",
        "Incidents and pages",
        "Status pages",
        "Database",
    ]
    assert (BOARD["uid"], BOARD["schemaVersion"]) == ("heartbeat", 41)
    assert "id" not in BOARD
    assert [variable["name"] for variable in variables("datasource")] == ["datasource"]


@pytest.mark.parametrize("panel", SHOWING, ids=lambda panel: panel["title"])
def test_a_panel_explains_itself(panel: dict[str, Any]) -> None:
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"][0]["value"] is None
    assert panel["datasource"] == PROMETHEUS
    assert all(target["datasource"] == PROMETHEUS for target in panel["targets"])
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]) > 0


def test_panels_have_places_of_their_own() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)
    for panel, other in combinations(PANELS, 2):
        assert not _overlap(panel["gridPos"], other["gridPos"]), (panel["title"], other["title"])
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in PANELS)


def _overlap(panel: dict[str, int], other: dict[str, int]) -> bool:
    beside = panel["x"] + panel["w"] <= other["x"] or other["x"] + other["w"] <= panel["x"]
    above = panel["y"] + panel["h"] <= other["y"] or other["y"] + other["h"] <= panel["y"]
    return not (beside or above)
