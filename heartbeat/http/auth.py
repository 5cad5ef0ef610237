"""The actor of a request: by a key in a header, a session of the console, or a trusted proxy.

The browser holds a random token, the database its hash (`access.sign_in`). Over plain http, browsers refuse cookies
that are marked as secure, so the cookie has no prefix in its name there.
"""

import hmac
from base64 import b64decode
from binascii import Error as BadBase64
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from math import ceil
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import Connection
from starlette.responses import Response

from heartbeat import public_address
from heartbeat.access import account, api_key, api_key_store, api_keys, session, sign_in, store
from heartbeat.access.account import User
from heartbeat.access.session import Session
from heartbeat.access.sign_in import ADMIN, Client, Gate
from heartbeat.actor import Actor, Role
from heartbeat.database import Unavailable
from heartbeat.http.asgi import ACTOR
from heartbeat.http.context import Context
from heartbeat.http.problem import Forbidden, Forged, KeyRequired, TooManyKeys

COOKIE = "heartbeat"
PEER = "heartbeat.peer"
"""The key in the ASGI scope for the address of the connection itself, which a proxy's header does not replace."""

BY_PROXY = "proxy"
"""The `via` of an actor whom a trusted proxy names. They have no session here that could end."""

_SAFE = frozenset({"GET", "HEAD"})
_NO_KEY = "Send an API key: 'Authorization: Bearer KEY' or 'X-Api-Key: KEY'."
_BAD_KEY = "This API key is not valid. It may be mistyped, revoked or expired."
_ONLY_PINGS = "This key is for pings only. The API needs a key with the scope read or write."

_bearer = HTTPBearer(auto_error=False, description="An API key, or the admin key.")
_api_key = APIKeyHeader(name="X-Api-Key", auto_error=False, description="An API key, or the admin key.")


