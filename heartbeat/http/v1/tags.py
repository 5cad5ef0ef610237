"""Entity tags (RFC 9110, sections 8.8.3 and 13): a client that has the current version gets 304, and a client that
changes an old version gets 412.

A tag is `"DEFINITION-REST"`: a fingerprint of the definition, and one of everything else. A precondition compares only
the first, so that a ping that arrives in between does not matter.
"""

from hashlib import blake2b
from http import HTTPStatus
from typing import Annotated, TypeVar

from fastapi import Depends, Header, Request, Response
from starlette.exceptions import HTTPException

from heartbeat.http.problem import PreconditionFailed

T = TypeVar("T")

_DELETED = "If-Match: it no longer exists. Nothing was changed."
_CHANGED = "If-Match: it has changed since you read it. Nothing was changed. Read it again first."
_EXISTS = "If-None-Match: it already exists. Nothing was changed."


def tag(defined: object, rest: object = None) -> str:
    """Return the tag of a response made of these values. Their `repr` must be complete."""
    return f'"{_fingerprint(defined)}-{_fingerprint(rest)}"'


class ConditionalRead:
    """A read with the tags that the client already has."""

    def __init__(self, if_none_match: list[str], response: Response) -> None:
        self._client_tags = _parse_tags(if_none_match)
        self._response = response

    def set_tag(self, current: str) -> None:
        """Set the tag of the response. End the request with 304 if the client already has it."""
        if current in self._client_tags:
            raise HTTPException(HTTPStatus.NOT_MODIFIED, headers={"ETag": current})
        self._response.headers["ETag"] = current

    def tagged(self, body: T) -> T:
        """Return the body after setting a tag of all of it, for things that no precondition protects."""
        self.set_tag(tag(None, body))
        return body


class Precondition:
    """The condition of the client for a change."""

    def __init__(self, if_match: str, if_none_match: str) -> None:
        self._match = _parse_tags([if_match])
        self._none_match = _parse_tags([if_none_match])

    def require(self, current: str | None) -> None:
        """Raise `PreconditionFailed` unless the condition holds. `current` is None if the thing does not exist."""
        if self._match and current is None:
            raise PreconditionFailed(_DELETED)
        if self._match and "*" not in self._match and _defined(current) not in map(_defined, self._match):
            raise PreconditionFailed(_CHANGED)
        if current is not None and "*" in self._none_match:
            raise PreconditionFailed(_EXISTS)


def set_put_headers(response: Response, current: str, new_url: str | None) -> None:
    """Set the tag and, for a new thing, the status 201 and its address."""
    response.headers["ETag"] = current
    if new_url is not None:
        response.status_code = HTTPStatus.CREATED
        response.headers["Location"] = new_url


async def _conditional_read(
    request: Request,
    response: Response,
    if_none_match: Annotated[  # noqa: ARG001  # for the description; the header can come several times, so it is read below
        str,
        Header(
            description="The `ETag` of the last answer. If nothing has changed, the answer is 304 without a body."
        ),
    ] = "",
) -> ConditionalRead:
    return ConditionalRead(request.headers.getlist("if-none-match"), response)


async def _precondition(
    if_match: Annotated[
        str, Header(description="Change it only if it still has this `ETag`. `*`: only if it exists.")
    ] = "",
    if_none_match: Annotated[str, Header(description="`*`: only if it does not exist yet.")] = "",
) -> Precondition:
    return Precondition(if_match, if_none_match)


ConditionalReadDep = Annotated[ConditionalRead, Depends(_conditional_read)]
"""The argument of a route that is polled."""
PreconditionDep = Annotated[Precondition, Depends(_precondition)]
"""The argument of a route that replaces a definition."""


def _fingerprint(value: object) -> str:
    return blake2b(repr(value).encode("utf-8", "backslashreplace"), digest_size=9).hexdigest()


def _defined(entity_tag: str | None) -> str:
    return (entity_tag or "").strip('"').partition("-")[0]


def _parse_tags(headers: list[str]) -> set[str]:
    """Return the tags in these headers. Our tags have no comma. Weak and strong tags are the same here."""
    tags = (part.strip().removeprefix("W/") for header in headers for part in header.split(","))
    return {entity_tag for entity_tag in tags if entity_tag}
