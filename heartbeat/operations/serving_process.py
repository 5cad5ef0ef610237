"""The process that serves a SQLite file. Commands ask it for changes that they may not write themselves."""

from datetime import timedelta
from typing import Any

import httpx

from alerting.notifiers.transport import egress
from heartbeat import notifier_clients
from heartbeat.data_directory import kept_secret
from heartbeat.settings import Settings

PATIENCE = 60.0
"""Seconds that the serving process has to answer."""


class Failed(Exception):
    """A command failed; one sentence says why, and what to do."""


async def ask(
    address: str, settings: Settings, method: str, path: str, *, within: float = PATIENCE, **request: Any
) -> httpx.Response:
    """Send a request with the admin key, and return the response. Raises `Failed` if none comes `within` seconds."""
    key = settings.admin_key or kept_secret(settings, "admin-key")
    headers = {"Authorization": f"Bearer {key}", **request.pop("headers", {})}
    try:
        async with asking(settings, headers) as http:
            return await http.request(method, f"{address}{path}", timeout=within, **request)
    except httpx.HTTPError as error:
        fault = egress.reason(httpx.URL(address).netloc.decode("ascii"), error, timedelta(seconds=within))
        raise Failed(
            f"The serving process at {address} did not answer: {fault}. Run heartbeat doctor."
        ) from None


def asking(settings: Settings, headers: dict[str, str] | None = None) -> httpx.AsyncClient:
    """Return a client for the service itself, without a proxy. No silent name server keeps the command waiting."""
    return egress.client(notifier_clients.fence_of_own(settings), headers=headers)


def refused(address: str, response: httpx.Response) -> Failed:
    """Return the error for a response without success."""
    try:
        detail = response.json().get("detail", response.status_code)
    except (ValueError, AttributeError):
        detail = response.status_code
    return Failed(f"The serving process at {address} refused: {detail}")
