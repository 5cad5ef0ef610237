"""Everything but pings, put together: the API, the pages, the operator's endpoints."""

from importlib.metadata import version

from fastapi import FastAPI
from starlette.types import ASGIApp

from heartbeat.access.sign_in import Gate
from heartbeat.http import console, health, problem, v1
from heartbeat.http.callbacks import provider, signed_link
from heartbeat.http.context import Context
from heartbeat.http.headers import Headers
from heartbeat.http.limits import BodyLimit
from heartbeat.http.status import pages as status_page_views
from heartbeat.http.status import subscribe


class Face(FastAPI):
    """The web application; its headers are on every answer, those of errors that nobody foresaw included."""

    def build_middleware_stack(self) -> ASGIApp:
        """As Starlette, and around all of it our headers."""
        return Headers(super().build_middleware_stack())


def build(context: Context) -> FastAPI:
    """The web application over the given parts of the system."""
    face = Face(
        title="heartbeat",
        version=version("heartbeat"),
        # The API itself serves its description, to whoever has the key; the pages for it load foreign code.
        openapi_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    face.state.context = context
    face.state.gate = Gate(key=context.secret_key)
    face.add_middleware(BodyLimit)
    problem.install(face)
    face.include_router(v1.router)
    face.include_router(v1.docs.router)
    face.include_router(health.router(context))
    face.include_router(console.router(context), include_in_schema=False)
    face.include_router(signed_link.router(context), include_in_schema=False)
    face.include_router(provider.router(context), include_in_schema=False)
    face.include_router(subscribe.router(context), include_in_schema=False)
    face.include_router(status_page_views.router(context), include_in_schema=False)
    return face
