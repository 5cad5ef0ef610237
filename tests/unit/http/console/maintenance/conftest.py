"""Shared by the tests of maintenance on the console: windows, the checks that they cover, and the audit log."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from alerting import desk
from heartbeat import audit
from heartbeat.app import System
from heartbeat.checks import maintenance_store
from heartbeat.checks.maintenance import Window, WindowDefinition
from heartbeat.definitions.edit import maintenance as edit
from tests.unit.conftest import NOW, somebody
from tests.unit.http.conftest import make_check

NEW: dict[str, Any] = {"title": "Move", "label": "host=a", "length": "1h", "timezone": "UTC"}


async def make(
    system: System, match: dict[str, str], starts: float, ends: float, title: str = "Move", **fields: str
) -> Window:
    """A window by hours from `NOW`, made before it began."""
    begins, over = NOW + timedelta(hours=starts), NOW + timedelta(hours=ends)
    definition = WindowDefinition(title, fields.get("description", ""), match, begins, over)
    write = system.context.database.write
    return (await write(lambda db: edit.make(db, somebody("anna"), definition, NOW))).window


async def stored_windows(system: System) -> list[Window]:
    return await system.context.database.read(lambda db: maintenance_store.listed(db, NOW, limit=100))


async def deeds(system: System) -> list[tuple[str, str]]:
    entries = await system.context.database.read(lambda db: audit.listed(db, limit=9))
    return [(deed.action, deed.target) for deed in entries if deed.action != "sign_in"]


async def next_page_at(system: System, incident: int) -> datetime | None:
    dossier = await system.context.database.read(lambda db: desk.dossier(db, incident))
    assert dossier is not None
    return dossier.incident.next_at


@pytest.fixture
async def hosts(system: System) -> None:
    """Two checks of one host, one of another, and one that has no labels."""
    await make_check(system, "a-web", labels={"host": "a", "part": "web"})
    await make_check(system, "a-mail", labels={"host": "a", "part": "mail"})
    await make_check(system, "b-web", labels={"host": "b", "part": "web"})
    await make_check(system, "bare")
