"""A request to the console. It is authenticated before any view sees it."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote, unquote, urlencode

from sqlalchemy import Connection
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from heartbeat.actor import Actor, Role
from heartbeat.http import auth, forms
from heartbeat.http.context import Context
from heartbeat.http.pages import render, versions
from heartbeat.safe_text import is_line

T = TypeVar("T")
FORM_FIELDS = 4_000
"""The most form fields that are read: more than the longest policy or the largest rotation has."""
LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class ConsoleRequest:
    """A request of a signed-in actor. `form` is known to come from the console itself."""

    context: Context
    http: Request
    actor: Actor
    now: datetime
    form: FormData

    @property
    def slug(self) -> str:
        """The slug in the address."""
        # PostgreSQL takes no NUL in a text. Without the NUL, the slug names no check either.
        return str(self.http.path_params["slug"]).replace("\0", "")

    @property
    def number(self) -> int:
        """The number in the address. One that is too large for the database becomes the largest possible."""
        return min(int(self.http.path_params["number"]), LARGEST)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work`, which only reads, in a transaction."""
        return await self.context.database.read(work)

    async def read_live(self, topics: Collection[str], work: Callable[[Connection], T]) -> tuple[str, T]:
        """Run `work` like `read`. Return the address of a stream of later changes of these topics, and the result."""
        # Read the versions first: a change in between is then reported twice at worst, and never lost.
        current, result = await self.context.database.read(
            lambda db: (versions.versions(db, topics), work(db))
        )
        query = [("topic", topic) for topic in sorted(topics)]
        return f"/live?{urlencode([*query, ('since', versions.written(current))])}", result

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction, then wake the ticker: something may have become due."""
        result = await self.context.database.write(work)
        self.context.wake()
        return result

    def show(
        self, template: str, *, status: int = 200, live: str = "", refresh: bool = False, **facts: Any
    ) -> HTMLResponse:
        """Render a template in the console's frame.

        `live` is the address of its stream of changes. With `refresh`, it reloads by itself where there is no script.
        """
        frame: dict[str, Any] = {"actor": self.actor, "now": self.now, "csrf": auth.csrf_token(self.http)}
        frame |= {"responds": self.actor.role.may(Role.RESPONDER), "rules": self.actor.role.may(Role.ADMIN)}
        frame |= {"by_proxy": self.actor.via == auth.BY_PROXY, "way_out": self._way_out()}
        frame |= {"live": live, "refresh": render.REFRESH if refresh else 0}
        return render.render(template, status=status, **frame, **facts)

    def _way_out(self) -> str:
        """Return the address that signs out of the proxy, if a proxy signed the actor in."""
        proxy = self.context.ways.proxy
        return proxy.sign_out if proxy is not None and self.actor.via == auth.BY_PROXY else ""

    def owned_by_file(
        self, name: str, section: str, key: str, verb: str, back: str, status: int = 200
    ) -> HTMLResponse:
        """Explain that the file declares this, under `section` and `key`, so that `verb` (a verb) is refused.

        Without a section, `key` stands at the top of the file.
        """
        return self.show(
            "owned_by_file.html", status=status, name=name, section=section, key=key, verb=verb, back=back
        )

    def not_found(self, message: str) -> HTMLResponse:
        """Answer 404 with this message."""
        return render.error_page(self.http, 404, "Not found", message)


View = Callable[[ConsoleRequest], Awaitable[Response]]
Route = tuple[Role, View]
"""The least role that may open a view, and the view."""


def signed_in(context: Context, view: View, needed: Role) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of a view: it requires a sign-in and the role, and refuses forms from other sites."""

    async def endpoint(request: Request) -> Response:
        actor = await auth.console_actor(request)
        if actor is None:
            return render.see_other(f"/sign-in?next={quote(_path_after_sign_in(request), safe='/')}")
        if not actor.role.may(needed):
            title = f"You need the {needed} role for this"
            message = f"{actor.name} has the role {actor.role}. Ask an admin. Nothing was changed."
            return render.error_page(request, 403, title, message)
        form = FormData()
        if request.method == "POST":
            auth.check_origin(request)
            form = await forms.read(request, FORM_FIELDS, forms.LIMIT)
            auth.check_csrf(request, form)
        return await view(ConsoleRequest(context, request, actor, context.clock.now(), form))

    return endpoint


def local(path: str) -> str:
    """Return the path to open after signing in, or the overview if the path leads elsewhere."""
    # Browsers read two slashes, or a slash and a backslash, as the start of another host. They drop control
    # characters first.
    is_local = path.startswith("/") and not path.startswith(("//", "/sign-")) and "\\" not in path
    # Two dots, written so or as %2e, would lead up, out of the path below which the service lives.
    if {".", ".."} & set(unquote(path.partition("?")[0].partition("#")[0]).split("/")):
        is_local = False
    return path if is_local and is_line(path) else "/"


def _path_after_sign_in(request: Request) -> str:
    # A POST is not repeated after the sign-in: go to the page with the form.
    if request.method == "POST":
        return request.url.path.rpartition("/")[0] or "/"
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path


def page_number(text: str) -> int:
    """Return the number in a `page` parameter, or 1 if it is not a sensible number."""
    return max(int(text), 1) if text.isascii() and text.isdigit() and len(text) < 6 else 1
