"""Long bodies of the API are parsed outside of the event loop, and so are long answers written."""

import json
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from heartbeat.http import v1
from heartbeat.http.v1 import keyed
from tests.unit.http.v1.conftest import problem


class Threads:
    """Records the thread in which a function of a room runs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: object, name: str) -> None:
        self.used: list[int] = []
        original: Callable[..., Any] = getattr(room, name)

        def recorded(*arguments: Any) -> Any:
            self.used.append(threading.get_ident())
            return original(*arguments)

        monkeypatch.setattr(room, name, recorded)


def a_body(length: int) -> bytes:
    body = {"schedule": "5m", "description": ""}
    body["description"] = "x" * (length - len(json.dumps(body)))
    return json.dumps(body).encode()


@pytest.mark.parametrize(("length", "apart"), [(keyed.PARSED_AT_ONCE, False), (60_000, True)])
async def test_a_long_body_is_parsed_in_a_thread_of_its_own(
    admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, length: int, apart: bool
) -> None:
    threads = Threads(monkeypatch, keyed, "_parsed")
    answer = await admin.put(
        "/v1/checks/job", content=a_body(length), headers={"content-type": "application/json"}
    )
    assert "description" in problem(answer, 422)
    (thread,) = threads.used
    assert (thread != threading.get_ident()) is apart


async def test_a_long_body_that_is_no_json_is_refused_in_words(admin: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json"}
    for content in (b"[" * 60_000, b"\xff" * 60_000, b'{"a": ' + b"1" * 50_000 + b"}"):
        answer = await admin.put("/v1/checks/job", content=content, headers=headers)
        assert answer.status_code in (400, 422), answer.text
        assert problem(answer, answer.status_code)


async def test_the_changes_of_a_configuration_are_written_in_a_thread(
    admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = Threads(monkeypatch, v1, "_changes")
    answer = await admin.put("/v1/configuration", content="checks: {nightly: {every: 1h}}")
    assert answer.json()["changes"]
    assert answer.headers["content-type"] == "application/json"
    assert threading.get_ident() not in threads.used
