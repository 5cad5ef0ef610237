"""Errors of the API: no input breaks it, and each error has a sentence that names the field."""

from dataclasses import replace
from typing import Any, NoReturn
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import Connection

from heartbeat.app import System
from heartbeat.definitions.edit.people import PERSON
from heartbeat.http.limits import MOST_PARAMETERS
from heartbeat.http.v1 import people
from tests.unit.http.conftest import (
    SetClock,
    fall_silent,
    make_check,
    refuse_database,
)
from tests.unit.http.v1.conftest import problem

UNTIL = "2024-05-03T06:00:00Z"


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_no_input_breaks_the_api(system: System, admin: httpx.AsyncClient, clock: SetClock) -> None:
    number = await fall_silent(system, clock, await make_check(system))
    incident, check = f"/v1/incidents/{number}", "/v1/checks/job"
    for address, status in [
        ("/v1/checks/a%00b", 404),
        ("/v1/checks/%FF%FE", 404),
        ("/v1/checks/%ED%A0%80", 404),
        ("/v1/checks/..%2F..%2Fetc", 404),
        (f"/v1/checks/{'x' * 5000}", 404),
        (f"/v1/checks/{uuid4()}", 404),
        ("/v1/checks?after=", 200),
        ("/v1/checks?after=a%00b", 422),
        ("/v1/checks?after=%FF", 422),
        ("/v1/checks?limit=0", 422),
        ("/v1/checks?limit=201", 422),
        ("/v1/checks?limit=1e3", 422),
        ("/v1/checks?limit=", 422),
        (f"/v1/checks?limit={'9' * 5000}", 422),
        ("/v1/checks?limit=1&limit=2", 422),
        ("/v1/checks?state=up&state=down", 422),
        ("/v1/checks?limit=1.0", 422),
        ("/v1/checks?%00=%00&&&=;%", 422),
        ("/v1/checks?state=DOWN", 422),
        (f"{check}/pings?limit=-1", 422),
        (f"{check}/pings/0/body", 422),
        (f"{check}/pings/{2**63 - 1}/body", 404),
        (f"{check}/pings/{2**63}/body", 422),
        (f"{check}/pings/x/body", 422),
        ("/v1/incidents?before=0", 422),
        (f"/v1/incidents?before={2**63 - 1}", 200),
        (f"/v1/incidents?before={10**30}", 422),
        ("/v1/incidents?open=perhaps", 422),
        ("/v1/incidents/-1", 422),
        ("/v1/incidents/1.5", 422),
        (f"/v1/incidents/{2**63 - 1}", 404),
        (f"/v1/incidents/{10**30}", 422),
        ("/v1/incidents/%00", 422),
        ("/v1/", 404),
        ("/v1", 404),
        ("/v1/nothing", 404),
        ("/v1/checks/", 404),
    ]:
        answer = await admin.get(address)
        assert answer.status_code == status, (address, answer.text)
        if status >= 400:
            problem(answer, status)
    for address, content, status in [
        (f"{incident}/acknowledge", b"", 200),
        (f"{incident}/acknowledge", b"null", 200),
        (f"{incident}/acknowledge", b"[]", 422),
        (f"{incident}/acknowledge", b"{", 422),
        (f"{incident}/acknowledge", b"\xff", 400),
        (f"{incident}/acknowledge", b"[" * 60_000, 400),
        (f"{incident}/acknowledge", b'{"occurrence": ' + b"9" * 5000 + b"}", 400),
        (f"{incident}/acknowledge", b'{"occurrence": 36893488147419103232}', 422),
        (f"{incident}/acknowledge", b'{"occurrence": 1.5}', 422),
        (f"{incident}/acknowledge", b'{"occurrence": NaN}', 422),
        (f"{incident}/acknowledge", b'{"occurence": 1}', 422),
        (f"{incident}/acknowledge", b'{"until": 1714712345}', 422),
        (f"{incident}/acknowledge", b'{"until": "2024-05-03T06:00:00"}', 422),
        (f"{incident}/acknowledge", b'{"until": "9999-12-31T23:59:59-23:00"}', 422),
        (f"{incident}/acknowledge", b'{"until": "tomorrow"}', 422),
        (f"{incident}/acknowledge", b'{"by": "a\\u0000b"}', 422),
        (f"{incident}/acknowledge", b'{"by": "a\\nb"}', 422),
        (f"{incident}/acknowledge", b'{"by": ""}', 422),
        (f"{incident}/acknowledge", b'{"by": "' + b"x" * 201 + b'"}', 422),
        (f"{incident}/acknowledge", b'{"by": "\\ud800"}', 422),
        (f"{incident}/snooze", b"", 422),
        (f"{incident}/snooze", b"{}", 422),
        (f"{incident}/note", b'{"words": "a\\u0000b"}', 422),
        (f"{incident}/note", b'{"words": "\\ud800"}', 422),
        (f"{incident}/note", b'{"words": ""}', 422),
        (f"{incident}/note", b'{"words": 5}', 422),
        (f"{incident}/note", b'{"words": "' + b"x" * 10_001 + b'"}', 422),
        (f"{incident}/note", '{"words": "späte Zeile\\n\\t✓ \\u00a0"}'.encode(), 200),
        (f"{incident}/note", b'{"words": "a\\u2028b"}', 422),
        ("/v1/checks/a%00b/pause", b"", 404),
        ("/v1/checks", b"", 405),
        (f"{incident}/resolve", b'{"by": "\xc3\xa9t\xc3\xa9"}', 200),
    ]:
        answer = await admin.post(address, content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == status, (address, content[:50], answer.text)
        if status >= 400:
            problem(answer, status)
    for content in (b"\xff\xfe", b"\0", b"checks: [", b"", b"- " * 50_000, b"a: &a [*a]"):
        answer = await admin.put("/v1/configuration", content=content)
        assert answer.status_code in (200, 422), (content[:20], answer.text)
    assert problem(await admin.put("/v1/configuration?name=a%00b"), 422)


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"limit": "x"}, "limit: must be a whole number from 1 to 200."),
        ({"state": "x"}, "state: must be one of new, up, late, down, unknown, paused."),
    ],
)
async def test_an_error_names_the_field(
    admin: httpx.AsyncClient, params: dict[str, str], sentence: str
) -> None:
    assert problem(await admin.get("/v1/checks", params=params), 422) == sentence


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ('{"until": "soon"}', "until: must be an instant with its zone, such as 2026-05-02T08:30:00Z."),
        ("{}", "until: is required."),
        ('{"until": "2024-05-03T06:00:00Z", "x": 1}', "x: is not a known field."),
        ('{"until": 1', "body: is not valid JSON (at character 11)."),
        ("", "body: is required."),
        ("5", "body: must be a JSON object, sent as application/json."),
    ],
)
async def test_an_error_names_the_field_of_the_body(
    admin: httpx.AsyncClient, body: str, sentence: str
) -> None:
    json = {"Content-Type": "application/json"}

    answer = await admin.post("/v1/incidents/1/snooze", content=body, headers=json)

    assert problem(answer, 422) == sentence


