"""The front of the service: sends each request to pings, status pages, liveness, or the web framework."""

from collections.abc import Awaitable, Callable

from heartbeat import public_address
from heartbeat.http import admission, app, health, pings
from heartbeat.http.admission import Admission
from heartbeat.http.asgi import Receive, Scope, Send
from heartbeat.http.callbacks import cross_origin
from heartbeat.http.callbacks.cross_origin import CrossOrigin
from heartbeat.http.context import Context
from heartbeat.http.home import Home
from heartbeat.http.status import pages as status_page_views
from heartbeat.http.status.pages import StatusPageServer
from heartbeat.pings.ingest import Ingest
from heartbeat.settings import Settings
from heartbeat.status.publish.publisher import Publisher
from heartbeat.tracing import Tracing

Application = Callable[[Scope, Receive, Send], Awaitable[None]]


def build(
    context: Context,
    ingest: Ingest,
    publisher: Publisher,
    settings: Settings,
    tracing: Tracing | None,
    connections: int,
) -> Application:
    """Return the ASGI application of a process. Pings, status pages and liveness bypass the web framework.

    All but pings and the probes share out the places of the `connections` that the process accepts.
    """
    faces: Application = app.build(context)
    if tracing is not None:
        faces = tracing.trace_requests(faces)
    own = status_page_views.headers_of(settings.public_url)
    places = admission.places(connections)

    def sharing(application: Application) -> Application:
        return Admission(application, places, lambda: context.metrics.callers.count_cut("share"))

    status_pages = sharing(StatusPageServer(lambda: publisher.editions, context.clock, own, faces))
    shared_faces = sharing(faces)
    answers = CrossOrigin(shared_faces)
    home = Home(public_address.home(settings.public_url))
    has_api = "api" in settings.roles
    receivers = (
        pings.receivers(ingest, context.clock, context.metrics, settings.ping_body_limit) if has_api else ()
    )

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        path = home.enter(scope)
        for prefix, receiver in receivers:
            if path.startswith(prefix):
                await receiver(scope, receive, send)
                return
        if has_api and status_page_views.is_below(path):
            await status_pages(scope, receive, send)
        elif path == "/livez":
            await health.livez(scope, receive, send)
        elif path == "/readyz":
            await faces(scope, receive, send)
        elif has_api and path.startswith(cross_origin.BELOW):
            await answers(scope, receive, send)
        elif has_api or path in health.PATHS:
            await shared_faces(scope, receive, send)
        else:
            await health.not_served(scope, receive, send)

    return front
