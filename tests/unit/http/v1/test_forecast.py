"""Who would be paged, by the API: with contacts in order, and no secret among them."""

import httpx
import pytest

from heartbeat.app import System
from tests.unit.http.conftest import make_check
from tests.unit.http.v1.conftest import problem

pytestmark = pytest.mark.parametrize("kind", ["sqlite", "postgres"])


async def test_it_says_who_is_paged_when_and_what_the_page_says(
    system: System, admin: httpx.AsyncClient
) -> None:
    await make_check(system, policy="ops")
    told = (await admin.get("/v1/checks/job/who")).json()
    first = {
        "id": "first",
        "name": "First responder",
        "contacts": [
            {"kind": "console", "address": "terminal"},
            {"kind": "slack", "address": None},
            {"kind": "pigeon", "address": None},
        ],
    }
    assert told == {
        "check": "job",
        "sentence": "If it fell silent now, a new incident would open, and First responder would be paged at "
        "03:00 UTC.",
        "policy": "ops",
        "incident": None,
        "held": None,
        "told": [],
        "told_at": None,
        "calls": [
            {"at": "2024-05-03T03:00:10Z", "step": 1, "again": False, "people": [first]},
            {"at": "2024-05-03T03:05:10Z", "step": 1, "again": True, "people": [first]},
        ],
        "page": {
            "title": "ERROR job: silent",
            "lines": [
                "job due 03:05, never heard",
                "You are step 1 of ops; First responder at 03:05 UTC",
            ],
        },
    }


async def test_what_holds_it_is_told(system: System, admin: httpx.AsyncClient) -> None:
    await make_check(system, policy="ops", labels={"host": "a"})
    window = {"title": "Move", "match": {"host": "a"}, "ends_at": "2024-05-03T05:00:00Z"}
    await admin.post("/v1/maintenance", json=window)
    told = (await admin.get("/v1/checks/job/who")).json()
    assert told["held"] == {"until": "2024-05-03T05:00:00Z", "why": "maintenance Move"}
    assert told["calls"][0]["at"] == "2024-05-03T05:00:00Z"


async def test_nobody_is_paged_for_what_is_paused_or_not_there(
    system: System, admin: httpx.AsyncClient
) -> None:
    one = await make_check(system)
    await admin.post("/v1/checks/job/pause")
    told = (await admin.get(f"/v1/checks/{one.uuid}/who")).json()
    assert (told["calls"], told["page"], told["policy"]) == ([], None, None)
    assert problem(await admin.get("/v1/checks/other/who"), 404) == "There is no check 'other'."
