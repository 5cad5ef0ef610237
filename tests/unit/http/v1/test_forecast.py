"""The forecast in the API: contacts in order, and no secrets."""

from typing import Any

import httpx
import pytest

from heartbeat.app import System
from tests.unit.http.conftest import make_check
from tests.unit.http.v1.conftest import problem

pytestmark = pytest.mark.parametrize("kind", ["sqlite", "postgres"])


async def test_the_forecast_has_people_times_and_the_text_of_the_page(
    system: System, admin: httpx.AsyncClient
) -> None:
    await make_check(system, policy="ops")
    outlook = (await admin.get("/v1/checks/job/who")).json()
    first: dict[str, Any] = {
        "id": "first",
        "name": "First responder",
        "contacts": [
            {"kind": "console", "address": "terminal", "after": None},
            {"kind": "slack", "address": None, "after": None, "at": None},
            {"kind": "pigeon", "address": None, "after": None, "at": None},
        ],
    }

    def paged(at: str) -> dict[str, object]:
        return first | {"contacts": [first["contacts"][0] | {"at": at}, *first["contacts"][1:]]}

    assert outlook == {
        "check": "job",
        "sentence": "If it fell silent now, a new incident would open, and First responder would be paged at "
        "03:00 UTC.",
        "policy": "ops",
        "incident": None,
        "held": None,
        "told": [],
        "told_at": None,
        "calls": [
            {
                "at": "2024-05-03T03:00:10Z",
                "step": 1,
                "again": False,
                "draws": False,
                "people": [paged("2024-05-03T03:00:10Z")],
            },
            {
                "at": "2024-05-03T03:05:10Z",
                "step": 1,
                "again": True,
                "draws": False,
                "people": [paged("2024-05-03T03:05:10Z")],
            },
        ],
        "page": {
            "title": "ERROR job silent",
            "lines": [
                "job: due 03:05 UTC, never heard",
                "You are first on call (ops). If nobody answers, you are paged again at 03:05 UTC.",
            ],
        },
    }


async def test_the_forecast_names_the_maintenance_that_holds_the_page(
    system: System, admin: httpx.AsyncClient
) -> None:
    await make_check(system, policy="ops", labels={"host": "a"})
    window = {"title": "Move", "match": {"host": "a"}, "ends_at": "2024-05-03T05:00:00Z"}
    await admin.post("/v1/maintenance", json=window)
    outlook = (await admin.get("/v1/checks/job/who")).json()
    assert outlook["held"] == {"until": "2024-05-03T05:00:00Z", "why": "maintenance Move"}
    assert outlook["calls"][0]["at"] == "2024-05-03T05:00:00Z"


async def test_nobody_is_paged_for_a_paused_or_missing_check(
    system: System, admin: httpx.AsyncClient
) -> None:
    check = await make_check(system)
    await admin.post("/v1/checks/job/pause")
    outlook = (await admin.get(f"/v1/checks/{check.uuid}/who")).json()
    assert (outlook["calls"], outlook["page"], outlook["policy"]) == ([], None, None)
    assert problem(await admin.get("/v1/checks/other/who"), 404) == "There is no check 'other'."
