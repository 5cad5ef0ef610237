"""The web application: the API, the console, status pages and the operator's endpoints. Pings have their own."""

from importlib.metadata import version

from fastapi import FastAPI
from starlette.types import ASGIApp

from heartbeat.http import calendars, console, headers, health, problem, v1
from heartbeat.http.callbacks import digest_link, proof_link, provider, renewal, signed_link
from heartbeat.http.context import Context
from heartbeat.http.headers import Headers
from heartbeat.http.limits import RequestLimits
from heartbeat.http.status import pages as status_page_views
from heartbeat.http.status import subscribe


class WebApplication(FastAPI):
    """The web application. Its headers are on every response, also on those of unexpected errors."""

    def build_middleware_stack(self) -> ASGIApp:
        """Wrap the middleware of Starlette in `Headers`."""
        return Headers(super().build_middleware_stack(), headers.needed(self.state.context.public_url))


def build(context: Context) -> FastAPI:
    """Build the web application over the parts of the system."""
    application = WebApplication(
        title="heartbeat",
        version=version("heartbeat"),
        # The API serves its description itself, to callers with a key. FastAPI's pages for it load foreign code.
        openapi_url=None,
        redirect_slashes=False,
    )
    application.state.context = context
    application.add_middleware(RequestLimits)
    problem.install(application)
    # Not the router, whose routes the framework would build again for each application, at its first request.
    application.router.routes.extend(v1.router.routes)
    application.include_router(v1.docs.router)
    application.include_router(health.router(context))
    application.include_router(console.router(context), include_in_schema=False)
    application.include_router(digest_link.router(context), include_in_schema=False)
    application.include_router(signed_link.router(context), include_in_schema=False)
    application.include_router(proof_link.router(context), include_in_schema=False)
    application.include_router(renewal.router(context), include_in_schema=False)
    application.include_router(provider.router(context), include_in_schema=False)
    application.include_router(calendars.router(context), include_in_schema=False)
    application.include_router(subscribe.router(context), include_in_schema=False)
    application.include_router(status_page_views.router(context), include_in_schema=False)
    return application
