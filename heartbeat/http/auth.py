"""Who is asking: the admin key as a header, or a session that began with it.

A session is a signed cookie: when it ends, a random part, and HMAC-SHA256 (RFC 2104) over both and over a
fingerprint of the admin key, so that another key ends every session. Nothing is kept here: signing out only
takes the cookie away.
"""

import hmac
import secrets
from base64 import b64decode
from binascii import Error as BadBase64
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from starlette.responses import Response

from heartbeat.http.door import Door
from heartbeat.http.problem import Forbidden, Forged, KeyWanted
from heartbeat.who import Role, Who

ADMIN = "admin"
"""The name of the one actor there is until there are users."""
COOKIE = "heartbeat_session"
SESSION_LASTS = timedelta(hours=12)
TRIES = 10
TRIES_PER = timedelta(minutes=1)
MAX_ADDRESSES = 10_000
"""Addresses whose tries are remembered at a time."""

_SAFE = frozenset({"GET", "HEAD"})
_WANTED = "This wants the admin key, as 'Authorization: Bearer KEY' or 'X-Api-Key: KEY'."
_WRONG = "This is not the admin key."

_bearer = HTTPBearer(auto_error=False, description="The admin key.")
_api_key = APIKeyHeader(name="X-Api-Key", auto_error=False, description="The admin key.")


class Tries:
    """Counts tries to sign in: `TRIES` an address in `TRIES_PER`, in bounded memory."""

    def __init__(self) -> None:
        self._windows: OrderedDict[str, tuple[datetime, int]] = OrderedDict()

    def another(self, address: str, now: datetime) -> bool:
        """Whether this address may try once more; counts the try."""
        began, count = self._windows.pop(address, (now, 0))
        if now - began >= TRIES_PER:
            began, count = now, 0
        self._windows[address] = began, count + 1
        if len(self._windows) > MAX_ADDRESSES:
            self._windows.popitem(last=False)
        return count < TRIES


def door_of(request: Request) -> Door:
    """The parts of the system that this request's application works with."""
    door: Door = request.app.state.door
    return door


async def _given(request: Request) -> Door:
    # A coroutine, since the framework would run a plain function in a thread.
    return door_of(request)


Given = Annotated[Door, Depends(_given)]
"""What a route declares to be given the parts of the system."""


def key_matches(door: Door, given: str) -> bool:
    """Whether this is the admin key. How long it takes tells nothing of the key."""
    if not door.admin_key:
        return False
    return hmac.compare_digest(_digest(given), _digest(door.admin_key))


async def known(
    request: Request,
    door: Given,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    api_key: Annotated[str | None, Security(_api_key)],
) -> Who:
    """Who calls the API. Raises `KeyWanted`.

    A session only reads: what changes something wants a header, which no foreign page makes a browser send.
    """
    given = bearer.credentials if bearer else api_key
    actor = page_actor(request) if given is None and request.method in _SAFE else None
    return actor or _holder(request, door, given)


async def scrape_actor(request: Request, door: Given) -> Who:
    """As `known`, for what a Prometheus reads: it can also send the key as the password of any user.

    The rest of the API takes no passwords: a browser would send them along with a foreign page's request.
    """
    bearer = await _bearer(request)
    given = bearer.credentials if bearer else request.headers.get("x-api-key")
    return _holder(request, door, given or _password(request))


def needs(needed: Role) -> Any:
    """What a route that does not care who calls it depends on."""
    return Depends(_at_least(needed))


def _at_least(needed: Role) -> Callable[[Who], Awaitable[Who]]:
    async def check(who: Annotated[Who, Depends(known)]) -> Who:
        if not who.role.may(needed):
            raise Forbidden(f"This needs the role {needed}; {who.name} has the role {who.role}.")
        return who

    return check


Reader = Annotated[Who, Depends(_at_least(Role.VIEWER))]
Responder = Annotated[Who, Depends(_at_least(Role.RESPONDER))]
Admin = Annotated[Who, Depends(_at_least(Role.ADMIN))]
"""What a route declares to be given who calls it, and to be refused to whoever may do less."""


def may_try(request: Request) -> bool:
    """Whether the address that this comes from may try to sign in once more; counts the try."""
    tries: Tries = request.app.state.tries
    return tries.another(_remote(request), door_of(request).clock.now())


def sign_in(door: Door, response: Response) -> None:
    """Begin a session for who has shown the admin key."""
    ends = int((door.clock.now() + SESSION_LASTS).timestamp())
    begun = f"{ends}.{secrets.token_urlsafe(16)}"
    response.set_cookie(
        COOKIE,
        f"{begun}.{_session_signature(door, begun)}",
        max_age=int(SESSION_LASTS.total_seconds()),
        path="/",
        secure=door.public_url.startswith("https://"),
        httponly=True,
        samesite="lax",
    )


def sign_out(response: Response) -> None:
    """End the session in this browser."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")


def page_actor(request: Request) -> Who | None:
    """Who looks at the pages, or None where nobody has signed in."""
    door = door_of(request)
    begun, _, signature = request.cookies.get(COOKIE, "").rpartition(".")
    if not hmac.compare_digest(_session_signature(door, begun).encode(), signature.encode()):
        return None
    ends = datetime.fromtimestamp(int(begun.partition(".")[0]), UTC)
    return Who(ADMIN, Role.ADMIN, "session", _remote(request)) if door.clock.now() < ends else None


def csrf_token(request: Request) -> str:
    """What a form of this session must bring back in its field `csrf`."""
    session = request.cookies.get(COOKIE, "")
    return _signature(door_of(request), f"heartbeat form\n{session}")


def check_csrf(request: Request, form: Mapping[str, Any]) -> None:
    """Raise `Forged` where this form did not come from a page of ours in the same session."""
    if not _from_here(request):
        raise Forged("This form came from another site: open the page here and try again.")
    if not hmac.compare_digest(csrf_token(request).encode(), str(form.get("csrf", "")).encode()):
        raise Forged("This form is not of your session any more: load the page again and try again.")


def _from_here(request: Request) -> bool:
    """What the browser says of where a form comes from; one that says nothing is left to the token."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    # From pages that send no referrer, as ours, it is "null" and tells nothing (Fetch, "Origin" header).
    origin = request.headers.get("origin", "null")
    own = {request.headers.get("host", ""), urlsplit(door_of(request).public_url).netloc}
    return origin == "null" or origin.partition("://")[2] in own


def _holder(request: Request, door: Door, given: str | None) -> Who:
    if given is None:
        raise KeyWanted(_WANTED)
    if not key_matches(door, given):
        raise KeyWanted(_WRONG)
    return Who(ADMIN, Role.ADMIN, "admin key", _remote(request))


def _remote(request: Request) -> str:
    return request.client.host if request.client else ""


def _password(request: Request) -> str | None:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return b64decode(encoded, validate=True).decode().partition(":")[2]
    except (BadBase64, ValueError):
        return None


def _session_signature(door: Door, begun: str) -> str:
    return _signature(door, f"heartbeat session\n{_digest(door.admin_key).hex()}\n{begun}")


def _signature(door: Door, text: str) -> str:
    return hmac.new(door.secret_key.encode(), text.encode(), sha256).hexdigest()


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()
