"""What a database has in its books, read beside the service, against what was promised to a load."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import make_url, select

from heartbeat.checks.tables import checks
from heartbeat.database import engine
from heartbeat.pings import store as pings
from heartbeat.pings.arrival import StoredPing
from tests.e2e.load import Load, Ping

CLOCKS = 0.5
"""Seconds by which the service's clock, which follows the database's, may differ from this process's."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What the books say of one check."""

    pings: int
    last_ok_at: datetime | None
    ring: tuple[StoredPing, ...]

    @property
    def by_serial(self) -> dict[int, StoredPing]:
        """The pings of a load that lie in the ring."""
        return {
            int(one.agent.removeprefix("load/")): one for one in self.ring if one.agent.startswith("load/")
        }


def read(url: str) -> dict[str, Heard]:
    """The books, by slug."""
    reader = engine(make_url(url), writing=False)
    try:
        with reader.begin() as db:
            rows = db.execute(select(checks.c.id, checks.c.slug, checks.c.pings, checks.c.last_ok_at)).all()
            return {
                row.slug: Heard(row.pings, row.last_ok_at, tuple(pings.last_pings(db, row.id)))
                for row in rows
            }
    finally:
        reader.dispose()


def reconcile(url: str, load: Load) -> None:
    """Every ping that was acknowledged is in the books, once, as it was sent; and the books are sound."""
    books = read(url)
    for slug, heard in books.items():
        assert [one.n for one in heard.ring] == list(range(heard.pings, 0, -1)), (
            f"{slug} has gaps in its ring"
        )
        many = len([one for one in heard.ring if one.agent.startswith("load/")])
        assert len(heard.by_serial) == many, f"{slug} has heard a ping twice"
    for slug, acknowledged in load.acknowledged_by_check.items():
        kept = books[slug].pings
        assert kept >= acknowledged, f"{slug}: {kept} pings are counted, {acknowledged} were acknowledged"
    missing = lost(url, load.acknowledged)
    assert not missing, (
        f"{len(missing)} of {len(load.acknowledged)} acknowledged pings are lost: {missing[:5]}"
    )


def lost(url: str, acknowledged: Sequence[Ping]) -> list[Ping]:
    """Those of these pings that are not in the books as they were sent."""
    books = read(url)
    return [ping for ping in acknowledged if not _is_kept(ping, books[ping.slug])]


def _is_kept(ping: Ping, heard: Heard) -> bool:
    kept = heard.by_serial.get(ping.serial)
    if kept is None or kept.signal.value != ping.kind or (kept.body or b"") != ping.body:
        return False
    if ping.kind != "success":
        return True
    return heard.last_ok_at is not None and heard.last_ok_at.timestamp() >= ping.sent_at - CLOCKS
