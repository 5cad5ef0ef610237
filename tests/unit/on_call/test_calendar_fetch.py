"""A calendar is fetched within bounds, and what goes wrong is told in words that hold no address."""

from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from alerting.network import Fence, Reach
from alerting.notifiers.transport import egress
from heartbeat.on_call import calendar_fetch
from heartbeat.on_call.calendar_fetch import HOPS, LARGEST
from heartbeat.on_call.event import Unreadable

ADDRESS = "https://calendar.example.com/secret-1234/basic.ics"
Answer = Callable[[httpx.Request], httpx.Response]


async def fetched(answer: Answer, address: str = ADDRESS) -> str:
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        return await calendar_fetch.fetch(http, address)


async def refused(answer: Answer, address: str = ADDRESS) -> str:
    with pytest.raises(Unreadable) as why:
        await fetched(answer, address)
    assert "secret" not in str(why.value)
    return str(why.value)


def redirected(to: str) -> Answer:
    return lambda request: (
        httpx.Response(302, headers={"location": to})
        if str(request.url) == ADDRESS
        else httpx.Response(200, text=f"from {request.url.host}")
    )


async def test_a_calendar_is_fetched_also_by_the_scheme_of_calendars() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.scheme == "https"
        assert (request.headers["accept"], request.headers["accept-encoding"]) == (
            "text/calendar",
            "identity",
        )
        return httpx.Response(200, content="\ufeffBEGIN:VCALENDAR Ä".encode())

    for scheme in ("https", "webcal", "WEBCALS"):
        assert await fetched(answer, ADDRESS.replace("https", scheme)) == "BEGIN:VCALENDAR Ä"


async def test_other_answers_are_told() -> None:
    why = await refused(lambda _: httpx.Response(404))
    assert why == "cannot be fetched: calendar.example.com answered 404 Not Found"


async def test_a_few_redirects_are_followed_and_none_without_encryption() -> None:
    assert await fetched(redirected("https://other.example.com/x")) == "from other.example.com"
    assert "redirected to an address without encryption" in await refused(
        redirected("http://other.example.com/x")
    )
    why = await refused(lambda request: httpx.Response(302, headers={"location": str(request.url)}))
    assert why == f"cannot be fetched: it is redirected more than {HOPS} times"


async def test_a_large_answer_is_cut_off() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 100_000
            yield b"x" * 100_000

    assert await refused(lambda _: httpx.Response(200, content=endless())) == "is larger than 2 MB"
    assert sent <= LARGEST + 200_000


async def test_a_compressed_answer_is_refused() -> None:
    packed = {"content-encoding": "gzip"}
    why = await refused(lambda _: httpx.Response(200, headers=packed, stream=httpx.ByteStream(b"x")))
    assert "compresses it although asked not to" in why


async def test_a_network_that_fails_is_told() -> None:
    def down(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("Connection refused", request=request)

    assert (await refused(down)).startswith("cannot be fetched: ")


@pytest.mark.parametrize(
    "address", ["https://127.0.0.1/secret", "https://10.0.0.1/secret", "http://[::1]/secret"]
)
async def test_an_entered_address_leads_to_the_internet_only(address: str) -> None:
    async with egress.client(Fence(Reach.INTERNET)) as http:
        with pytest.raises(Unreadable, match="where this page may not go"):
            await calendar_fetch.fetch(http, address)
