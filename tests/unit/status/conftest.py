"""What the tests of the public status pages share: a page, and how it stands."""

from datetime import datetime
from typing import Any

from heartbeat import definitions
from heartbeat.app import System
from heartbeat.config.public import Component, Group, Regions, StatusPage
from heartbeat.status import announcement, health
from heartbeat.status.health import Bearing
from heartbeat.status.snapshot import Snapshot
from tests.unit.conftest import NOW

# The whole system over a real database, as the tests of the faces have it.
from tests.unit.http.conftest import admin, client, clock, kind, settings, system  # noqa: F401  # fixtures

PAGE = StatusPage(
    "public",
    "Example status",
    (
        Component("CPU allowance", {"component": "cpu"}, "Reset once a day"),
        Component("Mail", {"component": "mail"}, group="Messages"),
    ),
    groups=(Group("Messages", "What you send and receive"),),
    regions=Regions("region", {"us": "United States", "eu": "Europe"}),
    url="https://example.com",
    support="mailto:help@example.com",
)
BEARINGS = (
    Bearing({"component": "cpu", "region": "us"}, "down", 1, NOW),
    Bearing({"component": "cpu", "region": "eu"}, "up", 1, NOW),
    Bearing({"component": "mail", "region": "eu"}, "up", 1, NOW),
)


async def define(where: System, *pages: StatusPage) -> None:
    """Make these the status pages, and no others."""
    await where.door.database.write(lambda db: definitions.replace_status_pages(db, pages))


def a_snapshot(page: StatusPage = PAGE, at: datetime = NOW, **facts: Any) -> Snapshot:
    """A page as it stands."""
    rows = health.rows(page, BEARINGS, announcement.claims(facts.get("told", ())))
    return Snapshot(page, at, rows, "http://test/status/public", **facts)
