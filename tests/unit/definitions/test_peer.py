"""Peers in a file: the check that waits for each, and what is told of a change."""

from datetime import timedelta

from sqlalchemy import Connection

from alerting.severity import Severity
from heartbeat import installation
from heartbeat.checks import store as check_store
from heartbeat.checks.schedule import Every
from heartbeat.definitions import plan as definition_plan
from tests.unit.conftest import NOW
from tests.unit.definitions.declared import parse

PAIR = """\
ping_keys: {peers: "${HEARTBEAT_PING_KEY}"}
peers: {west: "https://west.example.com/ping/${HEARTBEAT_PING_KEY}/east"}
people: {anna: {contacts: [{console: x}]}}
policies: {ops: [{page: anna, wait: 5m}]}
"""
URL = "https://west.example.com/ping/${HEARTBEAT_PING_KEY}/east"


def test_a_peer_is_watched_by_a_check_of_its_name() -> None:
    configuration = parse(PAIR)
    assert configuration.peers == {"west": URL}, "the secret stays a reference"
    (check,) = configuration.checks.values()
    assert (check.slug, check.name, check.policy) == ("west", "heartbeat west", "ops")
    assert (check.severity, check.schedule) == (Severity.CRITICAL, Every(timedelta(seconds=30)))


def test_a_check_of_the_file_of_that_name_counts_instead() -> None:
    configuration = parse(PAIR + "checks: {west: {every: 1m, severity: warning}}")
    assert configuration.checks["west"].severity is Severity.WARNING


def test_a_peer_is_applied_told_and_removed(db: Connection) -> None:
    told = definition_plan.apply(db, parse(PAIR), NOW).changes
    assert "+ peer west: at west.example.com" in told
    assert installation.peers(db) == {"west": URL}
    assert check_store.load(db, "west") is not None
    without = definition_plan.apply(db, parse("checks: {}"), NOW).changes
    assert "- peer west" in without
    assert installation.peers(db) == {}
    assert check_store.load(db, "west") is None


def test_an_export_has_the_peer_and_not_its_check(db: Connection) -> None:
    definition_plan.apply(db, parse(PAIR), NOW)
    text = definition_plan.export(db)
    assert "peers:\n  west: https://west.example.com/ping/${HEARTBEAT_PING_KEY}/east\n" in text
    assert "checks:" not in text
