"""What the facts of an installation mean: each way to be unwell is told, with what to do, and the worst comes last."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from heartbeat.operations import doctor
from heartbeat.operations.doctor import Facts, Finding, Key, Place, Postgres, Stock, Weight

SERVER = Postgres("16.4", {"max_connections": "100", "fsync": "on"}, 12, timedelta(), False, None)
WELL = Facts(
    public_url="https://hb.example.com",
    outside_url=True,
    sqlite=True,
    place=Place("data", True, True, 0o700, 50_000_000_000, "ext4"),
    keys=(Key("secret-key", 43, 30, 0o600, 32),),
    library="SQLite 3.46.0",
    configuration="heartbeat.yaml",
    differences=0,
    stock=Stock(checks=4, people=2),
    ready=(200, "ready"),
    versions={"heartbeat": "0.2.0"},
)


def told(**changes: Any) -> list[Finding]:
    """What is not well."""
    return [one for one in doctor.judge(replace(WELL, **changes)) if one.weight is not Weight.OK]


def test_of_what_is_well_nothing_else_is_said() -> None:
    found = doctor.judge(WELL)
    assert {one.weight for one in found} == {Weight.OK}
    assert [one.subject for one in found] == [
        "versions",
        "data directory",
        "secret secret-key",
        "database",
        "configuration",
        "checks",
        "serving",
        "outside heartbeat",
    ]
    assert told(sqlite=False, postgres=SERVER, library="PostgreSQL") == []


def place(**changes: Any) -> Mapping[str, Any]:
    return {"place": replace(WELL.place, **changes)}


def key(**changes: Any) -> Mapping[str, Any]:
    return {"keys": (replace(WELL.keys[0], **changes),)}


def server(**changes: Any) -> Mapping[str, Any]:
    return {"sqlite": False, "postgres": replace(SERVER, **changes)}


def stock(**changes: Any) -> Mapping[str, Any]:
    return {"stock": replace(Stock(checks=4, people=2), **changes)}


@pytest.mark.parametrize(
    ("changes", "weight", "words"),
    [
        (place(exists=False), Weight.WARN, "is not there yet"),
        (place(writable=False), Weight.BAD, "cannot be written to by this user"),
        (place(mode=0o755), Weight.WARN, "chmod 700 data"),
        (place(system="nfs4"), Weight.BAD, "SQLite's locks do not hold over a network"),
        (place(free=500_000_000), Weight.WARN, "500 MB are free"),
        (place(free=50_000_000), Weight.BAD, "50 MB are free"),
        (key(length=0, mode=None), Weight.WARN, "heartbeat serve makes one"),
        (key(length=0), Weight.BAD, "its file is empty, or this user cannot read it"),
        (key(mode=0o644), Weight.BAD, "others may read its file"),
        (key(length=20), Weight.BAD, "has 20 characters: it needs at least 32"),
        (key(variety=3), Weight.WARN, "can be guessed more easily than a random one"),
        (key(length=17, least=16), Weight.WARN, "can be guessed more easily than a random one"),
        ({"open_files": ["/run/token"]}, Weight.WARN, "others may read /run/token"),
        ({"database_fault": "no route to host."}, Weight.BAD, "cannot be used: no route to host."),
        ({"behind": True}, Weight.WARN, "heartbeat migrate brings it up to date"),
        (server(settings={"max_connections": "100", "fsync": "off"}), Weight.BAD, "fsync is off"),
        (server(settings={"max_connections": "100", "synchronous_commit": "off"}), Weight.BAD, "can be lost"),
        (server(version="12.1"), Weight.WARN, "version 12.1 is older"),
        (server(standby=True), Weight.BAD, "name the primary"),
        (server(connections_used=95), Weight.WARN, "5 connections are left, a process needs up to 11"),
        (server(offset=timedelta(seconds=-7)), Weight.WARN, "by 7.0 s: run NTP"),
        (server(lag=timedelta(minutes=2)), Weight.WARN, "a standby is 120.0 s behind"),
        (
            {"configuration_missing": True, "differences": None},
            Weight.WARN,
            "there is none at heartbeat.yaml",
        ),
        ({"problems": ["heartbeat.yaml:4: …"], "differences": None}, Weight.BAD, "heartbeat.yaml:4: …"),
        ({"warnings": ["heartbeat.yaml:9: …"]}, Weight.WARN, "heartbeat.yaml:9: …"),
        ({"differences": 3}, Weight.WARN, "differs from it in 3 lines: heartbeat plan shows them"),
        ({"differences": 1}, Weight.WARN, "differs from it in 1 line: heartbeat plan shows them"),
        ({"notifier_faults": {"email": "smtp must be …"}}, Weight.BAD, "cannot be used: smtp must be …"),
        (stock(without_contacts=["anna"]), Weight.BAD, "without a contact, who cannot be paged: anna."),
        (stock(unusable_contacts=["anna"]), Weight.BAD, "whose notifier is not usable here: anna."),
        (stock(reach_nobody=["ops"]), Weight.BAD, "that reach nobody, so that their pages"),
        (
            stock(without_policy=["a", "b"]),
            Weight.WARN,
            "without a policy, whose pages fall to the service's own terminal: a, b.",
        ),
        (stock(never_heard=list("abcdefg")), Weight.WARN, "never heard: a, b, c, d, e and 2 more."),
        (stock(unreadable=["person anna slack"]), Weight.BAD, "that cannot be read; enter them again"),
        (stock(sealed_by_old_keys=2), Weight.WARN, "2 by an old key: heartbeat rotate-keys renews them."),
        (stock(oldest_page=timedelta(minutes=20)), Weight.BAD, "the oldest has waited for 20 min"),
        ({"ready": (503, "no clean tick")}, Weight.BAD, "/readyz answers 503: no clean tick"),
        ({"ready": "ConnectError"}, Weight.BAD, "is not reached from here: ConnectError."),
        (
            {"public_url": "http://hb.example.com"},
            Weight.WARN,
            "is not https: keys and cookies travel in clear",
        ),
        ({"outside_url": False}, Weight.WARN, "nobody notices when this service dies"),
        ({"untrusted_proxy": 7}, Weight.WARN, "7 requests came by a proxy that is not trusted"),
        ({"sent": {"anna by slack": "404"}}, Weight.BAD, "did not take a test page: 404."),
    ],
)
def test_what_is_unwell_is_told_with_what_to_do(changes: dict[str, Any], weight: Weight, words: str) -> None:
    (finding,) = told(**changes)
    assert finding.weight is weight
    assert words in finding.words


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://localhost:8000", "http://[::1]:8000"])
def test_on_this_machine_nothing_travels_in_clear(url: str) -> None:
    assert told(public_url=url) == []


def test_a_network_holds_no_sqlite_but_does_no_harm_beside_postgres() -> None:
    assert told(sqlite=False, **place(system="nfs")) == []


def test_the_worst_comes_last_and_is_the_exit_status() -> None:
    found = doctor.judge(replace(WELL, outside_url=False, behind=True, database_fault="away", ready="away"))
    assert [one.weight.rank for one in found] == sorted(one.weight.rank for one in found)
    assert found[-1].weight is Weight.BAD
    assert [weight.rank for weight in Weight] == [0, 1, 2]
