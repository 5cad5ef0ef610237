"""Reading the API of another system: to the end of each list, patiently, and only at the address that was given."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from heartbeat.operations.come_over import command, source
from heartbeat.operations.come_over.command import SYSTEMS, TOKEN
from heartbeat.operations.come_over.source import Api, Export, Unread
from heartbeat.operations.serving_process import Failed
from tests.unit.operations.come_over.conftest import HERE, NOW, recorded

Handle = Callable[[httpx.Request], httpx.Response]


class Waiter:
    """Takes the time that a rate limit asks for."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)


async def fetched(system: str, handle: Handle, wait: Waiter | None = None) -> Export:
    """Return what is read from an API that answers like this."""
    async with httpx.AsyncClient(transport=httpx.MockTransport(handle)) as http:
        api = Api(http, "https://api.example.com", SYSTEMS[system].headers("secret"), wait or Waiter())
        return await SYSTEMS[system].fetch(api, NOW)


def pagerduty(request: httpx.Request) -> httpx.Response:
    """Answer like PagerDuty, with one entry a page; lists of schedules have no layers."""
    assert request.headers["authorization"] == "Token token=secret"
    export = recorded("pagerduty")
    name, _, number = request.url.path.removeprefix("/").partition("/")
    if number:
        number, _, more = number.partition("/")
        (schedule,) = [one for one in export[name] if one["id"] == number]
        overrides = schedule.pop("overrides")
        if more:
            assert request.url.params["since"] == "2026-10-05T12:00:00Z"
            return httpx.Response(200, json={"overrides": overrides})
        return httpx.Response(200, json={"schedule": schedule})
    offset = int(request.url.params["offset"])
    listed = [{key: value for key, value in one.items() if key != "schedule_layers"} for one in export[name]]
    page = listed[offset : offset + 1]
    return httpx.Response(
        200, json={name: page, "limit": 1, "offset": offset, "more": offset + 1 < len(listed)}
    )


def opsgenie(request: httpx.Request) -> httpx.Response:
    """Answer like Opsgenie, with one entry a page."""
    assert request.headers["authorization"] == "GenieKey secret"
    export = recorded("opsgenie")
    _, name, *rest = request.url.path.removeprefix("/").split("/")
    if rest:
        (one,) = [one for one in export[name] if one["id"] == rest[0]]
        if rest[1:]:
            field = {"notification-rules": "notificationRules"}.get(rest[1], rest[1])
            return httpx.Response(200, json={"data": one.get(field, [])})
        return httpx.Response(200, json={"data": {k: v for k, v in one.items() if k != "notificationRules"}})
    offset = int(request.url.params.get("offset", 0))
    hidden = ("members", "userContacts", "notificationRules", "overrides")
    page = [
        {key: value for key, value in one.items() if key not in hidden}
        for one in export[name][offset : offset + 1]
    ]
    following = {"next": f"https://api.example.com/v2/{name}?offset={offset + 1}"}
    return httpx.Response(
        200, json={"data": page, "paging": following if offset + 1 < len(export[name]) else {}}
    )


def grafana(request: httpx.Request) -> httpx.Response:
    """Answer like Grafana OnCall, with one entry a page."""
    assert request.headers["authorization"] == "secret"
    name = request.url.path.split("/")[3]
    listed = recorded("grafana")[name]
    number = int(request.url.params.get("page", 1))
    following = f"https://api.example.com/api/v1/{name}/?page={number + 1}" if number < len(listed) else None
    page = listed[number - 1 : number]
    return httpx.Response(
        200, json={"count": len(listed), "next": following, "previous": None, "results": page}
    )


def goalert(request: httpx.Request) -> httpx.Response:
    """Answer like GoAlert, with one entry a page."""
    assert request.headers["authorization"] == "Bearer secret"
    asked = json.loads(request.content)
    name = asked["query"].partition("{")[2].partition("(")[0].strip()
    listed = recorded("goalert")[name]
    offset = int(asked["variables"]["input"]["after"] or 0)
    info = {"endCursor": str(offset + 1), "hasNextPage": offset + 1 < len(listed)}
    return httpx.Response(
        200, json={"data": {name: {"nodes": listed[offset : offset + 1], "pageInfo": info}}}
    )


@pytest.mark.parametrize(
    ("system", "handle"),
    [("pagerduty", pagerduty), ("opsgenie", opsgenie), ("oncall", grafana), ("goalert", goalert)],
)
async def test_every_list_is_read_to_its_end(system: str, handle: Handle) -> None:
    export = recorded({"oncall": "grafana"}.get(system, system))
    read = await fetched(system, handle)
    if system == "opsgenie":
        for user in export["users"]:
            user.setdefault("notificationRules", [])
    assert read == export


async def test_a_rate_limit_is_waited_out() -> None:
    answers = [httpx.Response(429, headers={"Retry-After": "7"}), httpx.Response(429)]
    wait = Waiter()

    def handle(request: httpx.Request) -> httpx.Response:
        return answers.pop(0) if answers else grafana(request)

    assert (await fetched("oncall", handle, wait))["users"]
    assert wait.waits == [7.0, 10.0]


async def test_the_token_goes_to_no_other_address() -> None:
    asked = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(
            200, json={"results": [], "next": "https://evil.example.net/api/v1/users/?page=2"}
        )

    with pytest.raises(Unread, match=r"leads to another address, evil\.example\.net"):
        await fetched("oncall", handle)
    assert asked == ["api.example.com"]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (httpx.Response(401), "401 Unauthorized. Look at the address and the token."),
        (httpx.Response(302, headers={"Location": "https://evil.example.net"}), "302 Found."),
        (httpx.Response(200, text="<html>"), "the answer is not JSON."),
    ],
)
async def test_an_answer_that_is_none_is_one_sentence(answer: httpx.Response, sentence: str) -> None:
    with pytest.raises(Unread, match=sentence):
        await fetched("oncall", lambda _: answer)


async def test_a_list_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MOST_REQUESTS", 5)
    endless: Mapping[str, Any] = {"results": [{}], "next": "https://api.example.com/api/v1/users/"}
    with pytest.raises(Unread, match="more than 5 requests"):
        await fetched("oncall", lambda _: httpx.Response(200, json=endless))


@pytest.mark.parametrize("system", ["pagerduty", "opsgenie", "oncall", "goalert"])
async def test_a_file_is_printed_with_what_has_no_counterpart(
    system: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = HERE / f"{ {'oncall': 'grafana'}.get(system, system) }.json"
    assert await command.run(system, str(file), {}) == 0
    said = capsys.readouterr()
    assert f"# From {SYSTEMS[system].name}." in said.out
    assert "rotations:\n" in said.out
    comments = [line.removeprefix("# ") for line in said.out.splitlines() if line.startswith("# - ")]
    assert said.err.splitlines()[1:] == comments
    assert len(comments) > 3


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[]", "must be one JSON object"),
        ("{", "is not JSON"),
        ('{"users": 1}', "users: must be a list"),
        ('{"users": [{"id": 1}]}', "This is not what the API of PagerDuty returns: KeyError"),
    ],
)
async def test_a_file_that_is_no_export_is_one_sentence(tmp_path: Path, content: str, sentence: str) -> None:
    file = tmp_path / "export.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(Failed, match=sentence):
        await command.run("pagerduty", str(file), {})


async def test_an_api_needs_a_token() -> None:
    with pytest.raises(Failed, match=f"Set {TOKEN} to a token for the API of Opsgenie"):
        await command.run("opsgenie", "https://api.opsgenie.com", {})
