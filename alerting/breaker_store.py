"""The SQL of notifiers that fail for everybody: see `breaker`, which decides."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, func, or_, select

from alerting import attempts as attempt_store
from alerting import breaker
from alerting.breaker import PastSend
from alerting.tables import attempts

SENDS = 200
"""The newest sends by which it is known whether a notifier fails for everybody."""


def failing_notifiers(db: Connection, kinds: Collection[str]) -> dict[str, datetime]:
    """Return which of these kinds of notifier fail for everybody, by their last sends, and since when.

    Only the newest attempts of all, `attempts.REMEMBERED`, and `SENDS` sends among them are searched. A digest is one
    send.
    """
    c = attempts.c
    newest = select(func.coalesce(func.max(c.id), 0)).scalar_subquery()
    reached = or_(c.outcome != "unreachable", c.throttled)
    send = func.coalesce(c.digest_id, -c.id), c.via, c.contact_mark, reached.label("reached")
    query = (
        select(c.via, c.contact_mark, reached.label("reached"), func.max(c.at, type_=c.at.type).label("at"))
        .where(
            c.id > newest - attempt_store.REMEMBERED, c.via.in_(kinds), c.outcome != attempt_store.UNRECORDED
        )
        .group_by(*send)
        .order_by(func.max(c.id).desc())
        .limit(SENDS)
    )
    sends: dict[str, list[PastSend]] = {}
    for row in db.execute(query):
        sends.setdefault(row.via, []).append(PastSend(row.contact_mark, bool(row.reached), row.at))
    since = {kind: breaker.failing_since(of_kind) for kind, of_kind in sends.items()}
    return {kind: at for kind, at in since.items() if at is not None}
