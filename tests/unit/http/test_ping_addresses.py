"""Addresses to ping are for those who may answer: whoever may only look must not keep a check quiet."""

import httpx
import pytest

from heartbeat.access import api_keys
from heartbeat.access.api_key import Scope
from heartbeat.actor import Role
from heartbeat.app import System
from heartbeat.http import app as http_app
from tests.unit.access.conftest import PASSWORD, ROOT, add
from tests.unit.conftest import NOW
from tests.unit.http import world
from tests.unit.http.conftest import SetClock, make_check, ping, read_check, visitor
from tests.unit.http.test_gates import api, pages

NAMES = {"name": "silent", "slug": "silent", "number": "1", "number:int": "1", "n": "1", "kind": "email"}


def filled(path: str) -> str:
    """Return an address with parameters that name something."""
    for name, value in NAMES.items():
        path = path.replace(f"{{{name}}}", value)
    return path


async def test_whoever_may_only_look_sees_no_address_to_ping(system: System, clock: SetClock) -> None:
    async with world.furnished(system, clock) as furnished:
        uuid = str((await read_check(system, "silent")).uuid)
        shown = {
            path: (await furnished.program.get(path)).text for path in ("/v1/checks", "/v1/checks/silent")
        }
        assert all(uuid in text and "/ping/" in text for text in shown.values())
        looker = "looker"
        await furnished.write(lambda db: add(db, looker, Role.VIEWER))
        _, key = await furnished.write(
            lambda db: api_keys.make(db, ROOT, "reads", (Scope.READ,), Role.ADMIN, None, NOW)
        )
        web = http_app.build(system.context)
        open_to_viewers = [path for method, path, role in api(web) if (method, role) == ("GET", Role.VIEWER)]
        open_to_viewers += [
            path for (method, path), role in pages().items() if (method, role) == ("GET", Role.VIEWER)
        ]
        async with visitor(system) as browser, visitor(system, **{"X-Api-Key": key}) as program:
            await browser.post("/sign-in", data={"name": looker, "password": PASSWORD})
            for path in [*open_to_viewers, "/metrics"]:
                if path == "/live":
                    continue
                for caller in (browser, program):
                    text = (await caller.get(filled(path))).text
                    assert uuid not in text, path
                    assert uuid.replace("-", "") not in text, path


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_a_new_uuid_ends_the_old_one(
    system: System, admin: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    old = await make_check(system)
    await ping(system, old)
    answer = (await admin.post("/v1/checks/job/new-uuid")).json()
    new = await read_check(system)
    assert answer["uuid"] == str(new.uuid) != str(old.uuid)
    assert answer["ping_url"].endswith(answer["uuid"])
    assert (await client.get(f"/ping/{old.uuid}")).status_code == 404
    await ping(system, new)
    assert (new.id, new.pings, (await read_check(system)).pings) == (old.id, 1, 2)
    audit = (await admin.get("/v1/audit")).text
    assert str(old.uuid) not in audit
    assert str(new.uuid) not in audit
    assert (await admin.post("/v1/checks/other/new-uuid")).status_code == 404
