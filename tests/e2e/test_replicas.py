"""Several processes on one PostgreSQL act as one service."""

from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Serve
from tests.e2e.patience import eventually
from tests.e2e.phone import Phone
from tests.e2e.postgres import Postgres
from tests.e2e.service import Service, configuration

pytestmark = pytest.mark.e2e

EARLY = {f"early-{n}" for n in range(6)}
LATE = {f"late-{n}" for n in range(6)}
"""Hosts, all jobs of which fall silent together: one cause each."""
JOBS_A_HOST = 3


def test_three_replicas_page_once_for_each_cause_and_cover_for_the_one_that_is_killed(
    serve: Serve, phone: Phone, postgres_server: Postgres
) -> None:
    doomed, *others = replicas = _replicas(serve, phone, postgres_server, ["", "", ""])
    eventually(lambda: _hosts_paged(phone) >= EARLY, within=60, what="a page for each early host")
    told = [(_standing(replica, "checks"), _standing(replica, "incidents")) for replica in replicas]
    assert told[0] == told[1] == told[2]
    assert all(call.data["details"]["total"] == JOBS_A_HOST for call in phone.of("page"))
    transitions = doomed.get("/v1/checks/early-0-0/transitions")["transitions"]
    assert [one["state"] for one in transitions].count("down") == 1
    assert set(phone.times_rung().values()) == {1}

    doomed.sigkill()
    # Had the killed one a page in hand, it would be sent again when its lease of 30 s has run out.
    eventually(lambda: _hosts_paged(phone) >= EARLY | LATE, within=60, what="a page for each host")
    assert len({call.notice for call in phone.of("page")}) == len(EARLY | LATE)
    assert max(phone.times_rung().values()) <= 2
    assert [other.ping("late-0-0").status_code for other in others] == [200, 200]


def test_each_role_in_a_process_of_its_own(serve: Serve, phone: Phone, postgres_server: Postgres) -> None:
    api, checker, pager = _replicas(serve, phone, postgres_server, ["api", "checker", "pager"])
    eventually(lambda: _hosts_paged(phone) >= EARLY, within=60, what="a page for each early host")
    assert set(phone.times_rung().values()) == {1}
    for other in (checker, pager):
        assert other.ping("early-0-0").status_code == 404
        assert other.ask("GET", "/livez").status_code == 200
        assert other.ask("GET", "/metrics").status_code == 200

    # The pager has signed the link with its own address in front; whoever has the API answers it.
    page = phone.of("page")[0]
    link = page.data["ack_url"].removeprefix(pager.url)
    incident = f"/v1/incidents/{page.data['incident']}"
    assert httpx.get(f"{api.url}{link}").status_code == 200
    assert api.get(incident)["state"] == "open"
    assert httpx.post(f"{api.url}{link}").text.startswith("Acknowledged by First responder")
    assert api.get(incident)["state"] == "acknowledged"

    # Seen from outside, only who judges the checks vouches for the service.
    eventually(lambda: _beats(phone), within=20, what="a beat of the outside heartbeat")
    assert _beats(phone) == {"/checker"}


def test_a_replica_with_another_secret_key_is_refused(serve: Serve, postgres_server: Postgres) -> None:
    url = postgres_server.database()
    serve(name="right", HEARTBEAT_DATABASE_URL=url).start()
    wrong = serve(name="wrong", HEARTBEAT_DATABASE_URL=url, HEARTBEAT_SECRET_KEY="another" * 6)
    told = wrong.command("serve")
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr.startswith("This database was last served with another HEARTBEAT_SECRET_KEY.")
    assert len(told.stderr.splitlines()) == 1


def _replicas(serve: Serve, phone: Phone, postgres: Postgres, roles: Sequence[str]) -> list[Service]:
    """Services on one database, each with its role."""
    url = postgres.database()
    checks = {
        f"{host}-{n}": f"every: {5 if host in EARLY else 9}s, grace: 1s, labels: {{host: {host}}}"
        for host in sorted(EARLY | LATE)
        for n in range(JOBS_A_HOST)
    }
    text = configuration(checks, ['{webhook: "${PHONE}"}'], top="gathering: 1s")
    made = [
        serve(
            text,
            name=f"replica-{n}",
            HEARTBEAT_DATABASE_URL=url,
            HEARTBEAT_ROLES=role,
            HEARTBEAT_OUTSIDE_URL=f"{phone.url}/{role}",
            HEARTBEAT_OUTSIDE_EVERY="1",
            **phone.webhook,
        )
        for n, role in enumerate(roles)
    ]
    for service in made:
        service.begin()
    return [service.await_ready() for service in made]


def _hosts_paged(phone: Phone) -> set[str]:
    return {call.data["details"]["title"] for call in phone.of("page")}


def _beats(phone: Phone) -> set[str]:
    return {call.path for call in list(phone.calls) if not call.notice}


def _standing(replica: Service, kind: str) -> list[dict[str, Any]]:
    """How everything stands, but for the address at which each replica says it can be pinged."""
    return [one | {"ping_url": ""} for one in replica.get(f"/v1/{kind}?limit=200")[kind]]
