"""Who is asking: a key as a header, or a session of the console.

The browser holds a random token, the database its hash (`access.sign_in`). Over plain http, as on a machine of
one's own, browsers refuse cookies that are marked as secure, so that the name has no prefix there.
"""

import hmac
from base64 import b64decode
from binascii import Error as BadBase64
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import Connection
from starlette.responses import Response

from heartbeat.access import account, api_key, api_key_store, api_keys, session, sign_in, store
from heartbeat.access.account import User
from heartbeat.access.session import Session
from heartbeat.access.sign_in import ADMIN, Client, Gate
from heartbeat.actor import Actor, Role
from heartbeat.database import Unavailable
from heartbeat.http.context import Context
from heartbeat.http.problem import Forbidden, Forged, KeyRequired

COOKIE = "heartbeat"
PEER = "heartbeat.peer"
"""Where the address of the connection itself stands in the scope, once a proxy's word for it has been taken."""

BY_PROXY = "proxy"
"""How somebody has come in whom a trusted proxy names: they have no session here that could end."""

_SAFE = frozenset({"GET", "HEAD"})
_WANTED = "This wants a key, as 'Authorization: Bearer KEY' or 'X-Api-Key: KEY'."
_WRONG = "This is not a key that opens anything here: it may be mistyped, revoked or expired."
_ONLY_PINGS = "This key is only for pings; the API wants one with the scope read or write."

_bearer = HTTPBearer(auto_error=False, description="An API key, or the admin key.")
_api_key = APIKeyHeader(name="X-Api-Key", auto_error=False, description="An API key, or the admin key.")


def context_of(request: Request) -> Context:
    """The parts of the system that this request's application works with."""
    context: Context = request.app.state.context
    return context


async def _given(request: Request) -> Context:
    # A coroutine, since the framework would run a plain function in a thread.
    return context_of(request)


ContextDep = Annotated[Context, Depends(_given)]
"""What a route declares to be given the parts of the system."""


def is_admin_key(context: Context, given: str) -> bool:
    """Whether this is the admin key. How long it takes tells nothing of the key."""
    if not context.admin_key:
        return False
    return hmac.compare_digest(_digest(given), _digest(context.admin_key))


async def api_actor(
    request: Request,
    context: ContextDep,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    api_key: Annotated[str | None, Security(_api_key)],
) -> Actor:
    """Who calls the API. Raises `KeyRequired`.

    A session only reads: what changes something wants a header, which no foreign page makes a browser send.
    """
    given = bearer.credentials if bearer else api_key
    actor = await page_actor(request) if given is None and request.method in _SAFE else None
    return actor or await _holder(request, context, given)


async def reader(request: Request) -> Actor:
    """As `known`, for a page that stands among the API's addresses. Raises `KeyRequired`."""
    return await api_actor(request, context_of(request), await _bearer(request), await _api_key(request))


async def scrape_actor(request: Request, context: ContextDep) -> Actor:
    """As `known`, for what a Prometheus reads: it can also send the key as the password of any user.

    The rest of the API takes no passwords: a browser would send them along with a foreign page's request.
    """
    if context.ways.metrics_open:
        return Actor("anybody", Role.VIEWER, "open metrics", _remote(request))
    bearer = await _bearer(request)
    given = bearer.credentials if bearer else request.headers.get("x-api-key")
    return await _holder(request, context, given or _password(request))


NEEDED: dict[object, Role] = {}
"""The role that each of these dependencies of routes needs, for the description of the API."""


def needs(needed: Role) -> Any:
    """What a route that does not care who calls it depends on."""
    return Depends(_at_least(needed))


def _at_least(needed: Role) -> Callable[[Actor], Awaitable[Actor]]:
    async def check(actor: Annotated[Actor, Depends(api_actor)]) -> Actor:
        if not actor.role.may(needed):
            raise Forbidden(_too_little(actor, needed))
        return actor

    NEEDED[check] = needed
    return check


def _too_little(actor: Actor, needed: Role) -> str:
    """Of a key that only reads the scope is what is missing: its role counts only where it may write."""
    if actor.via.startswith("key ") and actor.role is Role.VIEWER:
        return (
            f"This needs a key with the scope write and the role {needed}; the key {actor.name} only reads."
        )
    return f"This needs the role {needed}; {actor.name} has the role {actor.role}."


Reader = Annotated[Actor, Depends(_at_least(Role.VIEWER))]
Responder = Annotated[Actor, Depends(_at_least(Role.RESPONDER))]
Admin = Annotated[Actor, Depends(_at_least(Role.ADMIN))]
"""What a route declares to be given who calls it, and to be refused to whoever may do less."""


def gate_of(request: Request) -> Gate:
    """What this process remembers of who tries to come in."""
    gate: Gate = request.app.state.gate
    return gate


def client_of(request: Request) -> Client:
    """Where a request comes from."""
    return Client(_remote(request), request.headers.get("user-agent", ""))


async def begin_session(request: Request, response: Response, user: User | None, how: str) -> None:
    """Begin a session for somebody who has proved who they are: a user, or who holds the admin key."""
    context, now, from_ = context_of(request), context_of(request).clock.now(), client_of(request)
    before, limits, proof = _token(request), context.ways.limits, _proof(context)

    def work(db: Connection) -> str:
        if user is not None:
            gate_of(request).forgive(db, user.name)
        return sign_in.begin(db, user, how, from_, now, limits, proof=proof, instead_of=before)

    token = await context.database.write(work)
    secure = _is_secure(context)
    response.set_cookie(
        _cookie(context),
        token,
        max_age=int(limits.longest.total_seconds()),
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )


