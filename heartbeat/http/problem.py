"""What a face answers when it cannot do what was asked: one clear sentence, under /v1 as a problem document.

Source: RFC 9457. `STATUS` is the one table that maps what happened inside to HTTP.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response

from heartbeat.access.account import LastAdmin, Unfit
from heartbeat.access.api_keys import KeyExists
from heartbeat.access.users import UserExists
from heartbeat.database import Unavailable
from heartbeat.definitions.edit.maintenance import Ended
from heartbeat.definitions.edit.ownership import InUse, OwnedByFile
from heartbeat.definitions.file import Wrong
from heartbeat.definitions.single import Faulty
from heartbeat.http.pages import render
from heartbeat.status.announcement import InvalidAnnouncement
from heartbeat.status.editor import NoAnnouncement, NoPage

API = "/v1/"
RETRY_AFTER = 5
"""Seconds after which a client may try again when the database is away."""


class Problem(BaseModel):
    """What went wrong, as RFC 9457 has it."""

    type: str = Field(default="about:blank", description="Always about:blank: the status says which kind.")
    title: str = Field(description="The status in words.", examples=["Not Found"])
    status: int = Field(description="The HTTP status.", examples=[404])
    detail: str = Field(
        description="One sentence for people.", examples=["There is no check 'nightly-backup'."]
    )


class NoSuch(Exception):
    """What was named does not exist, or not any more."""


class Outdated(Exception):
    """The answer was about an occurrence that is over; nothing was changed."""


class Changed(Exception):
    """It is not any more as whoever changes it has seen it; nothing was changed."""


class Unacceptable(Exception):
    """What was asked is well formed and cannot be done."""


class KeyRequired(Exception):
    """Only who has a key may do this."""


class Forbidden(Exception):
    """Who asks is known, and may not do this."""


class Forged(Exception):
    """The form did not come from one of our own pages."""


STATUS: Mapping[type[Exception], HTTPStatus] = {
    NoSuch: HTTPStatus.NOT_FOUND,
    Unfit: HTTPStatus.UNPROCESSABLE_ENTITY,
    UserExists: HTTPStatus.CONFLICT,
    KeyExists: HTTPStatus.CONFLICT,
    LastAdmin: HTTPStatus.CONFLICT,
    OwnedByFile: HTTPStatus.CONFLICT,
    InUse: HTTPStatus.CONFLICT,
    Ended: HTTPStatus.CONFLICT,
    Changed: HTTPStatus.PRECONDITION_FAILED,
    Faulty: HTTPStatus.UNPROCESSABLE_ENTITY,
    Outdated: HTTPStatus.CONFLICT,
    Unacceptable: HTTPStatus.UNPROCESSABLE_ENTITY,
    KeyRequired: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    Forged: HTTPStatus.FORBIDDEN,
    NoPage: HTTPStatus.NOT_FOUND,
    NoAnnouncement: HTTPStatus.NOT_FOUND,
    InvalidAnnouncement: HTTPStatus.UNPROCESSABLE_ENTITY,
    Wrong: HTTPStatus.UNPROCESSABLE_ENTITY,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}

RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "It could not be done, and why.",
        "content": {"application/problem+json": {"schema": Problem.model_json_schema()}},
    }
}
"""What the description of the API says of everything that goes wrong."""

_HEADERS: Mapping[type[Exception], Mapping[str, str]] = {
    KeyRequired: {"WWW-Authenticate": "Bearer"},
    Unavailable: {"Retry-After": str(RETRY_AFTER)},
}

_OUR_WORDS: Mapping[str, str] = {
    "There was an error parsing the body": "body: must be JSON in UTF-8.",
    "Not Found": "There is nothing at this address.",
    "Method Not Allowed": "This address does not take this method.",
}
"""What the frameworks say by themselves, and what we say instead."""


def install(app: FastAPI) -> None:
    """Make `app` answer in these words."""
    for kind in STATUS:
        app.add_exception_handler(kind, _happened)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(Exception, _broken)


def answer(
    request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None, **more: Any
) -> Response:
    """What a failed request is told: a problem document under /v1, a page in a browser, else the words."""
    title = HTTPStatus(status).phrase
    if f"{request.scope['path']}/".startswith(API):
        told = Problem(title=title, status=status, detail=detail)
        content = {**told.model_dump(), **more}
        return JSONResponse(content, status, headers, media_type="application/problem+json")
    if "text/html" in request.headers.get("accept", ""):
        shown = render.error_page(request, status, title, detail)
        shown.headers.update(headers or {})
        return shown
    return PlainTextResponse(detail, status, headers)


def sentence(error: Mapping[str, Any]) -> str:
    """One fault that pydantic found, as a sentence that names the field."""
    place, *path = error["loc"]
    if error["type"] == "json_invalid":
        return f"body: must be JSON; it stops being so at character {path[0]}."
    field = ".".join(str(step) for step in path) or place
    return f"{field}: {_expected(error)}."


def _expected(error: Mapping[str, Any]) -> str:
    words: Callable[[Mapping[str, Any]], str] | None = _EXPECTED.get(error["type"])
    if words is not None:
        return words(error.get("ctx", {}))
    said: str = error["msg"]
    return said.replace("Input should ", "must ", 1)


_EXPECTED: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "value_error": lambda ours: str(ours["error"]).rstrip("."),
    "missing": lambda _: "must be given",
    "extra_forbidden": lambda _: "is not known here",
    "model_attributes_type": lambda _: "must be a JSON object, sent as application/json",
    "dict_type": lambda _: "must be a JSON object, sent as application/json",
    "string_type": lambda _: "must be text",
    "string_unicode": lambda _: "must be text in UTF-8",
    "string_too_short": lambda limits: f"must have at least {limits['min_length']} characters",
    "string_too_long": lambda limits: f"must have at most {limits['max_length']} characters",
}


async def _happened(request: Request, error: Exception) -> Response:
    status, headers = STATUS[type(error)], _HEADERS.get(type(error))
    match error:
        case Unavailable():
            words = "The database does not answer; what was asked can safely be asked again."
            return answer(request, status, words, headers)
        case Faulty():
            # The first says what to do; those who can show more have them all.
            return answer(request, status, error.problems[0], problems=error.problems)
        case Wrong():
            count = len(error.problems)
            words = f"Nothing was changed: the configuration has {count} problem{'s' * (count != 1)}."
            return answer(request, status, words, problems=list(error.problems))
        case _:
            return answer(request, status, str(error), headers)


async def _malformed(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    return answer(request, HTTPStatus.UNPROCESSABLE_ENTITY, sentence(error.errors()[0]))


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == HTTPStatus.NOT_MODIFIED:
        return Response(status_code=error.status_code, headers=error.headers)
    words = _OUR_WORDS.get(error.detail, error.detail)
    return answer(request, error.status_code, words, error.headers)


async def _broken(request: Request, error: Exception) -> Response:  # noqa: ARG001  # the server logs it
    return answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, "Something broke here; the log says what.")
