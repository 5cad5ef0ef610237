"""The failover of the proofs: programs that are missing, jobs that die, and pages that are wrong."""

from itertools import islice
from pathlib import Path

import pytest

from tests.e2e.phone import Call, Phone
from tests.proof import failover, patroni
from tests.proof.failover import Living


def test_a_missing_program_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(patroni.Missing, match=r"^etcd is missing: install Debian's package etcd-server$"):
        patroni.require()


def test_only_root_can_have_networks_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(patroni.Missing, match=r"run this proof as root$"):
        patroni.require()


def test_jobs_that_died_ping_no_more() -> None:
    living = Living(["one", "two", "three"])
    pings = iter(living)
    assert [ping.slug for ping in islice(pings, 4)] == ["one", "two", "three", "one"]
    living.end(["two"])
    assert [(ping.slug, ping.serial) for ping in islice(pings, 3)] == [("three", 4), ("one", 5), ("three", 6)]


def test_half_of_the_failovers_kill_the_primary_and_half_cut_its_link() -> None:
    harms = [failover.ORDER[number % len(failover.ORDER)] for number in range(failover.ROUNDS)]
    assert harms.count(failover.Harm.KILLED) == failover.ROUNDS / 2
    assert set(harms[: failover.SHORT]) == {failover.Harm.KILLED, failover.Harm.ALONE}


def test_missing_false_and_double_pages_are_violations() -> None:
    with Phone() as phone:
        living = Living(["paged", "unpaged", "early", "twice", "well"])
        living.died = dict.fromkeys(("paged", "unpaged", "early", "twice"), 10.0)
        phone.calls += [page("paged", "n1", 20), page("paged", "n1", 21), page("early", "n2", 5)]
        phone.calls += [page("twice", "n3", 20), page("twice", "n4", 22), page("well", "n5", 20)]
        unpaged, false, double = failover._pages(phone, living)
    assert [unpaged.example, false.example, double.example] == ["unpaged", "early, well", "twice"]
    assert [unpaged.violations, false.violations, double.violations] == [1, 2, 1]


def page(job: str, notice: str, at: float) -> Call:
    """A page about a job."""
    details = {"symptoms": [{"title": job}]}
    return Call(
        "/webhook", {"webhook-id": notice}, {"type": "incident.page", "data": {"details": details}}, at
    )
