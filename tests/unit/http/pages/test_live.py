"""Listeners get each change once, one query serves all, and all end at once when the process stops."""

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


async def test_a_listener_gets_news_once_with_all_its_versions() -> None:
    world, live = World(checks="1", incidents="1"), Live(every=0.0)
    listener = live.join(["checks", "incidents"], {"checks": "1", "incidents": "0"}, world.look)
    assert listener is not None
    assert await listener.next(SOON) == {"checks": "1", "incidents": "1"}
    assert await listener.next(0.01) == {}
    world.versions["checks"] = "2"
    assert await listener.next(SOON) == {"checks": "2", "incidents": "1"}
    live.leave(listener)


async def test_known_versions_are_not_news() -> None:
    world, live = World(checks="7"), Live(every=0.0)
    listener = live.join(["checks"], {"checks": "7", "others": "1"}, world.look)
    assert listener is not None
    assert await listener.next(0.01) == {}
    assert world.looks
    live.leave(listener)


async def test_one_query_serves_all_listeners() -> None:
    world, live = World(checks="1"), Live(every=3600.0)
    topics = (["checks"], ["incidents/1"], ["checks", "incidents/2"])
    listeners = [live.join(some, {}, world.look) for some in topics]
    news = await asyncio.gather(*(listener.next(SOON) for listener in listeners if listener is not None))
    assert [sorted(listener) for listener in news] == [["checks"], ["incidents/1"], ["checks", "incidents/2"]]
    assert world.looks == [frozenset({"checks", "incidents/1", "incidents/2"})]
    for listener in listeners:
        assert listener is not None
        live.leave(listener)


async def test_without_listeners_nothing_is_queried() -> None:
    world, live = World(), Live(every=0.0)
    listener = live.join(["checks"], {}, world.look)
    assert listener is not None
    await listener.next(SOON)
    live.leave(listener)
    looks = len(world.looks)
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(world.looks) == looks
    rejoined = live.join(["checks"], {}, world.look)
    assert rejoined is not None
    assert await rejoined.next(SOON)
    live.leave(rejoined)


async def test_a_database_that_is_away_is_asked_again() -> None:
    world, live = World(checks="1"), Live(every=0.0)
    world.away = True
    listener = live.join(["checks"], {}, world.look)
    assert listener is not None
    assert await listener.next(0.01) == {}
    world.away = False
    assert await listener.next(SOON) == {"checks": "1"}
    live.leave(listener)


async def test_the_number_of_listeners_is_limited() -> None:
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


async def test_a_stop_ends_all_listeners_and_refuses_new_ones() -> None:
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


async def test_a_person_cannot_take_all_places() -> None:
    world, live = World(), Live(every=3600.0, most_each=2)
    anna = [live.join(["checks"], {}, world.look, "anna") for _ in range(3)]
    assert [listener is not None for listener in anna] == [True, True, False]
    assert live.join(["checks"], {}, world.look, "bob") is not None
    assert anna[0] is not None
    live.leave(anna[0])
    assert live.join(["checks"], {}, world.look, "anna") is not None
    live.close()
