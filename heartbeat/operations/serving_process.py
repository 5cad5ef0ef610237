"""The process that serves a SQLite file, asked by a command that may not write to it."""

from typing import Any

import httpx

from heartbeat import settings
from heartbeat.settings import Settings

PATIENCE = 60.0
"""Seconds that the serving process has for its answer."""


class Failed(Exception):
    """The command could not do its work: one sentence why, and what to do."""


async def ask(address: str, given: Settings, method: str, path: str, **more: Any) -> httpx.Response:
    """What the serving process answers to the admin key. Raises `Failed` where it does not answer."""
    key = given.admin_key or settings.kept_secret(given, "admin-key")
    headers = {"Authorization": f"Bearer {key}", **more.pop("headers", {})}
    try:
        # It is on this machine: no proxy of the environment knows the way.
        async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as http:
            return await http.request(method, f"{address}{path}", headers=headers, **more)
    except httpx.HTTPError as error:
        raise Failed(f"The serving process at {address} did not answer: {type(error).__name__}.") from None


def refused(address: str, answer: httpx.Response) -> Failed:
    """What to say where it answered, and did not do it."""
    try:
        told = answer.json().get("detail", answer.status_code)
    except (ValueError, AttributeError):
        told = answer.status_code
    return Failed(f"The serving process at {address} refused: {told}")
