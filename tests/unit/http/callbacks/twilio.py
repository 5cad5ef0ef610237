"""Twilio, as the tests play it: it takes messages and calls, and calls back with its signature."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

from alerting.notifiers import twilio

PUBLIC = "https://hb.example.com/ops"
ACCOUNT, TOKEN = f"AC{32 * 'a'}", "t0ken-of-the-account"
SETTINGS = {"account_sid": ACCOUNT, "auth_token": TOKEN, "from": "+15005550006"}


class Twilio:
    """It queues everything under an id of its own. `lost` answers never come back."""

    def __init__(self) -> None:
        self.forms: list[dict[str, str]] = []
        self.lost = False

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"].startswith("Basic ")
        self.forms.append(dict(parse_qsl(request.content.decode())))
        if self.lost:
            await request.extensions["trace"]("http11.send_request_body.complete", {"request": request})
            raise httpx.ReadTimeout("no answer", request=request)
        letters = "SM" if request.url.path.endswith("/Messages.json") else "CA"
        said = json.dumps({"sid": sid(len(self.forms), letters), "status": "queued"})
        # A body of a stream can be read piece by piece, as one from the network.
        return httpx.Response(201, stream=httpx.ByteStream(said.encode()))


def sid(number: int, letters: str = "SM") -> str:
    """The id under which Twilio has taken a message or a call, counted from 1."""
    return f"{letters}{number:032x}"


async def call(
    client: httpx.AsyncClient, kind: str, token: str = TOKEN, url: str = "", **form: Any
) -> httpx.Response:
    """Twilio calls back. The proxy in front of the service takes its public address off."""
    url = url or f"{PUBLIC}/callbacks/{kind}"
    signed = twilio.signature(token, url, list(form.items())).decode()
    headers = {"X-Twilio-Signature": signed, "Content-Type": "application/x-www-form-urlencoded"}
    parts = urlsplit(url)
    path = parts.path.removeprefix("/ops") + (f"?{parts.query}" if parts.query else "")
    return await client.post(path, content=urlencode(form), headers=headers)
