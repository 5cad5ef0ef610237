"""The places that requests share, and those that are kept for pings and probes."""

import asyncio

import httpx
import pytest

from heartbeat.app import System
from heartbeat.checks.check import Check
from heartbeat.http import admission
from heartbeat.http.admission import Admission, Turns
from heartbeat.http.asgi import Receive, Scope, Send
from tests.unit.http.conftest import make_check


@pytest.fixture
def connections() -> int:
    """No place is left for other requests, as when all of them are taken."""
    return 0


async def test_pings_and_probes_find_a_place_when_all_others_are_taken(
    system: System, client: httpx.AsyncClient
) -> None:
    job: Check = await make_check(system)
    assert (await client.post(f"/ping/{job.uuid}", content=b"all well")).status_code == 200
    assert (await client.get("/livez")).status_code == 200
    assert (await client.get("/readyz")).text.startswith("not ready: ")
    for path in ("/", "/sign-in", "/metrics", "/v1/checks", "/status/public/", "/nothing"):
        answer = await client.get(path)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert answer.headers["Connection"] == "close"
    counted = system.context.metrics.registry.get_sample_value(
        "heartbeat_cut_connections_total", {"reason": "share"}
    )
    assert counted == 6


async def test_a_place_is_given_back_with_the_answer() -> None:
    going = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await going.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    shared = Admission(app, admission.places(4), lambda: None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(shared), base_url="http://test") as client:
        waiting = [asyncio.create_task(client.get("/")) for _ in range(2)]
        await asyncio.sleep(0)
        assert (await client.get("/")).status_code == 503
        going.set()
        assert [(await answer).status_code for answer in waiting] == [200, 200]
        assert (await client.get("/")).status_code == 200


async def test_few_requests_begin_in_a_turn_and_no_network_waits_for_another() -> None:
    turns, begun = Turns(), []

    async def request(network: str) -> None:
        await turns.begin(network)
        begun.append(network)

    requests = [asyncio.create_task(request(network)) for network in ["crowd"] * 40 + ["alone"]]
    by_turn = []
    while len(begun) < len(requests):
        before = len(begun)
        await asyncio.sleep(0)
        by_turn.append(len(begun) - before)
    assert max(by_turn) <= admission.BEGUN
    assert begun.index("alone") < 3 * admission.BEGUN
    await asyncio.sleep(0)
    await turns.begin("crowd")


async def test_a_request_that_gives_up_waiting_holds_up_nobody() -> None:
    turns = Turns()
    requests = [asyncio.create_task(turns.begin("a")) for _ in range(20)]
    await asyncio.sleep(0)
    for request in requests[::2]:
        request.cancel()
    done = await asyncio.gather(*requests, return_exceptions=True)
    assert sum(result is None for result in done) >= 10


def test_one_place_in_ten_is_kept() -> None:
    places = admission.places(100)
    assert sum(places.take(str(network)) for network in range(200)) == 90
