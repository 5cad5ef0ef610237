"""Who listens is told of what is new, once, by one look for all; and let go at once when the process stops."""

import asyncio
from collections.abc import Collection

from heartbeat.http.pages.live import Live, Versions

SOON = 5.0


class World:
    """Versions that change, and how often somebody looked at which."""

    def __init__(self, **versions: str) -> None:
        self.versions = versions
        self.looks: list[frozenset[str]] = []
        self.away = False

    async def look(self, topics: Collection[str]) -> Versions | None:
        self.looks.append(frozenset(topics))
        return None if self.away else {topic: self.versions.get(topic, "0") for topic in topics}


async def test_news_is_told_once_and_with_all_that_is_known() -> None:
    world, live = World(checks="1", incidents="1"), Live(every=0.0)
    listener = live.join(["checks", "incidents"], {"checks": "1", "incidents": "0"}, world.look)
    assert listener is not None
    assert await listener.next(SOON) == {"checks": "1", "incidents": "1"}
    assert await listener.next(0.01) == {}
    world.versions["checks"] = "2"
    assert await listener.next(SOON) == {"checks": "2", "incidents": "1"}
    live.leave(listener)


async def test_what_was_known_is_not_news() -> None:
    world, live = World(checks="7"), Live(every=0.0)
    listener = live.join(["checks"], {"checks": "7", "others": "1"}, world.look)
    assert listener is not None
    assert await listener.next(0.01) == {}
    assert world.looks
    live.leave(listener)


async def test_one_look_serves_all_who_listen() -> None:
    world, live = World(checks="1"), Live(every=3600.0)
    topics = (["checks"], ["incidents/1"], ["checks", "incidents/2"])
    listeners = [live.join(some, {}, world.look) for some in topics]
    told = await asyncio.gather(*(one.next(SOON) for one in listeners if one is not None))
    assert [sorted(one) for one in told] == [["checks"], ["incidents/1"], ["checks", "incidents/2"]]
    assert world.looks == [frozenset({"checks", "incidents/1", "incidents/2"})]
    for one in listeners:
        assert one is not None
        live.leave(one)


async def test_nobody_looks_where_nobody_listens() -> None:
    world, live = World(), Live(every=0.0)
    listener = live.join(["checks"], {}, world.look)
    assert listener is not None
    await listener.next(SOON)
    live.leave(listener)
    looks = len(world.looks)
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(world.looks) == looks
    again = live.join(["checks"], {}, world.look)
    assert again is not None
    assert await again.next(SOON)
    live.leave(again)


async def test_a_database_that_is_away_is_asked_again() -> None:
    world, live = World(checks="1"), Live(every=0.0)
    world.away = True
    listener = live.join(["checks"], {}, world.look)
    assert listener is not None
    assert await listener.next(0.01) == {}
    world.away = False
    assert await listener.next(SOON) == {"checks": "1"}
    live.leave(listener)


async def test_there_are_only_so_many_places() -> None:
    world, live = World(), Live(every=0.0, most=2)
    first, second = (live.join(["checks"], {}, world.look) for _ in range(2))
    assert first is not None
    assert second is not None
    assert live.join(["checks"], {}, world.look) is None
    live.leave(first)
    third = live.join(["checks"], {}, world.look)
    assert third is not None
    live.leave(second)
    live.leave(third)


async def test_at_the_stop_everybody_is_let_go_and_nobody_joins() -> None:
    world, live = World(), Live(every=3600.0)
    listener = live.join(["checks"], {"checks": "0"}, world.look)
    assert listener is not None
    waiting = asyncio.create_task(listener.next(3600.0))
    await asyncio.sleep(0)
    live.close()
    assert await asyncio.wait_for(waiting, SOON) == {}
    assert listener.ended
    assert live.join(["checks"], {}, world.look) is None
    live.leave(listener)
