"""Forms: what can be judged before is judged before, and what is read is bounded."""

from urllib.parse import urlencode

import httpx
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from heartbeat.app import System
from heartbeat.http import app as http_app
from heartbeat.http import forms
from heartbeat.http.asgi import Message
from tests.unit.http.conftest import SetClock
from tests.unit.http.pings.conftest import call

TYPE = b"application/x-www-form-urlencoded"
FORM = [(b"content-type", TYPE), (b"content-length", b"10000")]
FOREIGN = [*FORM, (b"sec-fetch-site", b"cross-site")]


async def read(
    body: bytes, kind: bytes = TYPE, limit: int = forms.LIMIT, fields: int = 3
) -> list[tuple[str, str]]:
    """Return the fields of a form that arrives in pieces."""
    pieces = [body[at : at + 10_000] for at in range(0, len(body), 10_000)] or [b""]

    async def receive() -> Message:
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    request = Request({"type": "http", "headers": [(b"content-type", kind)]}, receive)
    return [(name, str(value)) for name, value in (await forms.read(request, fields, limit)).multi_items()]


@pytest.mark.parametrize(
    "pairs", [[], [("name", "Änna & co"), ("empty", ""), ("name", "\x00+%\n")], [("text", "字" * 10_000)]]
)
async def test_a_form_is_read_as_a_browser_writes_it(pairs: list[tuple[str, str]]) -> None:
    assert await read(urlencode(pairs).encode()) == pairs
    assert await read(urlencode(pairs).encode(), TYPE + b"; charset=utf-8") == pairs


async def test_a_form_has_its_limit() -> None:
    assert await read(b"a=" + b"x" * 14_000, limit=forms.STRANGERS_LIMIT) == [("a", "x" * 14_000)]
    with pytest.raises(HTTPException, match="It may have at most 16 kB") as refused:
        await read(b"a=" + b"x" * 16_000, limit=forms.STRANGERS_LIMIT)
    assert refused.value.status_code == 413


@pytest.mark.parametrize("body", [b"a=1&b=2&c=3&d=4", b"&" * 16_000, b"&" * 128_000])
async def test_a_form_with_too_many_fields_is_refused(body: bytes) -> None:
    with pytest.raises(HTTPException, match=r"too many fields\. It may have at most 3") as refused:
        await read(body)
    assert refused.value.status_code == 400


async def test_other_types_are_no_form(caplog: pytest.LogCaptureFixture) -> None:
    assert await read(b'{"a": 1}', b"application/json") == []
    with pytest.raises(HTTPException, match="Send the form as application/x-www-form-urlencoded") as refused:
        await read(b"--x\r\nnothing sensible", b"multipart/form-data; boundary=x")
    assert refused.value.status_code == 415
    assert caplog.records == []


async def test_nothing_of_a_body_is_read_before_its_sender_is_judged(system: System, clock: SetClock) -> None:
    """The body never comes: whoever waits for it waits for ever."""

    async def asked(path: str, headers: list[tuple[bytes, bytes]] = FORM) -> int:
        return await call(system, path, messages=[], headers=headers)

    for path in ("/sign-in", "/join/abc", "/sign-out", "/answer/abc"):
        assert await asked(path, FOREIGN) in (403, 410), path
    assert await asked("/join/abc") == 410
    assert await asked("/answer/abc") == 410
    assert await asked("/callbacks/nobody") == 404
    assert await asked("/account/password") in (303, 404)
    assert await asked("/v1/keys") == 401
    assert await asked("/v1/keys", [*FORM, (b"x-api-key", b"hb_wrong")]) == 401


async def test_an_address_with_too_many_attempts_is_refused_before_its_body(
    system: System, client: httpx.AsyncClient
) -> None:
    for _ in range(11):
        refused = await client.post("/sign-in", data={"name": "anna", "password": "x" * 12})
        subscribed = await client.post("/status/public/subscribe", data={"address": "anna@example.com"})
    assert (refused.status_code, subscribed.status_code) == (429, 429)
    for path in ("/sign-in", "/status/public/subscribe"):
        assert await call(system, path, messages=[], headers=FORM, client=("127.0.0.1", 1)) == 429


async def test_every_change_by_the_api_asks_for_the_key_first(system: System) -> None:
    application = http_app.build(system.context)
    described = application.openapi()
    changes = [
        (verb.upper(), path)
        for path, operations in described["paths"].items()
        for verb, operation in operations.items()
        if "requestBody" in operation
    ]
    assert len(changes) > 20
    headers = [(b"content-type", b"application/json"), (b"content-length", b"10000")]
    for verb, path in changes:
        assert await call(system, path, messages=[], headers=headers, method=verb) == 401, (verb, path)
