"""Who defined something: the screens say whether it was the file, a person on the console, or a program."""

import httpx
import pytest

from heartbeat.app import System
from heartbeat.audit import AuditEntry
from heartbeat.http.console import defined_by
from tests.unit.conftest import NOW
from tests.unit.http.conftest import make_check
from tests.unit.http.console.conftest import press, see


@pytest.mark.parametrize(
    ("actor", "via", "words"),
    [
        ("Ann", "session", "Ann, on the console"),
        ("Ann", "session of ann@example.com", "Ann, on the console"),
        ("Ann", "proxy", "Ann, on the console"),
        ("deploy", "key deploy", "the API key deploy"),
        ("Deploy of us", "key deploy of ann", "the API key deploy"),
        ("admin", "admin key", "the admin key, by the API"),
        ("operator", "command line", "operator (command line)"),
    ],
)
def test_an_author_in_words(actor: str, via: str, words: str) -> None:
    entry = AuditEntry(1, NOW, actor, via, "127.0.0.1", "team.make", "team infra", None, {})
    assert defined_by.in_words(entry) == words


async def test_what_somebody_made_on_the_console_is_theirs_and_what_a_program_made_is_not(
    browser: httpx.AsyncClient, admin: httpx.AsyncClient, system: System
) -> None:
    made = await press(browser, "/on-call/new-team", slug="infra", people="first")
    assert made.status_code == 303
    assert "Defined by admin, on the console" in (await see(browser, "/on-call/teams/infra")).words
    assert (await admin.put("/v1/teams/other", json={"people": ["first"]})).status_code == 201
    assert "Defined by the admin key, by the API" in (await see(browser, "/on-call/teams/other")).words
    await make_check(system, "job")
    assert "Defined by somebody, on the console or by the API" in (await see(browser, "/checks/job")).words


async def test_the_name_of_an_api_key_is_told(
    browser: httpx.AsyncClient, admin: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    key = (
        await admin.post("/v1/keys", json={"name": "deploy", "scopes": ["read", "write"], "role": "admin"})
    ).json()["key"]
    by_key = {"Authorization": f"Bearer {key}"}
    for path, body in (
        ("people/ben", {"contacts": [{"ntfy": "https://ntfy.sh/ben"}]}),
        ("channels/room", {"contacts": [{"ntfy": "https://ntfy.sh/room"}]}),
        ("policies/night", {"steps": [{"page": ["first"], "wait": "5m"}]}),
        ("teams/infra", {"people": ["first"]}),
        (
            "rotations/week",
            {
                "timezone": "UTC",
                "layers": [{"people": ["first"], "shift": "1w", "from": "2026-01-05 09:00"}],
            },
        ),
    ):
        done = await client.put(f"/v1/{path}", json=body, headers=by_key)
        assert done.status_code == 201, done.text
        assert "Defined by the API key deploy" in (await see(browser, f"/on-call/{path}")).words
    for path in ("people/ben", "rotations/week"):
        # The address of a calendar is no part of its definition.
        assert (await admin.put(f"/v1/{path}/calendar")).is_success
        assert "Defined by the API key deploy" in (await see(browser, f"/on-call/{path}")).words
    done = await client.put("/v1/checks/job", json={"every": "1h", "grace": "5m"}, headers=by_key)
    assert done.status_code == 201, done.text
    assert "Defined by the API key deploy" in (await see(browser, "/checks/job")).words
