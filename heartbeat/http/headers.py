"""The security headers of every response: load nothing foreign, guess no types, cache nothing, send no referrer.

Sources: CSP Level 3, Fetch (nosniff), Referrer Policy, RFC 9111.
"""

from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

ALWAYS: Mapping[str, str] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    # The address of a signed link carries the right to answer.
    "Referrer-Policy": "no-referrer",
    # Almost everything needs a key. Public responses set their own value.
    "Cache-Control": "no-store",
}


TLS_ONLY: Mapping[str, str] = {"Strict-Transport-Security": "max-age=31536000"}
"""Where people use https: browsers ask by https from then on (RFC 6797). Other hosts of the domain are left alone."""


def needed(public_url: str) -> Mapping[str, str]:
    """Return the headers of every response of a service with this address."""
    return {**ALWAYS, **TLS_ONLY} if public_url.startswith("https://") else ALWAYS


class Headers:
    """Adds these headers to each response that does not set them itself."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str] = ALWAYS) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)