def context_of(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


async def _context(request: Request) -> Context:
    # The framework would run a plain function in a thread.
    return context_of(request)


ContextDep = Annotated[Context, Depends(_context)]
"""The parts of the system, as an argument of a route."""


def is_admin_key(context: Context, key: str) -> bool:
    """Compare a key with the admin key, in constant time."""
    if not context.admin_key:
        return False
    return hmac.compare_digest(_digest(key), _digest(context.admin_key))


async def api_actor(
    request: Request,
    context: ContextDep,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    api_key: Annotated[str | None, Security(_api_key)],
) -> Actor:
    """Return the caller of the API. Raises `KeyRequired`.

    A session can only read. A change needs a key in a header, which no other site can make a browser send.
    """
    judged: Actor | None = getattr(request.state, ACTOR, None)
    if judged is not None:
        return judged
    key = bearer.credentials if bearer else api_key
    actor = await console_actor(request) if key is None and request.method in _SAFE else None
    return actor or await _key_holder(request, context, key)


async def reader(request: Request) -> Actor:
    """Return the caller of the API, without the framework. Raises `KeyRequired`."""
    return await api_actor(request, context_of(request), await _bearer(request), await _api_key(request))


async def scrape_actor(request: Request, context: ContextDep) -> Actor:
    """Return the caller of the metrics, who may also send the key as the password of any user. Raises `KeyRequired`.

    The API itself takes no passwords: a browser would send them with requests of other sites.
    """
    if context.ways.metrics_open:
        return Actor("anybody", Role.VIEWER, "open metrics", _remote(request))
    bearer = await _bearer(request)
    key = bearer.credentials if bearer else request.headers.get("x-api-key")
    return await _key_holder(request, context, key or _password(request))


REQUIRED_ROLES: dict[object, Role] = {}
"""The role that each of these dependencies requires, for the description of the API."""


def _at_least(role: Role) -> Callable[[Actor], Awaitable[Actor]]:
    async def check(actor: Annotated[Actor, Depends(api_actor)]) -> Actor:
        if not actor.role.may(role):
            raise Forbidden(_refusal(actor, role))
        return actor

    REQUIRED_ROLES[check] = role
    return check


def _refusal(actor: Actor, role: Role) -> str:
    # The role of a key counts only if the key may write.
    if actor.via.startswith("key ") and actor.role is Role.VIEWER:
        return f"This needs a key with the scope write and the role {role}. The {actor.via} can only read."
    return f"This needs the role {role}. {actor.name} has the role {actor.role}."


Reader = Annotated[Actor, Depends(api_actor)]
Viewer = Annotated[Actor, Depends(_at_least(Role.VIEWER))]
Responder = Annotated[Actor, Depends(_at_least(Role.RESPONDER))]
Admin = Annotated[Actor, Depends(_at_least(Role.ADMIN))]
"""The caller, as an argument of a route that requires this role."""


def gate_of(request: Request) -> Gate:
    """Return the limits on sign-ins that this process counts."""
    return context_of(request).gate


def client_of(request: Request) -> Client:
    return Client(_remote(request), request.headers.get("user-agent", ""))


async def begin_session(request: Request, response: Response, user: User | None, how: str) -> None:
    """Begin a session for a user, or for the holder of the admin key if `user` is None."""
    context, now, client = context_of(request), context_of(request).clock.now(), client_of(request)
    old_token, limits, proof = _token(request), context.ways.limits, _proof(context)

    def work(db: Connection) -> str:
        if user is not None:
            gate_of(request).forgive(db, user.name)
        return sign_in.begin(db, user, how, client, now, limits, proof=proof, instead_of=old_token)

    token = await context.database.write(work)
    set_cookie(context, response, COOKIE, token, int(limits.longest.total_seconds()))


async def end_session(request: Request, response: Response) -> None:
    """End the session, in the database and in this browser."""
    context, token = context_of(request), _token(request)
    actor = await console_actor(request)
    now = context.clock.now()
    await context.database.write(lambda db: sign_in.end(db, token, actor, now))
    set_cookie(context, response, COOKIE, "", 0)


def cookie(request: Request, name: str) -> str:
    """Return the value of a cookie of ours, or ""."""
    return request.cookies.get(_cookie(context_of(request), name), "")


def set_cookie(context: Context, response: Response, name: str, value: str, seconds: int) -> None:
    """Set a cookie for this many seconds; 0 deletes it. It is sent to no other site, and to nothing beside our home."""
    response.set_cookie(
        _cookie(context, name),
        value,
        max_age=seconds,
        path=public_address.home(context.public_url) or "/",
        secure=_is_secure(context),
        httponly=True,
        samesite="lax",
    )


async def console_actor(request: Request) -> Actor | None:
    """Return who looks at the console, None if nobody is signed in."""
    current = await current_session(request)
    actor = sign_in.actor_of(current, _remote(request)) if current is not None else await _proxied(request)
    if actor is None:
        return None
    return await context_of(request).database.read(lambda db: store.as_person(db, actor))


async def is_still_signed_in(request: Request) -> bool:
    """Return whether the sender of an old request would still be let in. This does not prolong the session.

    While the database is away, everybody stays in.
    """
    try:
        return await _session(request) is not None or await _proxied(request) is not None
    except Unavailable:
        return True


async def current_session(request: Request) -> Session | None:
    """Return the session of a request. Its use is recorded at most once a minute."""
    context, now = context_of(request), context_of(request).clock.now()
    current = await _session(request)
    if current is not None and session.wants_touch(current, now):
        number = current.id
        # Reading must work while nothing can be written.
        with suppress(Unavailable):
            await context.database.write(lambda db: store.touch_session(db, number, now))
    return current


def csrf_token(request: Request) -> str:
    """Return the value that a form of this session must send in its field `csrf`."""
    return _signature(context_of(request), f"heartbeat form\n{_token(request) or _proxy_user(request)}")


def check_csrf(request: Request, form: Mapping[str, Any]) -> None:
    """Raise `Forged` unless the form came from a page of this service in the same session."""
    check_origin(request)
    if not hmac.compare_digest(csrf_token(request).encode(), str(form.get("csrf", "")).encode()):
        raise Forged("This form belongs to an older sign-in. Nothing was changed. Reload it and try again.")


def check_origin(request: Request) -> None:
    """Raise `Forged` if another site made the browser send the request."""
    if not _same_origin(request):
        raise Forged("This form came from another site. Open the page here and try again.")


def _same_origin(request: Request) -> bool:
    # A browser that says nothing about the origin is left to the token.
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    # Pages that send no referrer, like ours, have the origin "null" (Fetch, "Origin" header).
    origin = request.headers.get("origin", "null")
    own = {request.headers.get("host", ""), urlsplit(context_of(request).public_url).netloc}
    return origin == "null" or origin.partition("://")[2] in own


async def _key_holder(request: Request, context: Context, key: str | None) -> Actor:
    if key is None:
        raise KeyRequired(_NO_KEY)
    gate, client, now, hash_ = gate_of(request), client_of(request), context.clock.now(), _digest(key).hex()
    if wait := gate.key_may_try(hash_, client.remote, now):
        context.metrics.callers.wrong_keys.inc()
        raise TooManyKeys(ceil(wait.total_seconds()))
    if is_admin_key(context, key):
        gate.take_key(hash_)
        return Actor(ADMIN, Role.ADMIN, "admin key", client.remote)
    stored = (
        await context.database.read(lambda db: api_keys.valid_key(db, key, now))
        if api_keys.may_be_key(key)
        else None
    )
    if stored is None:
        await _count_wrong_key(context, gate, client, now)
        raise KeyRequired(_BAD_KEY)
    gate.take_key(hash_)
    if not stored.reads:
        raise Forbidden(_ONLY_PINGS)
    if api_key.wants_touch(stored, now):
        number = stored.id
        # Reading must work while nothing can be written.
        with suppress(Unavailable):
            await context.database.write(lambda db: api_key_store.touch(db, number, now))
    actor = Actor(stored.name, stored.acts_as, f"key {stored.name}", _remote(request), user=stored.made_by)
    return await context.database.read(lambda db: store.as_person(db, actor))


async def _count_wrong_key(context: Context, gate: Gate, client: Client, now: datetime) -> None:
    """Count a wrong key for its address. The audit log has an entry when the last allowed one has come."""
    context.metrics.callers.wrong_keys.inc()
    gate.keys.count(client.remote, now)
    if gate.keys.wait(client.remote, now):
        # Reading must work while nothing can be written.
        with suppress(Unavailable):
            await sign_in.refuse(gate, context.database, None, "API keys", client, now)


async def _session(request: Request) -> Session | None:
    token = _token(request)
    if not token:
        return None
    context, now = context_of(request), context_of(request).clock.now()
    limits, proof = context.ways.limits, _proof(context)
    return await context.database.read(lambda db: sign_in.valid_session(db, token, now, limits, proof))


def _proxy_user(request: Request) -> str:
    """Return the user that a trusted proxy names, empty if there is none or one of its headers came twice.

    Of two, one may be the browser's own.
    """
    proxy = context_of(request).ways.proxy
    if proxy is None:
        return ""
    peer = request.scope.get(PEER) or _remote(request)
    users = request.headers.getlist(proxy.user_header)
    roles = request.headers.getlist(proxy.role_header) if proxy.role_header else []
    return users[0] if len(users) == 1 and len(roles) <= 1 and proxy.trusts(peer) else ""


async def _proxied(request: Request) -> Actor | None:
    """Return the actor that a trusted proxy names, with the proxy's role or that of the user of this name."""
    context, proxy = context_of(request), context_of(request).ways.proxy
    try:
        name = account.name(_proxy_user(request))
    except account.Unfit:
        return None
    user = await context.database.read(lambda db: store.user(db, name))
    if (
        proxy is None
        or (user is None and name in account.RESERVED)
        or (user is not None and not user.enabled)
    ):
        return None
    role = user.role if user is not None else Role.VIEWER
    if proxy.role_header:
        role = proxy.role(request.headers.get(proxy.role_header, ""))
    return Actor(name, role, BY_PROXY, _remote(request), user=name)


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


def _cookie(context: Context, name: str) -> str:
    """Return the name of a cookie in the browser. Its prefix has the browser keep what it promises (RFC 6265bis)."""
    if not _is_secure(context):
        return name
    return f"__Secure-{name}" if public_address.home(context.public_url) else f"__Host-{name}"


def _token(request: Request) -> str:
    return cookie(request, COOKIE)


def _proof(context: Context) -> str:
    """Return a fingerprint of the admin key: a new key ends the sessions of the old one."""
    return _signature(context, f"heartbeat admin key\n{_digest(context.admin_key).hex()}")


def _signature(context: Context, text: str) -> str:
    return hmac.new(context.secret_key.encode(), text.encode(), sha256).hexdigest()


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()
