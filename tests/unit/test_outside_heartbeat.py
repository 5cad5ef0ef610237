"""The outside heartbeat: its own address and each peer get pings, and a peer that hangs delays no other."""

import asyncio
from collections.abc import Mapping

import httpx
import pytest

from heartbeat.metrics import Metrics
from heartbeat.outside_heartbeat import OutsideHeartbeat

PEERS = {"west": "https://west.example/ping", "south": "https://south.example/ping"}


async def peers() -> Mapping[str, str]:
    return PEERS


async def turns() -> None:
    """Let what has begun go on."""
    for _ in range(50):
        await asyncio.sleep(0)


def beats(metrics: Metrics, peer: str, result: str) -> float | None:
    return metrics.registry.get_sample_value("heartbeat_peer_beats_total", {"peer": peer, "result": result})


async def test_the_outside_and_each_peer_get_pings_and_one_that_hangs_delays_no_other() -> None:
    asked: list[str] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        if request.url.host == "south.example":
            await asyncio.Event().wait()
        return httpx.Response(200)

    metrics = Metrics()
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        outside = OutsideHeartbeat(http, metrics, "https://outside.example", 0.0, peers)
        for _ in range(3):
            outside.beat()
            await turns()
        under_way = outside._beating["south"]
        under_way.cancel()
        await asyncio.wait([under_way])
    assert sorted(asked) == ["outside.example"] * 3 + ["south.example"] + ["west.example"] * 2
    assert (beats(metrics, "west", "accepted"), beats(metrics, "south", "accepted")) == (2, None)


@pytest.mark.parametrize(
    ("answer", "result", "words"),
    [
        (httpx.Response(404), "refused", "the peer west refuses our pings: 404"),
        (httpx.ConnectError("no"), "unreachable", "the peer west cannot be reached"),
    ],
)
async def test_a_peer_that_does_not_take_our_pings_is_logged_and_counted(
    answer: httpx.Response | Exception, result: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    def reply(_: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def west() -> Mapping[str, str]:
        return {"west": PEERS["west"]}

    metrics = Metrics()
    async with httpx.AsyncClient(transport=httpx.MockTransport(reply)) as http:
        outside = OutsideHeartbeat(http, metrics, "", 0.0, west)
        for _ in range(2):
            outside.beat()
            await turns()
    assert beats(metrics, "west", result) == 1
    assert words in caplog.text


async def test_peers_that_cannot_be_read_stay_as_they_were(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> Mapping[str, str]:
        raise ValueError

    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200))) as http:
        outside = OutsideHeartbeat(http, Metrics(), "", 0.0, fail)
        outside.beat()
        await turns()
    assert outside._peers == {}
    assert "reading the peers failed" in caplog.text
