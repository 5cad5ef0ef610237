"""A status page as it stands: from its checks, its announcements, and the recoveries since these."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from heartbeat import installation
from heartbeat.definitions.status_page import Component, StatusPage
from heartbeat.status import announcement, health
from heartbeat.status.announcement import Announcement
from heartbeat.status.health import CheckCount, Claim, Recoveries, Standing
from heartbeat.status.uptime import days as uptime_days
from heartbeat.status.uptime import since as uptime_since
from heartbeat.status.uptime import store as uptime_store
from heartbeat.status.uptime.days import CheckHistory
from heartbeat.status.uptime.store import CheckState

MOST = 5_000
"""The largest number of checks that have changed since an announcement. With more, the announcement stands."""


def at(
    db: Connection,
    page: StatusPage,
    check_counts: Sequence[CheckCount],
    announcements: Sequence[Announcement],
    now: datetime,
) -> Standing:
    """Return the row of every component of a page, and what has recovered since the announcements."""
    claims = announcement.claims(announcements)
    recoveries = _recoveries(db, page, check_counts, claims, now)
    return Standing(health.rows(page, check_counts, claims, recoveries), recoveries)


def _recoveries(
    db: Connection,
    page: StatusPage,
    check_counts: Sequence[CheckCount],
    claims: Sequence[Claim],
    now: datetime,
) -> Recoveries:
    said = [claim.said_at for claim in claims if claim.said_at is not None]
    changed = uptime_store.changed_checks(db, min(said), MOST) if said else []
    if not changed or len(changed) == MOST:
        return {}
    ids, first = [check.id for check in changed], min(said)
    changes = uptime_store.changes(db, ids, first)
    states_before = uptime_store.states_before(db, ids, first)
    histories = {number: CheckHistory(states_before.get(number), changes.get(number, [])) for number in ids}
    claimed, pace = {claim.component for claim in claims}, installation.pace(db)
    recoveries: dict[tuple[str, str], datetime] = {}
    for component in page.components:
        for region in ("", *(page.regions.columns if page.regions else ())):
            if component.name in claimed:
                own = [check for check in changed if _is_in(page, component, region, check)]
                counts = [counted for counted in check_counts if _is_in(page, component, region, counted)]
                still = uptime_since.still(health.up_and_down(counts, {}), own)
                own_histories = [*still, *(histories[check.id] for check in own)]
                recovered_at = uptime_days.settled_recovery(own_histories, now, pace)
                if recovered_at is not None:
                    recoveries[component.name, region] = recovered_at
    return recoveries


def _is_in(page: StatusPage, component: Component, region: str, check: CheckState | CheckCount) -> bool:
    """Return True if a check is one of the component's in a region, or outside of all for an empty region."""
    if not component.match.items() <= check.labels.items():
        return False
    if page.regions is None:
        return not region
    value = check.labels.get(page.regions.label)
    return value == region if region else value not in page.regions.columns
