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
from heartbeat.http import forms
from heartbeat.http.context import Context
from heartbeat.http.pages import render
from heartbeat.status.subscribers import link as subscriber_link
from heartbeat.status.subscribers import mail as subscriber_mail
from heartbeat.status.subscribers import store as subscriber_store

TRIES = 10
TRIES_PER = timedelta(hours=1)
"""The most subscriptions that one network address may ask for, and the time in which they count."""
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
        if self.tries.count(request.client.host if request.client else "", now) is not None:
            return render.error_page(
                request, 429, "Too many attempts", "Nothing was changed. Please try again in an hour."
            )
        form = await forms.read(request, fields=5)
        address = subscriber_mail.address(str(form.get("address", "")))
        if address is None:
            return render.error_page(request, 400, "This is not a mail address", _NO_ADDRESS)
        if not await self.context.database.read(lambda db: _has_mail(db, slug)):
            return render.error_page(request, 404, "Not found", "No status page sends mail at this address.")
        await self.context.database.write(lambda db: subscriber_store.ask(db, slug, address, now))
        # Known and unknown addresses read the same.
        sent = f"If we can write to it, a mail to {address} is on its way. Open the link in it to confirm."
        return _done("Confirm your address", sent, back=f"/status/{slug}/")

    async def ask_confirm(self, request: Request) -> Response:
        about = await self._about(request, "confirm")
        if about is None:
            return render.error_page(request, 400, "This link cannot be used", _BAD_LINK)
        title, address = about
        return _ask(f"Get updates from {title} by mail?", f"They go to {address}.", "Subscribe")

    async def confirm(self, request: Request) -> Response:
        database, now = self.context.database, self.context.clock.now()
        ticket, about = self._ticket(request, "confirm"), await self._about(request, "confirm")
        if (
            ticket is None
            or about is None
            or not await database.write(lambda db: subscriber_store.confirm(db, ticket, now))
        ):
            return render.error_page(request, 400, "This link cannot be used", _BAD_LINK)
        title, address = about
        message = f"{address} gets a mail with each update. You can unsubscribe from any mail."
        return _done(f"You are subscribed to {title}", message, back=f"/status/{_slug(request)}/")

    async def ask_leave(self, request: Request) -> Response:
        if self._ticket(request, "unsubscribe") is None:
            return render.error_page(request, 400, "This link cannot be used", _DAMAGED)
        about = await self._about(request, "unsubscribe")
        if about is None:
            return _unsubscribed(request)
        title, address = about
        message = f"We delete {address} and write no more."
        return _ask(f"Stop getting updates from {title}?", message, "Unsubscribe")

    async def leave(self, request: Request) -> Response:
        ticket = self._ticket(request, "unsubscribe")
        if ticket is None:
            return render.error_page(request, 400, "This link cannot be used", _DAMAGED)
        about = await self._about(request, "unsubscribe")
        await self.context.database.write(lambda db: subscriber_store.unsubscribe(db, ticket))
        return _unsubscribed(request, about[0] if about else "")

    def _ticket(self, request: Request, purpose: str) -> subscriber_link.Ticket | None:
        return subscriber_link.read(self.context.link_keys, purpose, request.path_params["token"])

    async def _about(self, request: Request, purpose: str) -> tuple[str, str] | None:
        """Return the title of the page and the address that a link is about, or None if nobody has it any more."""
        ticket = self._ticket(request, purpose)
        return await self.context.database.read(lambda db: _subscriber(db, ticket)) if ticket else None


def _subscriber(db: Connection, ticket: subscriber_link.Ticket) -> tuple[str, str] | None:
    subscriber = subscriber_store.subscriber(db, ticket)
    if subscriber is None:
        return None
    slug, address = subscriber
    page = definition_store.status_pages_of(db).get(slug)
    return (page.title if page else slug), address


def _has_mail(db: Connection, slug: str) -> bool:
    return slug in definition_store.status_pages_of(db) and Email.kind in desk.notifiers(db)


def _slug(request: Request) -> str:
    return str(request.path_params["slug"]).replace("\0", "")[:100]


def _ask(title: str, message: str, action: str) -> Response:
    return render.render("status/subscribe.html", title=title, message=message, action=action, back="")


def _unsubscribed(request: Request, title: str = "") -> Response:
    message = "Your address has been deleted."
    return _done(
        f"You are unsubscribed from {title}" if title else "You are unsubscribed",
        message,
        back=f"/status/{_slug(request)}/",
    )


def _done(title: str, message: str, back: str) -> Response:
    return render.render("status/subscribe.html", title=title, message=message, action="", back=back)
