"""The diagnosis of an installation: each problem is reported with advice, and the worst comes last."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alerting.notifiers import registry
from heartbeat.operations import doctor
from heartbeat.operations.doctor import (
    DataDirectory,
    InstallationFacts,
    Postgres,
    SecretFacts,
)
from heartbeat.operations.finding import Finding, Weight
from heartbeat.operations.inventory import Inventory

SERVER = Postgres("16.4", {"max_connections": "100", "fsync": "on"}, 12, timedelta(), False, None)
HEALTHY = InstallationFacts(
    public_url="https://hb.example.com",
    outside_url=True,
    sqlite=True,
    data_directory=DataDirectory("data", True, True, 0o700, 50_000_000_000, "ext4"),
    keys=(SecretFacts("secret-key", 43, 30, 0o600, 32),),
    library="SQLite 3.46.0",
    configuration="heartbeat.yaml",
    differences=0,
    inventory=Inventory(checks=4, people=2),
    ready=(200, "ready"),
    versions={"heartbeat": "0.3.0"},
)


def problems(**changes: Any) -> list[Finding]:
    """The findings that are not ok, after these changes to a healthy installation."""
    return [
        finding for finding in doctor.judge(replace(HEALTHY, **changes)) if finding.weight is not Weight.OK
    ]


def test_a_healthy_installation_has_only_ok_findings() -> None:
    findings = doctor.judge(HEALTHY)
    assert {finding.weight for finding in findings} == {Weight.OK}
    assert [finding.subject for finding in findings] == [
        "versions",
        "data directory",
        "secret secret-key",
        "database",
        "configuration",
        "checks",
        "serving",
        "outside heartbeat",
    ]
    assert problems(sqlite=False, postgres=SERVER, library="PostgreSQL") == []


def directory(**changes: Any) -> Mapping[str, Any]:
    return {"data_directory": replace(HEALTHY.data_directory, **changes)}


def key(**changes: Any) -> Mapping[str, Any]:
    return {"keys": (replace(HEALTHY.keys[0], **changes),)}


def server(**changes: Any) -> Mapping[str, Any]:
    return {"sqlite": False, "postgres": replace(SERVER, **changes)}


def inventory(**changes: Any) -> Mapping[str, Any]:
    return {"inventory": replace(Inventory(checks=4, people=2), **changes)}


@pytest.mark.parametrize(
    ("changes", "weight", "sentence"),
    [
        (directory(exists=False), Weight.WARN, "does not exist yet"),
        (directory(writable=False), Weight.BAD, "this user cannot write to data"),
        (directory(mode=0o755), Weight.WARN, "chmod 700 data"),
        (directory(file_system="nfs4"), Weight.BAD, "SQLite's locks do not work over a network"),
        (directory(free=500_000_000), Weight.WARN, "500 MB are free"),
        (directory(free=50_000_000), Weight.BAD, "50 MB are free"),
        (key(length=0, mode=None), Weight.WARN, "heartbeat serve creates one"),
        (key(length=0), Weight.BAD, "its file is empty, or this user cannot read it"),
        (key(mode=0o644), Weight.BAD, "other users can read its file"),
        (key(length=20), Weight.BAD, "has 20 characters: it needs at least 32"),
        (key(variety=3), Weight.WARN, "is easier to guess than a random key"),
        (key(length=17, least=16), Weight.WARN, "is easier to guess than a random key"),
        ({"open_files": ["/run/token"]}, Weight.WARN, "other users can read /run/token"),
        ({"database_fault": "no route to host."}, Weight.BAD, "cannot be used: no route to host."),
        ({"behind": True}, Weight.WARN, "run heartbeat migrate"),
        (server(settings={"max_connections": "100", "fsync": "off"}), Weight.BAD, "fsync is off"),
        (server(settings={"max_connections": "100", "synchronous_commit": "off"}), Weight.BAD, "can be lost"),
        (server(version="12.1"), Weight.WARN, "version 12.1 is not supported"),
        (server(standby=True), Weight.BAD, "set HEARTBEAT_DATABASE_URL to the primary"),
        (server(connections_used=95), Weight.WARN, "5 connections are left, and a process needs up to 11"),
        (server(offset=timedelta(seconds=-7)), Weight.WARN, "by 7.0 s: run NTP"),
        (server(lag=timedelta(minutes=2)), Weight.WARN, "a standby is 120.0 s behind"),
        (
            {"configuration_missing": True, "differences": None},
            Weight.WARN,
            "there is no file heartbeat.yaml",
        ),
        ({"problems": ["heartbeat.yaml:4: …"], "differences": None}, Weight.BAD, "heartbeat.yaml:4: …"),
        ({"warnings": ["heartbeat.yaml:9: …"]}, Weight.WARN, "heartbeat.yaml:9: …"),
        ({"differences": 3}, Weight.WARN, "3 changes not applied: heartbeat plan shows them"),
        ({"differences": 1}, Weight.WARN, "1 change not applied: heartbeat plan shows them"),
        ({"notifier_faults": {"email": "smtp must be …"}}, Weight.BAD, "cannot be used: smtp must be …"),
        (
            inventory(without_contacts=["anna"]),
            Weight.BAD,
            "without a contact, so nobody can page them: anna.",
        ),
        (inventory(unusable_contacts=["anna"]), Weight.BAD, "whose notifier does not work here: anna."),
        (inventory(catch_all=False), Weight.WARN, "is only the service's own terminal"),
        (
            inventory(idle_catch_all=["gone", "b"]),
            Weight.BAD,
            "that reaches nobody, so its pages go to the service's own terminal: gone, b.",
        ),
        (
            inventory(reach_nobody=["ops"], caught=True),
            Weight.BAD,
            "that reach nobody, so their pages go to the catch-all: ops.",
        ),
        (inventory(reach_nobody=["ops"]), Weight.BAD, "that reach nobody, so their pages"),
        (
            inventory(without_policy=["a", "b"]),
            Weight.WARN,
            "without a policy, so their pages go to the service's own terminal: a, b.",
        ),
        (
            inventory(lost_policy=["a", "b"], default_policy="ops"),
            Weight.WARN,
            "whose policy does not exist, so the policy ops pages for them: a, b.",
        ),
        (
            inventory(refused=["jbo", "us-api"]),
            Weight.WARN,
            "see Unexpected pings on the console: jbo, us-api.",
        ),
        (inventory(never_heard=list("abcdefg")), Weight.WARN, "never pinged: a, b, c, d, e and 2 more."),
        (
            inventory(unreadable=["person anna slack"]),
            Weight.BAD,
            "no key here can decrypt; put the old key back",
        ),
        (
            inventory(sealed_by_old_keys=2),
            Weight.WARN,
            "2 encrypted with an old key: run heartbeat rotate-keys.",
        ),
        (inventory(oldest_page=timedelta(minutes=20)), Weight.BAD, "the oldest has waited for 20 min"),
        (
            inventory(canary=timedelta(minutes=20), canary_missed=True),
            Weight.BAD,
            "its page has not arrived for 20 min: pages to people may not arrive either",
        ),
        ({"ready": (503, "no clean tick")}, Weight.BAD, "/readyz answers 503: no clean tick"),
        (
            {"ready": "connection refused by a:1"},
            Weight.BAD,
            "cannot be reached from here: connection refused by a:1.",
        ),
        (
            {"public_url": "http://hb.example.com"},
            Weight.WARN,
            "is not https: keys and cookies are sent unencrypted",
        ),
        ({"outside_url": False}, Weight.WARN, "nobody would notice that this service has died"),
        ({"untrusted_proxy": 7}, Weight.WARN, "7 requests came through a proxy that is not trusted"),
        (
            {"file_limit": 1_024},
            Weight.WARN,
            "the process may open 1,024 files, so it accepts 512 connections instead of 5,000: raise its limit to "
            "16,384 (LimitNOFILE, ulimit -Hn).",
        ),
        ({"test_pages": {"anna by slack": "404"}}, Weight.BAD, "did not accept a test page: 404."),
    ],
)
def test_each_problem_is_reported_with_advice(changes: dict[str, Any], weight: Weight, sentence: str) -> None:
    (finding,) = problems(**changes)
    assert finding.weight is weight
    assert sentence in finding.words


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://localhost:8000", "http://[::1]:8000"])
def test_a_loopback_address_needs_no_https(url: str) -> None:
    assert problems(public_url=url) == []


def test_a_network_file_system_is_a_problem_only_for_sqlite() -> None:
    assert problems(sqlite=False, **directory(file_system="nfs")) == []


def test_the_worst_finding_comes_last_and_gives_the_exit_status() -> None:
    findings = doctor.judge(
        replace(HEALTHY, outside_url=False, behind=True, database_fault="away", ready="away")
    )
    assert [finding.weight.rank for finding in findings] == sorted(
        finding.weight.rank for finding in findings
    )
    assert findings[-1].weight is Weight.BAD
    assert [weight.rank for weight in Weight] == [0, 1, 2]


INSIDE = ("http://127.0.0.1:8000", "https://heartbeat.local", "https://192.168.1.20", "https://printserver")


@pytest.mark.parametrize("url", INSIDE)
@pytest.mark.parametrize("kind", doctor.CALLBACKS)
def test_providers_that_cannot_call_are_named_with_what_is_lost(url: str, kind: str) -> None:
    (finding,) = problems(public_url=url, called_back=[kind])
    assert (finding.weight, finding.subject) == (Weight.WARN, f"notifier {kind}")
    assert finding.words == (
        f"{doctor.CALLBACKS[kind].lost} cannot come in at {url}: it does not open on the internet. "
        "Set HEARTBEAT_PUBLIC_URL to an https address that opens there."
    )


@pytest.mark.parametrize(
    ("kind", "refuses"),
    [
        ("opsgenie", False),
        ("pagerduty", True),
        ("slack_bot", True),
        ("sms", False),
        ("telegram", True),
        ("voice", False),
    ],
)
def test_some_providers_call_only_https(kind: str, refuses: bool) -> None:
    found = problems(public_url="http://hb.example.com", called_back=[kind])
    words = [finding.words for finding in found if finding.subject == f"notifier {kind}"]
    assert [": " + doctor.CALLBACKS[kind].provider + " calls only https." in each for each in words] == (
        [True] if refuses else []
    )


def test_an_address_that_opens_is_fine_for_every_provider() -> None:
    assert problems(called_back=list(doctor.CALLBACKS)) == []


def test_every_provider_on_the_internet_that_calls_has_its_sentence() -> None:
    """A mail server of the operator's own, and a device in the same network, call an address inside."""
    calling = {kind for kind, notifier in registry.installed().kinds.items() if hasattr(notifier, "received")}
    assert calling - {"email", "push"} == doctor.CALLBACKS.keys()
