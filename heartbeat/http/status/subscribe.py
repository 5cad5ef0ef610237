"""The views where customers subscribe, confirm and unsubscribe. GET shows, POST acts. They reveal no subscriber."""

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
"""The most subscriptions that one network address may ask for, and the time in which they count."""
_LINK_SENT = (
    "Confirm your address",
    "If we can write to this address, a mail with a link is on its way. Open the link to confirm.",
)
_NO_ADDRESS = (
    "Enter a mail address, such as anna@example.com. You are not subscribed yet; go back and try again."
)
_BAD_LINK = "It was damaged, was already used, or is older than a day. Please subscribe again."
_DAMAGED = "It was damaged. Copy the whole link from the mail. Nothing was changed."


def router(context: Context) -> APIRouter:
    """Return the routes of subscribers."""
    routes, views = APIRouter(), _Views(context, AddressTries(TRIES, TRIES_PER))
    routes.add_route("/status/{slug}/subscribe", views.subscribe, methods=["POST"], include_in_schema=False)
    for purpose, show, act in (
        ("confirm", views.ask_confirm, views.confirm),
        ("unsubscribe", views.ask_leave, views.leave),
    ):
        path = f"/status/{{slug}}/{purpose}/{{token}}"
        routes.add_route(path, show, methods=["GET"], include_in_schema=False)
        routes.add_route(path, act, methods=["POST"], include_in_schema=False)
    return routes


@dataclass(frozen=True, slots=True)
class _Views:
    context: Context
    tries: AddressTries

    async def subscribe(self, request: Request) -> Response:
        slug, now = _slug(request), self.context.clock.now()
        form = await request.form(max_files=0, max_fields=5)
        address = subscriber_mail.address(str(form.get("address", "")))
        if address is None:
            return render.error_page(request, 400, "This is not a mail address", _NO_ADDRESS)
        if self.tries.count(request.client.host if request.client else "", now) is not None:
            return render.error_page(
                request, 429, "Too many attempts", "Nothing was changed. Please try again in an hour."
            )
        if not await self.context.database.read(lambda db: _has_mail(db, slug)):
            return render.error_page(request, 404, "Not found", "No status page sends mail at this address.")
        await self.context.database.write(lambda db: subscriber_store.ask(db, slug, address, now))
        return _done(*_LINK_SENT, back=f"/status/{slug}/")

    async def ask_confirm(self, request: Request) -> Response:
        return self._question(request, "confirm", "Get updates by mail?", "Subscribe")

    async def confirm(self, request: Request) -> Response:
        database, now = self.context.database, self.context.clock.now()
        ticket = self._ticket(request, "confirm")
        if ticket is None or not await database.write(lambda db: subscriber_store.confirm(db, ticket, now)):
            return render.error_page(request, 400, "This link cannot be used", _BAD_LINK)
        message = "You get a mail with each update. You can unsubscribe from any mail."
        return _done("You are subscribed", message, back=f"/status/{_slug(request)}/")

    async def ask_leave(self, request: Request) -> Response:
        return self._question(request, "unsubscribe", "Stop getting updates by mail?", "Unsubscribe")

    async def leave(self, request: Request) -> Response:
        ticket = self._ticket(request, "unsubscribe")
        if ticket is None:
            return render.error_page(request, 400, "This link cannot be used", _DAMAGED)
        await self.context.database.write(lambda db: subscriber_store.unsubscribe(db, ticket))
        return _done(
            "You are unsubscribed", "Your address has been deleted.", back=f"/status/{_slug(request)}/"
        )

    def _ticket(self, request: Request, purpose: str) -> subscriber_link.Ticket | None:
        return subscriber_link.read(self.context.link_keys, purpose, request.path_params["token"])

    def _question(self, request: Request, purpose: str, question: str, action: str) -> Response:
        if self._ticket(request, purpose) is None:
            return render.error_page(request, 400, "This link cannot be used", _BAD_LINK)
        return render.render("status/subscribe.html", title=question, message="", action=action, back="")


def _has_mail(db: Connection, slug: str) -> bool:
    return slug in definition_store.status_pages_of(db) and Email.kind in desk.notifiers(db)


def _slug(request: Request) -> str:
    return str(request.path_params["slug"]).replace("\0", "")[:100]


def _done(title: str, message: str, back: str) -> Response:
    return render.render("status/subscribe.html", title=title, message=message, action="", back=back)