async def test_a_form_is_refused(admin: httpx.AsyncClient) -> None:
    answer = await admin.post("/v1/incidents/1/acknowledge", data={"by": "first"})

    assert problem(answer, 422) == "body: must be a JSON object, sent as application/json."


@pytest.mark.parametrize(
    ("verb", "address", "limit"),
    [
        ("POST", "/v1/incidents/1/note", 64_000),
        ("PUT", "/v1/status-pages/public", 128_000),
        ("PUT", "/v1/configuration", 50_000_000),
    ],
)
async def test_a_body_that_is_too_large_is_refused(
    admin: httpx.AsyncClient, verb: str, address: str, limit: int
) -> None:
    async def chunks(size: int) -> Any:
        for _ in range(size // 100_000):
            yield b" " * 100_000
        yield b" " * (size % 100_000)

    most = f"{limit // 1_000_000} MB" if limit > 1_000_000 else f"{limit // 1_000} kB"
    sentence = f"The body is too large. This address accepts at most {most}."
    json = {"Content-Type": "application/json"}
    for content in (b" " * (limit + 1), chunks(limit + 1)):
        answer = await admin.request(verb, address, content=content, headers=json)
        assert problem(answer, 413) == sentence
    for content in (b" " * limit, chunks(limit)):
        answer = await admin.request(verb, address, content=content, headers=json)
        assert answer.status_code in (200, 422)


@pytest.mark.parametrize("path", ["/v1/checks", "/sign-in", "/readyz", "/static/style.css", "/answer/x"])
async def test_an_address_with_very_many_parameters_is_refused(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"{path}?{'a=1&' * MOST_PARAMETERS}")
    assert answer.status_code == 414
    assert f"An address may have at most {MOST_PARAMETERS} parameters." in answer.text
    assert (await client.get(f"{path}?{'a=1&' * (MOST_PARAMETERS - 1)}")).status_code != 414


async def test_without_a_database_the_answer_is_503_with_retry_after(
    system: System, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_database(system, monkeypatch)

    for answer in (await admin.get("/v1/checks"), await admin.post("/v1/checks/job/pause")):
        assert problem(answer, 503) == "The database does not answer. It is safe to repeat the request."
        assert answer.headers["retry-after"] == "5"


async def test_an_internal_error_reveals_no_details(
    system: System, monkeypatch: pytest.MonkeyPatch, admin: httpx.AsyncClient
) -> None:
    def broken(_db: Connection) -> NoReturn:
        raise RuntimeError("the inside")

    monkeypatch.setattr(people, "PEOPLE", replace(people.PEOPLE, kind=replace(PERSON, load=broken)))
    transport = httpx.ASGITransport(app=system.asgi, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers=admin.headers
    ) as caller:
        answer = await caller.get("/v1/people")

    assert problem(answer, 500) == "Internal error. The log has the details."
    assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_an_invalid_host_header_breaks_nothing(admin: httpx.AsyncClient) -> None:
    for host in (b"[", b"a b", b"\xff", b"x:y:z", b""):
        answer = await admin.get("/v1/checks/none", headers={b"Host": host})
        assert problem(answer, 404)


async def test_every_response_has_the_security_headers(
    admin: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    for caller, address in (
        (admin, "/v1/checks"),
        (admin, "/v1/nothing"),
        (client, "/v1/checks"),
        (client, "/x"),
    ):
        headers = (await caller.get(address)).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"


async def test_outside_of_the_api_errors_are_html_or_plain_text(client: httpx.AsyncClient) -> None:
    html = await client.get("/nothing", headers={"Accept": "text/html"})
    plain = await client.get("/nothing")

    assert (html.status_code, html.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "This address does not exist." in html.text
    assert (plain.status_code, plain.text) == (404, "This address does not exist.")
