"""Errors as HTTP responses: one clear sentence, and under /v1 a problem document (RFC 9457).

`STATUS` is the one table that maps errors to HTTP.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, PlainTextResponse, Response

from heartbeat.access.account import LastAdmin, Unfit
from heartbeat.access.api_keys import KeyExists
from heartbeat.access.users import UserExists
from heartbeat.database import Unavailable
from heartbeat.definitions.edit.maintenance import Ended
from heartbeat.definitions.edit.overrides import NotTheirs
from heartbeat.definitions.file import Wrong
from heartbeat.definitions.kind import InUse, OwnedByFile
from heartbeat.definitions.plan import WouldDelete
from heartbeat.definitions.single import Faulty
from heartbeat.http.pages import render
from heartbeat.review.paging_report import InvalidSpan
from heartbeat.status.announcement import InvalidAnnouncement
from heartbeat.status.editor import NoAnnouncement, NoPage

API = "/v1/"
RETRY_AFTER = 5
"""Seconds after which a client may retry while the database is away."""


class Problem(BaseModel):
    """An error, in the form of RFC 9457."""

    type: str = Field(
        default="about:blank", description="Always about:blank. The status says what kind of error it is."
    )
    title: str = Field(description="The status in words.", examples=["Not Found"])
    status: int = Field(description="The HTTP status.", examples=[404])
    detail: str = Field(
        description="One sentence that says what is wrong.", examples=["There is no check 'nightly-backup'."]
    )


class NoSuch(Exception):
    """The named thing does not exist."""


class Outdated(Exception):
    """The answer was for an occurrence that is over. Nothing was changed."""


class Conflict(Exception):
    """The state of the thing does not allow it. Nothing was changed."""


class PreconditionFailed(Exception):
    """The thing has changed since the client read it. Nothing was changed."""


class Unacceptable(Exception):
    """The request is well formed and cannot be done."""


class KeyRequired(Exception):
    """The request needs a valid key."""


class Forbidden(Exception):
    """The actor may not do this."""


class TooMany(Exception):
    """The same was done a moment ago, or often. Nothing was changed. It can be done again after so many `seconds`."""

    def __init__(self, message: str, seconds: int = 10) -> None:
        super().__init__(message)
        self.seconds = seconds


class TooManyKeys(Exception):
    """Too many wrong API keys came from this address."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many wrong API keys came from this address. Wait {seconds} s, then try again.")
        self.seconds = seconds


class Forged(Exception):
    """The form did not come from a page of this service."""


STATUS: Mapping[type[Exception], HTTPStatus] = {
    NoSuch: HTTPStatus.NOT_FOUND,
    Unfit: HTTPStatus.UNPROCESSABLE_ENTITY,
    UserExists: HTTPStatus.CONFLICT,
    KeyExists: HTTPStatus.CONFLICT,
    LastAdmin: HTTPStatus.CONFLICT,
    OwnedByFile: HTTPStatus.CONFLICT,
    InUse: HTTPStatus.CONFLICT,
    WouldDelete: HTTPStatus.CONFLICT,
    Ended: HTTPStatus.CONFLICT,
    PreconditionFailed: HTTPStatus.PRECONDITION_FAILED,
    Faulty: HTTPStatus.UNPROCESSABLE_ENTITY,
    Conflict: HTTPStatus.CONFLICT,
    Outdated: HTTPStatus.CONFLICT,
    InvalidSpan: HTTPStatus.UNPROCESSABLE_ENTITY,
    Unacceptable: HTTPStatus.UNPROCESSABLE_ENTITY,
    KeyRequired: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotTheirs: HTTPStatus.FORBIDDEN,
    Forged: HTTPStatus.FORBIDDEN,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    TooManyKeys: HTTPStatus.TOO_MANY_REQUESTS,
    NoPage: HTTPStatus.NOT_FOUND,
    NoAnnouncement: HTTPStatus.NOT_FOUND,
    InvalidAnnouncement: HTTPStatus.UNPROCESSABLE_ENTITY,
    Wrong: HTTPStatus.UNPROCESSABLE_ENTITY,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}

RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "An error, with its reason.",
        "content": {"application/problem+json": {"schema": Problem.model_json_schema()}},
    }
}
"""The error responses of every operation, for the description of the API."""

