"""Reads what another system has: from a file with the answers of its API, or from the API itself.

The token goes only to the address that was given. Every list is read to its end, within bounds.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urljoin, urlsplit

import httpx

from heartbeat.operations.come_over import goalert, grafana, opsgenie, pagerduty
from heartbeat.operations.come_over.collected import NotAnExport

MOST_REQUESTS: Final = 5_000
MOST_BYTES: Final = 100_000_000
"""The size of a file, and of all answers together."""
PATIENCE: Final = 30.0
"""Seconds that one request may take."""
LONGEST_WAIT: Final = 60.0
"""Seconds for which a rate limit is waited out, each time."""
TRIES: Final = 5
AHEAD: Final = timedelta(days=90)
"""The time for which coming overrides are read."""
_A_PAGE: Final = 100

Export = dict[str, list[dict[str, Any]]]
Wait = Callable[[float], Awaitable[None]]


class Unread(Exception):
    """Nothing could be read. The message is one sentence."""


def of_file(path: Path) -> Export:
    """Return the lists in a file. Raises `Unread`."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise Unread(f"{path}: is larger than {MOST_BYTES // 1_000_000} MB.")
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise Unread(f"{path}: cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError):
        raise Unread(f"{path}: is not JSON in UTF-8.") from None
    if not isinstance(content, dict):
        raise Unread(f"{path}: must be one JSON object with the lists of the API by name.")
    return content


class Api:
    """The API of another system at an address."""

    def __init__(
        self, http: httpx.AsyncClient, home: str, headers: Mapping[str, str], wait: Wait = asyncio.sleep
    ) -> None:
        self._http = http
        self._home = home.rstrip("/") + "/"
        self._headers = headers
        self._wait = wait
        self._requests = self._bytes = 0

    async def get(self, path: str) -> Any:
        """Return the answer to a path, or to a whole address of the same origin. Raises `Unread`."""
        return await self._ask("GET", path)

    async def query(self, path: str, text: str, variables: Mapping[str, object]) -> Any:
        """Return the data of a GraphQL query. Raises `Unread`."""
        answer = await self._ask("POST", path, {"query": text, "variables": variables})
        if answer.get("errors"):
            raise Unread(f"{self._home}: {answer['errors'][0].get('message', 'it refused the query')}.")
        return answer["data"]

    async def _ask(self, verb: str, path: str, body: object = None) -> Any:
        url = urljoin(self._home, path.lstrip("/") if "://" not in path else path)
        if urlsplit(url)[:2] != urlsplit(self._home)[:2]:
            raise Unread(f"{self._home}: its answer leads to another address, {urlsplit(url).netloc}.")
        for _ in range(TRIES):
            response = await self._once(verb, url, body)
            if response.status_code != 429:
                break
            seconds = response.headers.get("retry-after", "")
            await self._wait(min(float(seconds) if seconds.isdigit() else 10.0, LONGEST_WAIT))
        if not response.is_success:
            raise Unread(
                f"{url}: {response.status_code} {response.reason_phrase}. Look at the address and the token."
            )
        try:
            return response.json()
        except ValueError:
            raise Unread(f"{url}: the answer is not JSON.") from None

    async def _once(self, verb: str, url: str, body: object) -> httpx.Response:
        self._requests += 1
        if self._requests > MOST_REQUESTS:
            raise Unread(f"{self._home}: more than {MOST_REQUESTS:,} requests would be needed.")
        try:
            response = await self._http.request(
                verb, url, headers=dict(self._headers), json=body, timeout=PATIENCE
            )
        except httpx.HTTPError as error:
            raise Unread(f"{url}: cannot be reached: {error or type(error).__name__}.") from None
        self._bytes += len(response.content)
        if self._bytes > MOST_BYTES:
            raise Unread(f"{self._home}: its answers are larger than {MOST_BYTES // 1_000_000} MB.")
        return response


async def of_pagerduty(api: Api, now: datetime) -> Export:
    """Return the lists of PagerDuty. Schedules are read one by one, with their layers and coming overrides."""
    export: Export = {}
    for name, path in pagerduty.PATHS.items():
        entries: list[dict[str, Any]] = []
        more = True
        while more:
            mark = "&" if "?" in path else "?"
            page = await api.get(f"{path}{mark}limit={_A_PAGE}&offset={len(entries)}")
            entries += page[name]
            more = bool(page.get("more")) and bool(page[name])
        export[name] = entries
    schedules = []
    span = f"since={now:%Y-%m-%dT%H:%M:%SZ}&until={now + AHEAD:%Y-%m-%dT%H:%M:%SZ}"
    for schedule in export["schedules"]:
        path = f"/schedules/{quote(schedule['id'], safe='')}"
        overrides = (await api.get(f"{path}/overrides?{span}"))["overrides"]
        schedules.append((await api.get(path))["schedule"] | {"overrides": overrides})
    export["schedules"] = schedules
    return export


async def of_opsgenie(api: Api, _now: datetime) -> Export:
    """Return the lists of Opsgenie. Teams and users are read one by one, with members and contacts."""
    export = {name: await _linked(api, path, "data") for name, path in opsgenie.PATHS.items()}
    export["teams"] = [
        (await api.get(f"/v2/teams/{quote(team['id'], safe='')}?identifierType=id"))["data"]
        for team in export["teams"]
    ]
    users = []
    for user in export["users"]:
        path = f"/v2/users/{quote(user['id'], safe='')}"
        rules = (await api.get(f"{path}/notification-rules"))["data"]
        users.append((await api.get(f"{path}?expand=contact"))["data"] | {"notificationRules": rules})
    export["users"] = users
    for schedule in export["schedules"]:
        path = f"/v2/schedules/{quote(schedule['id'], safe='')}/overrides?scheduleIdentifierType=id"
        schedule["overrides"] = (await api.get(path))["data"]
    return export


async def of_grafana(api: Api, _now: datetime) -> Export:
    """Return the lists of Grafana OnCall."""
    return {name: await _linked(api, path, "results") for name, path in grafana.PATHS.items()}


async def of_goalert(api: Api, _now: datetime) -> Export:
    """Return the lists of GoAlert."""
    export: Export = {}
    for name, (options, fields) in goalert.QUERIES.items():
        text = (
            f"query($input: {options}) {{ {name}(input: $input) "
            f"{{ nodes {{ {fields} }} pageInfo {{ endCursor hasNextPage }} }} }}"
        )
        entries: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = (await api.query("/api/graphql", text, {"input": {"first": _A_PAGE, "after": cursor}}))[
                name
            ]
            entries += page["nodes"]
            cursor = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        export[name] = entries
    return export


async def _linked(api: Api, path: str, name: str) -> list[dict[str, Any]]:
    """Return a list whose answers lead to their next part."""
    entries: list[dict[str, Any]] = []
    following: str | None = path
    while following:
        page = await api.get(following)
        if not isinstance(page.get(name), list):
            raise NotAnExport(f"{path}: the answer has no list {name!r}.")
        entries += page[name]
        following = page.get("next") or (page.get("paging") or {}).get("next")
    return entries
