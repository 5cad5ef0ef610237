"""Tells the news of incidents to everybody who has a page of them."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from alerting import attempts, outbox
from alerting.incident import Incident
from alerting.notice import NoticeKind


def tell(db: Connection, kind: NoticeKind, news: Iterable[tuple[Incident, str]], now: datetime) -> None:
    """Write a notice of the news of each incident for every contact that has a page of it, or may have.

    Each notice is tried on its own contact only.
    """
    told = list(news)
    holders = attempts.holders(db, [incident.id for incident, _ in told]) if told else {}
    notices = [
        (incident, holder, words) for incident, words in told for holder in holders.get(incident.id, ())
    ]
    outbox.intend(db, kind, notices, now)
