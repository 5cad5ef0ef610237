"""The stand-in while the database is away, below a path too."""

from datetime import UTC, datetime

import httpx
import pytest

from heartbeat.operations import standby
from heartbeat.settings import Settings
from heartbeat.status.publish.edition import Edition

PAGES = {"public": Edition("public", datetime(2024, 5, 3, tzinfo=UTC), {"index.html": b"<p>well</p>"})}


@pytest.mark.parametrize("home", ["", "/heartbeat"])
@pytest.mark.parametrize("path", ["", "/heartbeat"])
async def test_status_pages_are_served_and_everything_else_is_asked_to_wait(home: str, path: str) -> None:
    front = standby.front(Settings(public_url=f"http://test{home}"), PAGES)
    path = path and home
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=front), base_url="http://test") as client:
        assert (await client.get(f"{path}/status")).headers["location"] == f"{home}/status/public/"
        assert (await client.get(f"{path}/status/public/")).text == "<p>well</p>"
        assert (await client.get(f"{path}/livez")).status_code == 200
        waits = await client.get(f"{path}/ping/key/slug")
        assert (waits.status_code, waits.headers["retry-after"]) == (503, "5")