_HEADERS: Mapping[type[Exception], Mapping[str, str]] = {
    KeyRequired: {"WWW-Authenticate": "Bearer"},
    Unavailable: {"Retry-After": str(RETRY_AFTER)},
}

_SENTENCES: Mapping[str, str] = {
    "There was an error parsing the body": "body: must be JSON in UTF-8.",
    "Not Found": "This address does not exist.",
    "Method Not Allowed": "This address does not accept this method.",
}
"""Our sentences for those of the frameworks."""


def install(app: FastAPI) -> None:
    """Install the error handlers in `app`."""
    for kind in STATUS:
        app.add_exception_handler(kind, _on_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(ClientDisconnect, _on_disconnect)
    app.add_exception_handler(Exception, _on_bug)


def response(
    request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None, **extensions: Any
) -> Response:
    """Return an error response: a problem document under /v1, HTML in a browser, else plain text."""
    title = HTTPStatus(status).phrase
    if f"{request.scope['path']}/".startswith(API):
        content = {**Problem(title=title, status=status, detail=detail).model_dump(), **extensions}
        return JSONResponse(content, status, headers, media_type="application/problem+json")
    if "text/html" in request.headers.get("accept", ""):
        html = render.error_page(request, status, title, detail)
        html.headers.update(headers or {})
        return html
    return PlainTextResponse(detail, status, headers)


def sentence(error: Mapping[str, Any]) -> str:
    """Return an error of pydantic as a sentence that names the field."""
    source, *path = error["loc"]
    if error["type"] == "json_invalid":
        return f"body: is not valid JSON (at character {path[0]})."
    field = ".".join(str(step) for step in path) or source
    return f"{field}: {_expected(error)}."


def _expected(error: Mapping[str, Any]) -> str:
    phrase: Callable[[Mapping[str, Any]], str] | None = _EXPECTED.get(error["type"])
    if phrase is not None:
        return phrase(error.get("ctx", {}))
    message: str = error["msg"]
    return message.replace("Input should ", "must ", 1)


_EXPECTED: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "value_error": lambda context: str(context["error"]).rstrip("."),
    "missing": lambda _: "is required",
    "extra_forbidden": lambda _: "is not a known field",
    "model_attributes_type": lambda _: "must be a JSON object, sent as application/json",
    "dict_type": lambda _: "must be a JSON object, sent as application/json",
    "string_type": lambda _: "must be text",
    "string_unicode": lambda _: "must be text in UTF-8",
    "string_too_short": lambda limits: f"must have at least {limits['min_length']} characters",
    "string_too_long": lambda limits: f"must have at most {limits['max_length']} characters",
}


async def _on_error(request: Request, error: Exception) -> Response:
    status, headers = STATUS[type(error)], _HEADERS.get(type(error))
    match error:
        case Unavailable():
            detail = "The database does not answer. It is safe to repeat the request."
            return response(request, status, detail, headers)
        case TooMany() | TooManyKeys():
            return response(request, status, str(error), {"Retry-After": str(error.seconds)})
        case Faulty():
            # The detail is the first problem; `problems` has all of them.
            return response(request, status, error.problems[0], problems=error.problems)
        case Wrong():
            count = len(error.problems)
            detail = f"Nothing was changed: the configuration has {count} problem{'s' * (count != 1)}."
            return response(request, status, detail, problems=list(error.problems))
        case _:
            return response(request, status, str(error), headers)


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    return response(request, HTTPStatus.UNPROCESSABLE_ENTITY, sentence(error.errors()[0]))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == HTTPStatus.NOT_MODIFIED:
        return Response(status_code=error.status_code, headers=error.headers)
    detail = _SENTENCES.get(error.detail, error.detail)
    return response(request, error.status_code, detail, error.headers)


async def _on_disconnect(_request: Request, _error: Exception) -> Response:
    # Nobody reads this. The connection counts it.
    return Response(status_code=HTTPStatus.BAD_REQUEST)


async def _on_bug(request: Request, error: Exception) -> Response:  # noqa: ARG001  # the server logs it
    return response(request, HTTPStatus.INTERNAL_SERVER_ERROR, "Internal error. The log has the details.")
