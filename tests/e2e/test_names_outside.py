"""Two installations page one receiver, and one of them is restored: nothing is merged, and no id comes twice."""

from pathlib import Path

import pytest

from tests.e2e.conftest import Serve
from tests.e2e.phone import Call, Phone
from tests.e2e.service import PING_KEY, Service, configuration

pytestmark = pytest.mark.e2e

JOBS = dict.fromkeys(("first", "second", "third"), "every: 1h")


def test_ids_of_two_installations_and_of_a_restored_one_never_meet(
    serve: Serve, phone: Phone, tmp_path: Path
) -> None:
    text = configuration(JOBS, ['{webhook: "${PHONE}"}'])
    us, eu = (serve(text, name=name, **phone.webhook).start() for name in ("us", "eu"))
    ours, theirs = page_for(us, phone, "first"), page_for(eu, phone, "first")
    assert ours.data["incident"] == theirs.data["incident"] == 1
    assert ours.data["dedup_key"] != theirs.data["dedup_key"]

    # The recovery of one is not that of the other.
    assert recovery_of(eu, phone, "first").data["dedup_key"] == theirs.data["dedup_key"]
    assert us.get("/v1/incidents/1")["state"] == "open"

    # Pages after the copy are unknown to it, and it gives their numbers again.
    assert us.command("backup", str(tmp_path / "copy.db")).returncode == 0
    lost = page_for(us, phone, "second")
    us.sigterm()
    assert us.command("restore", str(tmp_path / "copy.db")).returncode == 0
    us.start()
    again = page_for(us, phone, "third")
    assert again.data["incident"] == lost.data["incident"] == 2
    assert again.data["dedup_key"] != lost.data["dedup_key"]

    # What was open in the copy can be resolved outside.
    assert recovery_of(us, phone, "first").data["dedup_key"] == ours.data["dedup_key"]
    assert set(phone.times_rung().values()) == {1}


def page_for(service: Service, phone: Phone, job: str) -> Call:
    """Let a job fail, and return the page for it."""
    count = len(phone.of("page"))
    assert service.ping(f"{PING_KEY}/{job}/fail").status_code == 200
    return phone.await_kind("page", after=count)


def recovery_of(service: Service, phone: Phone, job: str) -> Call:
    """Let a job succeed, and return the notice of its recovery."""
    count = len(phone.of("recovered"))
    assert service.ping(job).status_code == 200
    return phone.await_kind("recovered", after=count)
