"""The pages where customers ask for mail, confirm it, and end it. GET shows, POST acts. Nobody learns who else does."""

from dataclasses import dataclass
from datetime import timedelta

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from alerting import desk
from alerting.notifiers.email import Email
from heartbeat.access.tries import AddressTries
from heartbeat.definitions import store as definition_store
from heartbeat.http.context import Context
from heartbeat.http.pages import render
from heartbeat.status.subscribers import link as subscriber_link
from heartbeat.status.subscribers import mail as subscriber_mail
from heartbeat.status.subscribers import store as subscriber_store

TRIES = 10
TRIES_PER = timedelta(hours=1)
"""How often one network address may ask for mail, and in what time."""
_ASKED = (
    "Look into your mailbox",
    "If this address can be written to, a mail with a link is on its way. Open the link to confirm.",
)
_BAD = "This link cannot be used: it was damaged, has been used up, or is older than a day. Please ask again."


def router(context: Context) -> APIRouter:
    """Subscribing, confirming, and ending it."""
    routes, ways = APIRouter(), _Subscribing(context, AddressTries(TRIES, TRIES_PER))
    routes.add_route("/status/{slug}/subscribe", ways.subscribe, methods=["POST"], include_in_schema=False)
    for purpose, show, act in (
        ("confirm", ways.ask_confirm, ways.confirm),
        ("unsubscribe", ways.ask_leave, ways.leave),
    ):
        path = f"/status/{{slug}}/{purpose}/{{token}}"
        routes.add_route(path, show, methods=["GET"], include_in_schema=False)
        routes.add_route(path, act, methods=["POST"], include_in_schema=False)
    return routes


@dataclass(frozen=True, slots=True)
class _Subscribing:
    """What customers may ask for, one method a page."""

    context: Context
    tries: AddressTries

    async def subscribe(self, request: Request) -> Response:
        slug, now = _slug(request), self.context.clock.now()
        form = await request.form(max_files=0, max_fields=5)
        address = subscriber_mail.address(str(form.get("address", "")))
        if address is None:
            words = "This is not a mail address, such as anna@example.com. Nothing was changed; go back and try again."
            return render.error_page(request, 400, "Which address?", words)
        if self.tries.count(request.client.host if request.client else "", now) is not None:
            return render.error_page(
                request, 429, "Not so often", "Please try again in an hour. Nothing was changed."
            )
        if not await self.context.database.read(lambda db: _has_mail(db, slug)):
            return render.error_page(
                request, 404, "Nothing here", "There is no mail for a page of this name."
            )
        await self.context.database.write(lambda db: subscriber_store.ask(db, slug, address, now))
        return _told(*_ASKED, back=f"/status/{slug}/")

    async def ask_confirm(self, request: Request) -> Response:
        return self._shown(request, "confirm", "Do you want mail about this page?", "Yes, send me mail")

    async def confirm(self, request: Request) -> Response:
        database, now = self.context.database, self.context.clock.now()
        found = self._ticket(request, "confirm")
        if found is None or not await database.write(lambda db: subscriber_store.confirm(db, found, now)):
            return render.error_page(request, 400, "This link cannot be used", _BAD)
        words = "You get a mail with each update. Every mail has a link to end it."
        return _told("You will get mail", words, back=f"/status/{_slug(request)}/")

    async def ask_leave(self, request: Request) -> Response:
        return self._shown(
            request, "unsubscribe", "Do you want no more mail about this page?", "No more mail"
        )

    async def leave(self, request: Request) -> Response:
        found = self._ticket(request, "unsubscribe")
        if found is None:
            return render.error_page(
                request, 400, "This link cannot be used", "It was damaged: copy it whole."
            )
        await self.context.database.write(lambda db: subscriber_store.unsubscribe(db, found))
        return _told("No more mail", "Your address has been deleted.", back=f"/status/{_slug(request)}/")

    def _ticket(self, request: Request, purpose: str) -> subscriber_link.Ticket | None:
        return subscriber_link.read(self.context.link_keys, purpose, request.path_params["token"])

    def _shown(self, request: Request, purpose: str, question: str, action: str) -> Response:
        if self._ticket(request, purpose) is None:
            return render.error_page(request, 400, "This link cannot be used", _BAD)
        return render.render("status/subscribe.html", title=question, words="", action=action, back="")


def _has_mail(db: Connection, slug: str) -> bool:
    return slug in definition_store.status_pages_of(db) and Email.kind in desk.notifiers(db)


def _slug(request: Request) -> str:
    return str(request.path_params["slug"]).replace("\0", "")[:100]


def _told(title: str, words: str, back: str) -> Response:
    return render.render("status/subscribe.html", title=title, words=words, action="", back=back)
