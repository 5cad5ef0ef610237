"""Tags of what is answered (RFC 9110, sections 8.8.3 and 13): whoever has seen it already is sent nothing again,
and whoever changes it changes what they have seen.

A tag is `"DEFINITION-REST"`: a fingerprint of what people define, and one of everything else. A precondition of a
change looks at the first alone, so that a ping that came meanwhile hinders nobody.
"""

from hashlib import blake2b
from http import HTTPStatus
from typing import Annotated, TypeVar

from fastapi import Depends, Header, Request, Response
from starlette.exceptions import HTTPException

from heartbeat.http.problem import PreconditionFailed

T = TypeVar("T")

_GONE = "If-Match: it is not there any more; nothing was changed."
_MOVED = "If-Match: somebody has changed it since you read it; nothing was changed. Read it again first."
_THERE = "If-None-Match: it is there already; nothing was changed."


def tag(defined: object, rest: object = None) -> str:
    """The tag of an answer that is made of these values, whose `repr` tells all of them."""
    return f'"{_fingerprint(defined)}-{_fingerprint(rest)}"'


class ConditionalRead:
    """What a reader says that it has seen, and the answer that is about to be given."""

    def __init__(self, given: list[str], response: Response) -> None:
        self._given = given
        self._response = response

    def set_tag(self, current: str) -> None:
        """The answer has this tag. Ends the request with 304 where the reader has it already."""
        if current in _listed(self._given):
            raise HTTPException(HTTPStatus.NOT_MODIFIED, headers={"ETag": current})
        self._response.headers["ETag"] = current

    def tagged(self, answer: T) -> T:
        """The answer, tagged by all that it says: for what nobody changes under a precondition."""
        self.set_tag(tag(None, answer))
        return answer


class Precondition:
    """What must be so for a change to be made, as the client says it."""

    def __init__(self, if_match: str, if_none_match: str) -> None:
        self._match = _listed([if_match])
        self._none_match = _listed([if_none_match])

    def require(self, current: str | None) -> None:
        """`current` is the tag of what is there, None where there is nothing. Raises `PreconditionFailed`."""
        if self._match and current is None:
            raise PreconditionFailed(_GONE)
        if self._match and "*" not in self._match and _defined(current) not in map(_defined, self._match):
            raise PreconditionFailed(_MOVED)
        if current is not None and "*" in self._none_match:
            raise PreconditionFailed(_THERE)


def set_put_headers(response: Response, current: str, made: str | None) -> None:
    """What a `PUT` answers beside what is there now: its tag, and where it is if it was `made` just now."""
    response.headers["ETag"] = current
    if made is not None:
        response.status_code = HTTPStatus.CREATED
        response.headers["Location"] = made


async def _seen(
    request: Request,
    response: Response,
    if_none_match: Annotated[  # noqa: ARG001  # for the description; there can be several, which are read below
        str, Header(description="The `ETag` of the last answer: where nothing is new, 304 without a body.")
    ] = "",
) -> ConditionalRead:
    return ConditionalRead(request.headers.getlist("if-none-match"), response)


async def _precondition(
    if_match: Annotated[
        str, Header(description="Only if what is there still has this `ETag`; `*`: only if it is there.")
    ] = "",
    if_none_match: Annotated[str, Header(description="`*`: only if it is not there yet.")] = "",
) -> Precondition:
    return Precondition(if_match, if_none_match)


ConditionalReadDep = Annotated[ConditionalRead, Depends(_seen)]
"""What a route that is polled declares."""
PreconditionDep = Annotated[Precondition, Depends(_precondition)]
"""What a route that changes something whole declares."""


def _fingerprint(value: object) -> str:
    return blake2b(repr(value).encode("utf-8", "backslashreplace"), digest_size=9).hexdigest()


def _defined(one: str | None) -> str:
    return (one or "").strip('"').partition("-")[0]


def _listed(given: list[str]) -> set[str]:
    """The tags in a list of them. Ours hold no comma. Whether one is called weak makes no difference here."""
    found = (one.strip().removeprefix("W/") for line in given for one in line.split(","))
    return {one for one in found if one}
