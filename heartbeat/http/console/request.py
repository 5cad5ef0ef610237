"""One person's visit to a page of the console: who they are is settled before any page sees them."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from sqlalchemy import Connection
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from heartbeat.actor import Actor, Role
from heartbeat.http import auth
from heartbeat.http.context import Context
from heartbeat.http.pages import render, versions

T = TypeVar("T")
FORM_FIELDS = 300
"""Fields of a form that are read: more than a page of ticked checks has, or a long policy."""
LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class ConsoleRequest:
    """A request of somebody who has signed in. `form` is what they sent; it is known to come from our own page."""

    context: Context
    http: Request
    actor: Actor
    now: datetime
    form: FormData

    @property
    def slug(self) -> str:
        """The check that the address names."""
        # PostgreSQL takes no NUL in a text; without it the name is that of no check either.
        return str(self.http.path_params["slug"]).replace("\0", "")

    @property
    def number(self) -> int:
        """The number in the address; one that is too large for any row is that of none."""
        return min(int(self.http.path_params["number"]), LARGEST)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work`, which only reads."""
        return await self.context.database.read(work)

    async def read_live(self, topics: Collection[str], work: Callable[[Connection], T]) -> tuple[str, T]:
        """As `read`, and where the page can listen for changes of these topics after what it has read."""
        # Versions first: what changes while the page is read is then told once too often, never not at all.
        known, done = await self.context.database.read(lambda db: (versions.versions(db, topics), work(db)))
        asked = [("topic", topic) for topic in sorted(topics)]
        return f"/live?{urlencode([*asked, ('since', versions.written(known))])}", done

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction; what it changed may be due at once."""
        done = await self.context.database.write(work)
        self.context.wake()
        return done

    def show(
        self, template: str, *, status: int = 200, live: str = "", refresh: bool = False, **facts: Any
    ) -> HTMLResponse:
        """A page inside the console's frame. `live` is where it listens for changes; without script, one that shows
        the present loads itself again (`refresh`)."""
        frame: dict[str, Any] = {"actor": self.actor, "now": self.now, "csrf": auth.csrf_token(self.http)}
        frame |= {"responds": self.actor.role.may(Role.RESPONDER), "rules": self.actor.role.may(Role.ADMIN)}
        frame |= {"by_proxy": self.actor.via == auth.BY_PROXY, "way_out": self._way_out()}
        frame |= {"live": live, "refresh": render.REFRESH if refresh else 0}
        return render.render(template, status=status, **frame, **facts)

    def _way_out(self) -> str:
        """Where one signs out whom a proxy has signed in: nothing here could end that."""
        proxy = self.context.ways.proxy
        return proxy.sign_out if proxy is not None and self.actor.via == auth.BY_PROXY else ""

    def owned_by_file(
        self, name: str, section: str, key: str, deed: str, back: str, status: int = 200
    ) -> HTMLResponse:
        """Why something cannot be changed or deleted (`deed`) here: the file declares it, under `section` and `key`."""
        return self.show(
            "owned_by_file.html", status=status, name=name, section=section, key=key, deed=deed, back=back
        )

    def not_found(self, words: str) -> HTMLResponse:
        """What was asked for is not there."""
        return render.error_page(self.http, 404, "Not here", words)


View = Callable[[ConsoleRequest], Awaitable[Response]]
Route = tuple[Role, View]
"""A page, and the least role that may see it."""


def signed_in(context: Context, shown: View, needs: Role) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of a page that only who has signed in may see, with the role that it needs; a form that is not
    ours is refused."""

    async def endpoint(request: Request) -> Response:
        actor = await auth.page_actor(request)
        if actor is None:
            return render.see_other(f"/sign-in?next={quote(_wanted(request), safe='/')}")
        if not actor.role.may(needs):
            return render.error_page(request, 403, "Not for you", _not_for(actor, needs))
        form = FormData()
        if request.method == "POST":
            form = await request.form(max_files=0, max_fields=FORM_FIELDS)
            auth.check_csrf(request, form)
        return await shown(ConsoleRequest(context, request, actor, context.clock.now(), form))

    return endpoint


def local(path: str) -> str:
    """The path to go on to after signing in, if it is one of ours; else the overview."""
    # A browser takes two slashes, or a slash and a backslash, for the beginning of another host, and drops
    # control characters before it looks.
    ours = path.startswith("/") and not path.startswith(("//", "/sign-")) and "\\" not in path
    return path if ours and path.isprintable() else "/"


def _not_for(actor: Actor, needs: Role) -> str:
    return f"This needs the role {needs}; {actor.name} has the role {actor.role}. Ask an admin. Nothing was changed."


def _wanted(request: Request) -> str:
    """The page that a signed-out visitor asked for. What they wanted to send is gone: the page it was sent from."""
    if request.method == "POST":
        return request.url.path.rpartition("/")[0] or "/"
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path


def page_number(given: str) -> int:
    """The number of a page as it stands in an address; anything odd is the first."""
    return max(int(given), 1) if given.isascii() and given.isdigit() and len(given) < 6 else 1
