"""Begins to ask about what was accepted, if its notifier asks."""

from datetime import datetime

from sqlalchemy import Connection

from alerting import delivery, polls
from alerting.notice import Notice
from alerting.notifiers import registry
from alerting.notifiers.contract import Outcome
from alerting.polls import Poll


def begin(db: Connection, kind: str, outcome: Outcome, notice: Notice, now: datetime) -> None:
    """Ask about a notice from now on if it can be answered, and this kind of notifier asks."""
    every, provider_id = registry.poll_every(kind), delivery.provider_id(outcome)
    if every is not None and provider_id is not None and notice.ack_url:
        polls.begin(db, [Poll(kind, provider_id, now)], now + every)
