"""Listeners for changes: one query a second serves all of them, and nothing is read while nobody listens."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping

from heartbeat.loop import Loop

EVERY = 1.0
"""Seconds between two queries."""
MOST = 500
"""Listeners at a time in one process. A browser beyond that reloads its page now and then instead."""

MOST_EACH = 20
"""Listeners at a time of one person in one process, so that nobody takes all places."""

Versions = Mapping[str, str]
Look = Callable[[Collection[str]], Awaitable[Versions | None]]
"""Returns the current versions of topics; None if the database cannot be read."""


class Listener:
    """A listener to topics. Versions that differ from `versions` are news."""

    def __init__(self, topics: Collection[str], versions: Versions, who: str = "") -> None:
        self.who = who
        self.topics = frozenset(topics)
        self._versions = {topic: versions[topic] for topic in topics if topic in versions}
        self._news: dict[str, str] = {}
        self._changed = asyncio.Event()
        self._ended = False

    @property
    def ended(self) -> bool:
        """True once no more news comes."""
        return self._ended

    async def next(self, seconds: float) -> Versions:
        """Return all versions as soon as one of them is new; nothing after `seconds`, or at the end."""
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return {}
        self._versions |= self._news
        versions = dict(self._versions) if self._news else {}
        self._news.clear()
        if not self._ended:
            self._changed.clear()
        return versions

    def tell(self, versions: Versions) -> None:
        """Take the current versions."""
        self._news = {
            topic: versions[topic]
            for topic in self.topics
            if topic in versions and versions[topic] != self._versions.get(topic)
        }
        if self._news:
            self._changed.set()

    def end(self) -> None:
        """Send no more news."""
        self._ended = True
        self._changed.set()


class Live:
    """All listeners of this process, and the loop that serves them."""

    def __init__(self, every: float = EVERY, most: int = MOST, most_each: int = MOST_EACH) -> None:
        self._every = every
        self._most = most
        self._most_each = most_each
        self._listeners: set[Listener] = set()
        self._looking: asyncio.Task[None] | None = None
        self._closed = False

    def join(self, topics: Collection[str], versions: Versions, look: Look, who: str = "") -> Listener | None:
        """Add a listener of a person; None if there are too many, in all or of the person, or the process stops.

        Each listener must `leave`.
        """
        theirs = sum(listener.who == who for listener in self._listeners) if who else 0
        if self._closed or len(self._listeners) >= self._most or theirs >= self._most_each:
            return None
        listener = Listener(topics, versions, who)
        self._listeners.add(listener)
        if self._looking is None:
            loop = Loop("looking for changes", lambda: self._look(look), pause=lambda _: self._every)
            self._looking = asyncio.create_task(loop.run())
        return listener

    def leave(self, listener: Listener) -> None:
        """Remove a listener. The queries end with the last one."""
        self._listeners.discard(listener)
        if not self._listeners:
            self._rest()

    def close(self) -> None:
        """End all listeners and refuse new ones: the process stops."""
        self._closed = True
        self._rest()
        for listener in self._listeners:
            listener.end()

    def _rest(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None

    async def _look(self, look: Look) -> None:
        versions = await look(frozenset().union(*(listener.topics for listener in self._listeners)))
        if versions is not None:
            for listener in self._listeners:
                listener.tell(versions)