async def end_session(request: Request, response: Response) -> None:
    """End the session, in the database and in this browser."""
    context, token = context_of(request), _token(request)
    actor = await page_actor(request)
    now = context.clock.now()
    await context.database.write(lambda db: sign_in.end(db, token, actor, now))
    response.delete_cookie(
        _cookie(context), path="/", secure=_is_secure(context), httponly=True, samesite="lax"
    )


async def page_actor(request: Request) -> Actor | None:
    """Who looks at the pages, or None where nobody has signed in."""
    found = await current_session(request)
    return sign_in.actor_of(found, _remote(request)) if found is not None else await _proxied(request)


async def is_still_signed_in(request: Request) -> bool:
    """Whether whoever has sent this, perhaps long ago, would be let in now. Asking does not use the session.

    Where the database is away nobody can tell, and nobody is put out.
    """
    try:
        return await _session(request) is not None or await _proxied(request) is not None
    except Unavailable:
        return True


async def current_session(request: Request) -> Session | None:
    """The session that this request belongs to; that it was seen is written down at most once a minute."""
    context, now = context_of(request), context_of(request).clock.now()
    found = await _session(request)
    if found is not None and session.wants_touch(found, now):
        number = found.id
        # While nothing can be written, what can be read must still be shown.
        with suppress(Unavailable):
            await context.database.write(lambda db: store.touch_session(db, number, now))
    return found


def csrf_token(request: Request) -> str:
    """What a form of this session must bring back in its field `csrf`."""
    return _signature(context_of(request), f"heartbeat form\n{_token(request) or _named_by_proxy(request)}")


def check_csrf(request: Request, form: Mapping[str, Any]) -> None:
    """Raise `Forged` where this form did not come from a page of ours in the same session."""
    check_origin(request)
    if not hmac.compare_digest(csrf_token(request).encode(), str(form.get("csrf", "")).encode()):
        raise Forged("This form is not of your session any more: load the page again and try again.")


def check_origin(request: Request) -> None:
    """Raise `Forged` where another site has made the browser send this."""
    if not _from_here(request):
        raise Forged("This form came from another site: open the page here and try again.")


def _from_here(request: Request) -> bool:
    """What the browser says of where a form comes from; one that says nothing is left to the token."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    # From pages that send no referrer, as ours, it is "null" and tells nothing (Fetch, "Origin" header).
    origin = request.headers.get("origin", "null")
    own = {request.headers.get("host", ""), urlsplit(context_of(request).public_url).netloc}
    return origin == "null" or origin.partition("://")[2] in own


async def _holder(request: Request, context: Context, given: str | None) -> Actor:
    if given is None:
        raise KeyRequired(_WANTED)
    if is_admin_key(context, given):
        return Actor(ADMIN, Role.ADMIN, "admin key", _remote(request))
    now = context.clock.now()
    found = (
        await context.database.read(lambda db: api_keys.valid_key(db, given, now))
        if api_keys.may_be_key(given)
        else None
    )
    if found is None:
        raise KeyRequired(_WRONG)
    if not found.reads:
        raise Forbidden(_ONLY_PINGS)
    if api_key.wants_touch(found, now):
        number = found.id
        # While nothing can be written, what can be read must still be answered.
        with suppress(Unavailable):
            await context.database.write(lambda db: api_key_store.touch(db, number, now))
    return Actor(found.name, found.acts_as, f"key {found.name}", _remote(request))


async def _session(request: Request) -> Session | None:
    token = _token(request)
    if not token:
        return None
    context, now = context_of(request), context_of(request).clock.now()
    limits, proof = context.ways.limits, _proof(context)
    return await context.database.read(lambda db: sign_in.valid_session(db, token, now, limits, proof))


def _named_by_proxy(request: Request) -> str:
    """Whom a trusted proxy names; nobody where the connection is not its own, or the header came twice."""
    proxy = context_of(request).ways.proxy
    if proxy is None:
        return ""
    peer = request.scope.get(PEER) or _remote(request)
    given = request.headers.getlist(proxy.user_header)
    return given[0] if len(given) == 1 and proxy.trusts(peer) else ""


async def _proxied(request: Request) -> Actor | None:
    """Who has come through a trusted proxy: by the role that it says, else by that of the user of this name."""
    context, proxy = context_of(request), context_of(request).ways.proxy
    try:
        name = account.name(_named_by_proxy(request))
    except account.Unfit:
        return None
    user = await context.database.read(lambda db: store.user(db, name))
    if proxy is None or (user is not None and not user.enabled):
        return None
    role = user.role if user is not None else Role.VIEWER
    if proxy.role_header:
        role = proxy.role(request.headers.get(proxy.role_header, ""))
    return Actor(name, role, BY_PROXY, _remote(request))


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


def _is_secure(context: Context) -> bool:
    return context.public_url.startswith("https://")


def _cookie(context: Context) -> str:
    return f"__Host-{COOKIE}" if _is_secure(context) else COOKIE


def _token(request: Request) -> str:
    return request.cookies.get(_cookie(context_of(request)), "")


def _proof(context: Context) -> str:
    """A fingerprint of the admin key, so that another key ends the sessions that began with this one."""
    return _signature(context, f"heartbeat admin key\n{_digest(context.admin_key).hex()}")


def _signature(context: Context, text: str) -> str:
    return hmac.new(context.secret_key.encode(), text.encode(), sha256).hexdigest()


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()
