"""The process that serves a SQLite file. Commands ask it for changes that they may not write themselves."""

from typing import Any

import httpx

from alerting.notifiers.transport.tls import trusting
from heartbeat.settings import Settings, kept_secret

PATIENCE = 60.0
"""Seconds that the serving process has to answer."""


class Failed(Exception):
    """A command failed; one sentence says why, and what to do."""


async def ask(address: str, settings: Settings, method: str, path: str, **request: Any) -> httpx.Response:
    """Send a request with the admin key, and return the response. Raises `Failed` if there is none."""
    key = settings.admin_key or kept_secret(settings, "admin-key")
    headers = {"Authorization": f"Bearer {key}", **request.pop("headers", {})}
    try:
        # The process is on this machine: no proxy of the environment is needed.
        async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False, verify=trusting()) as http:
            return await http.request(method, f"{address}{path}", headers=headers, **request)
    except httpx.HTTPError as error:
        raise Failed(
            f"The serving process at {address} did not answer: {type(error).__name__}. Run heartbeat doctor."
        ) from None


def refused(address: str, response: httpx.Response) -> Failed:
    """Return the error for a response without success."""
    try:
        detail = response.json().get("detail", response.status_code)
    except (ValueError, AttributeError):
        detail = response.status_code
    return Failed(f"The serving process at {address} refused: {detail}")
