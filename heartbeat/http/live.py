"""Who listens for changes: one look at the database each second for all of them, and none where nobody listens."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping

from heartbeat.loop import Loop

EVERY = 1.0
"""Seconds between two looks at the database."""
MOST = 500
"""Listeners at a time in one process; a page that finds no place renews itself now and then instead."""

Versions = Mapping[str, str]
Look = Callable[[Collection[str]], Awaitable[Versions | None]]
"""Gives the versions of topics as they are now; None where they cannot be had at the moment."""


class Listener:
    """One who listens. `seen` are the versions that they know; what they know nothing of is new to them once."""

    def __init__(self, topics: Collection[str], seen: Versions) -> None:
        self.topics = frozenset(topics)
        self._seen = {topic: seen[topic] for topic in topics if topic in seen}
        self._news: dict[str, str] = {}
        self._something = asyncio.Event()
        self._ended = False

    @property
    def ended(self) -> bool:
        """Whether nothing more will be told."""
        return self._ended

    async def next(self, seconds: float) -> Versions:
        """Every version that is known by now, as soon as one of them is new; nothing after `seconds`, or at the end."""
        try:
            await asyncio.wait_for(self._something.wait(), seconds)
        except TimeoutError:
            return {}
        self._seen |= self._news
        told = dict(self._seen) if self._news else {}
        self._news.clear()
        if not self._ended:
            self._something.clear()
        return told

    def tell(self, known: Versions) -> None:
        """These are the versions now."""
        self._news = {t: known[t] for t in self.topics if t in known and known[t] != self._seen.get(t)}
        if self._news:
            self._something.set()

    def end(self) -> None:
        """Nothing more is told."""
        self._ended = True
        self._something.set()


class Live:
    """All who listen in this process, and the one look that serves them."""

    def __init__(self, every: float = EVERY, most: int = MOST) -> None:
        self._every = every
        self._most = most
        self._listeners: set[Listener] = set()
        self._looking: asyncio.Task[None] | None = None
        self._closed = False

    def join(self, topics: Collection[str], seen: Versions, look: Look) -> Listener | None:
        """Begin to listen; None where there is no place, or the process stops. Whoever has joined must `leave`."""
        if self._closed or len(self._listeners) >= self._most:
            return None
        listener = Listener(topics, seen)
        self._listeners.add(listener)
        if self._looking is None:
            loop = Loop("looking for changes", lambda: self._look(look), pause=lambda _: self._every)
            self._looking = asyncio.create_task(loop.run())
        return listener

    def leave(self, listener: Listener) -> None:
        """Listen no more. The looking ends with the last."""
        self._listeners.discard(listener)
        if not self._listeners and self._looking is not None:
            self._looking.cancel()
            self._looking = None

    def close(self) -> None:
        """The process stops: everybody is let go at once, and nobody joins any more."""
        self._closed = True
        if self._looking is not None:
            self._looking.cancel()
        for listener in self._listeners:
            listener.end()

    async def _look(self, look: Look) -> None:
        versions = await look(frozenset().union(*(listener.topics for listener in self._listeners)))
        if versions is not None:
            for listener in self._listeners:
                listener.tell(versions)
