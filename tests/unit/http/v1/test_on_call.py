"""Who is on call now: as JSON, as text for a chat bot, and as a metric."""

import httpx

from tests.unit.http.conftest import SetClock

TURNS = {"people": ["anna", "ben"], "shift": "1w", "from": "2024-04-29 09:00"}
LEAVE = {"person": "anna", "starts_at": "2024-05-03T00:00:00Z", "ends_at": "2024-05-04T00:00:00Z"}


async def make(admin: httpx.AsyncClient) -> None:
    """Make a rotation of Anna and Ben, and one of nobody yet."""
    for person in ("anna", "ben"):
        body = {"name": person.title(), "contacts": [{"console": "terminal"}]}
        assert (await admin.put(f"/v1/people/{person}", json=body)).is_success
    later = TURNS | {"from": "2025-01-01"}
    for name, layer in (("infra", TURNS), ("later", later)):
        body = {"timezone": "Europe/Berlin", "layers": [layer]}
        assert (await admin.put(f"/v1/rotations/{name}", json=body)).is_success


async def test_each_rotation_says_who_is_on_call_and_until_when(
    admin: httpx.AsyncClient, clock: SetClock
) -> None:
    assert (await admin.get("/v1/on-call/text")).text == "There are no rotations.\n"
    await make(admin)
    assert (await admin.get("/v1/on-call")).json() == {
        "rotations": [
            {
                "rotation": "infra",
                "people": [{"id": "anna", "name": "Anna"}],
                "until": "2024-05-06T07:00:00Z",
            },
            {"rotation": "later", "people": [], "until": None},
        ]
    }
    text = await admin.get("/v1/on-call/text")
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert text.text == "infra: Anna until 06 May 09:00 CEST, then Ben.\nlater: nobody.\n"


async def test_a_leave_changes_who_is_on_call_everywhere(admin: httpx.AsyncClient, clock: SetClock) -> None:
    await make(admin)
    assert (await admin.post("/v1/leaves", json=LEAVE)).status_code == 201
    told = (await admin.get("/v1/on-call/text")).text.splitlines()
    assert told[0] == "infra: Ben until 04 May 02:00 CEST, then Anna."
    lines = (await admin.get("/metrics")).text.splitlines()
    assert [line for line in lines if line.startswith("heartbeat_on_call{")] == [
        'heartbeat_on_call{person="ben",rotation="infra"} 1.0',
        'heartbeat_on_call{person="",rotation="later"} 0.0',
    ]
    shifts = (await admin.get("/v1/rotations/infra/shifts")).json()["shifts"]
    assert [shift["people"] for shift in shifts] == [["ben"], ["anna"], ["ben"], ["anna"]]


async def test_the_address_of_a_calendar_never_comes_out_of_the_api(admin: httpx.AsyncClient) -> None:
    feed = "https://calendar.example.com/hush/basic.ics"
    made = await admin.put("/v1/rotations/infra", json={"layers": [{"ical": feed}]})
    assert made.status_code == 201, made.text
    assert made.json()["definition"] == {"layers": [{"ical": "(secret)"}]}
    kept = await admin.put("/v1/rotations/infra", json={"layers": [{"ical": None}]})
    assert kept.status_code == 200, kept.text
    for path in ("/v1/rotations/infra", "/v1/rotations", "/v1/audit", "/v1/configuration"):
        assert "hush" not in (await admin.get(path)).text
    inside = await admin.put("/v1/rotations/web", json={"layers": [{"ical": "https://127.0.0.1/x"}]})
    assert inside.status_code == 422
    assert "layers[0].ical: the address leads to 127.0.0.1, this machine" in inside.text
