"""Look-ups of names: a name server that is silent delays nobody but those who need it."""

import asyncio
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from alerting.network import Address, parse
from alerting.notifiers.transport import names as room
from alerting.notifiers.transport.names import Names

HERE = [parse("127.0.0.1")]
AWAY = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
UNKNOWN = socket.gaierror(socket.EAI_NONAME, "Name or service not known")


class Server:
    """A name server: what it says of a name, and the names of which it says nothing until it is let go."""

    def __init__(self) -> None:
        self.silent: set[str] = set()
        self.fault: socket.gaierror | None = None
        self.asked: Counter[str] = Counter()
        self.let_go = threading.Event()

    def look_up(self, name: str) -> list[Address]:
        self.asked[name] += 1
        if name in self.silent:
            self.let_go.wait(30)
        if self.fault is not None:
            raise self.fault
        return HERE


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.let_go.set()


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LONGEST", 0.05)
    monkeypatch.setattr(room, "PATIENCE", 0.02)


async def error_of(names: Names, host: str) -> int:
    with pytest.raises(socket.gaierror) as fault:
        await names.addresses(host)
    return int(fault.value.errno or 0)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("127.1", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("::ffff:127.0.0.1", "::ffff:127.0.0.1"),
    ],
)
async def test_an_address_is_never_looked_up(server: Server, text: str, address: str) -> None:
    assert await Names(server.look_up).addresses(text) == [parse(address)]
    assert not server.asked


@pytest.mark.parametrize("dead", range(13))
async def test_dead_names_delay_no_other_name(
    server: Server, dead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "LONGEST", 20)
    names = Names(server.look_up)
    server.silent = {f"dead{number}.example.com" for number in range(dead)}
    waiting = [asyncio.create_task(names.addresses(name)) for name in server.silent]
    await asyncio.sleep(0)
    began = time.monotonic()
    assert await names.addresses("localhost") == HERE
    assert time.monotonic() - began < 1
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_caller_does_not_wait_for_a_silent_server(server: Server) -> None:
    server.silent = {"dead.example.com"}
    began = time.monotonic()
    assert await error_of(Names(server.look_up), "dead.example.com") == socket.EAI_AGAIN
    assert time.monotonic() - began < 1


async def test_callers_of_one_name_share_a_look_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LONGEST", 20)
    names = Names(server.look_up)
    server.silent = {"hb.test"}
    callers = [asyncio.create_task(names.addresses(name)) for name in ("hb.test", "HB.test") * 5]
    await asyncio.sleep(0)
    server.let_go.set()
    assert await asyncio.gather(*callers) == [HERE] * 10
    assert sum(server.asked.values()) == 1


async def test_a_caller_that_gives_up_leaves_the_look_up_to_the_others(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "LONGEST", 20)
    server.silent = {"slow.example.com"}
    names = Names(server.look_up)
    impatient, patient = (asyncio.create_task(names.addresses("slow.example.com")) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.gather(impatient, return_exceptions=True)
    server.let_go.set()
    assert await patient == HERE
    assert server.asked["slow.example.com"] == 1


async def test_a_look_up_that_outlasts_its_caller_serves_the_next_one(server: Server) -> None:
    """Where the first of two name servers is dead, each look-up takes longer than a page can wait."""
    names = Names(server.look_up)
    server.silent = {"slow.example.com"}
    assert await error_of(names, "slow.example.com") == socket.EAI_AGAIN
    server.let_go.set()
    await answered(names, "slow.example.com")
    server.let_go.clear()
    assert await names.addresses("slow.example.com") == HERE


async def answered(names: Names, name: str) -> None:
    """Wait until the name has its answer."""
    async with asyncio.timeout(5):
        while True:
            try:
                await names.addresses(name)
            except socket.gaierror:
                continue
            return


async def test_the_last_good_answer_is_used_while_the_server_is_silent(server: Server) -> None:
    names = Names(server.look_up)
    assert await names.addresses("hb.test") == HERE
    server.silent = {"hb.test"}
    assert await names.addresses("hb.test") == HERE
    # The second caller waits for the same look-up, whose time is over already.
    assert await names.addresses("hb.test") == HERE
    assert server.asked["hb.test"] == 2


async def test_the_last_good_answer_is_used_while_the_server_fails(server: Server) -> None:
    names = Names(server.look_up)
    await names.addresses("hb.test")
    server.fault = AWAY
    assert await names.addresses("hb.test") == HERE


async def test_a_name_that_no_longer_exists_has_no_addresses(server: Server) -> None:
    names = Names(server.look_up)
    await names.addresses("hb.test")
    server.fault = UNKNOWN
    assert await error_of(names, "hb.test") == socket.EAI_NONAME
    server.fault = AWAY
    assert await error_of(names, "hb.test") == socket.EAI_AGAIN


async def test_an_old_answer_is_used_no_more(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(server.look_up)
    await names.addresses("hb.test")
    monkeypatch.setattr(room, "KEPT", 0)
    server.fault = AWAY
    assert await error_of(names, "hb.test") == socket.EAI_AGAIN


async def test_names_that_failed_leave_half_of_the_places_to_others(server: Server) -> None:
    names = Names(server.look_up, at_once=4)
    dead = [f"dead{number}.example.com" for number in range(8)]
    server.fault = AWAY
    await asyncio.gather(*(error_of(names, name) for name in dead))
    server.fault, server.silent = None, set(dead)
    await asyncio.gather(*(error_of(names, name) for name in dead))
    assert await names.addresses("hb.test") == HERE
    # Their turn comes when a place is free.
    server.let_go.set()
    for name in dead:
        await answered(names, name)


async def test_look_ups_beyond_the_places_wait_for_one(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "LONGEST", 20)
    names = Names(server.look_up, at_once=2)
    answers = await asyncio.gather(*(names.addresses(f"{number}.example.com") for number in range(50)))
    assert answers == [HERE] * 50


async def test_a_system_that_has_no_thread_is_asked_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names(server.look_up)

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as exhausted:
        exhausted.setattr(threading.Thread, "start", refuse)
        assert await error_of(names, "hb.test") == socket.EAI_AGAIN
    assert await names.addresses("hb.test") == HERE


async def test_only_so_many_names_are_remembered(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "REMEMBERED", 3)
    names = Names(server.look_up)
    for number in range(6):
        await names.addresses(f"{number}.example.com")
    server.fault = AWAY
    assert await names.addresses("5.example.com") == HERE
    assert await error_of(names, "0.example.com") == socket.EAI_AGAIN


@pytest.mark.parametrize("odd", ["a\0b", "x" * 300, "\u2603" * 90, "", "."])
async def test_what_cannot_be_a_name_has_no_addresses(odd: str) -> None:
    assert await error_of(Names(), odd)
