"""Ways to mistake pings that come later, with the time of their run, each planted in the real code: see `mutants`."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection

from heartbeat.checks import replay
from heartbeat.checks.blindness import Blind, Why
from heartbeat.pings import replays
from heartbeat.pings.arrival import Arrival


def what_comes_late_counts_from_its_arrival(patch: pytest.MonkeyPatch) -> None:
    """A job that has died looks alive for a while, because its old pings arrive."""
    patch.setattr(replays, "placed", lambda _db, sent: (sent, None))


def whoever_names_a_time_is_believed(patch: pytest.MonkeyPatch) -> None:
    """A ping counts from any time that it names, also from one at which nobody was prevented from hearing it."""

    def placed(_db: Connection, sent: Arrival) -> tuple[Arrival, Blind | None]:
        at = sent.sent_at
        if at is None or replay.is_now(at, sent.at) or at > sent.at:
            return sent, None
        return replace(sent, at=at), Blind(at, at, Why.ENDED)

    patch.setattr(replays, "placed", placed)


def what_is_sent_again_is_another_run(patch: pytest.MonkeyPatch) -> None:
    """The answer to a ping was lost, so it is sent again, and is counted again."""
    patch.setattr(replays, "is_stored", lambda *_given: False)


def an_old_ping_overrules_what_is_known_since(patch: pytest.MonkeyPatch) -> None:
    """A failure of an hour ago turns down what has succeeded since, and an old success hides a failure."""

    def is_news(*_given: Any) -> bool:
        return True

    patch.setattr(replay, "is_news", is_news)


def an_old_success_revives_what_has_died_since(patch: pytest.MonkeyPatch) -> None:
    """A job is silent, and an old ping of it ends its incident, although the next run has not come either."""
    patch.setattr(replay, "_is_over", lambda *_given: False)
