"""Fixtures for the tests of status pages: a page, and the states of its checks."""

from datetime import datetime
from typing import Any

from heartbeat.app import System
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.status_page import Component, Group, Regions, StatusPage
from heartbeat.status import announcement, health
from heartbeat.status.health import CheckCount
from heartbeat.status.publish.snapshot import Snapshot
from tests.unit.conftest import NOW

# The whole system over a real database, as the tests of the faces have it.
from tests.unit.http.conftest import (  # noqa: F401  # fixtures
    admin,
    client,
    clock,
    connections,
    kind,
    settings,
    system,
)

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
CHECK_COUNTS = (
    CheckCount({"component": "cpu", "region": "us"}, "down", 1, NOW),
    CheckCount({"component": "cpu", "region": "eu"}, "up", 1, NOW),
    CheckCount({"component": "mail", "region": "eu"}, "up", 1, NOW),
)


async def define(where: System, *pages: StatusPage) -> None:
    """Make these the status pages, and no others."""
    await where.context.database.write(lambda db: definition_store.replace_status_pages(db, pages))


def a_snapshot(page: StatusPage = PAGE, at: datetime = NOW, **facts: Any) -> Snapshot:
    """A page as it stands."""
    rows = health.rows(page, CHECK_COUNTS, announcement.claims(facts.get("announcements", ())))
    return Snapshot(page, at, rows, "http://test/status/public", **facts)
