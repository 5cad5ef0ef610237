"""Forms that people send: read within bounds, once everything that can be judged before is judged."""

import asyncio
from http import HTTPStatus
from urllib.parse import parse_qsl

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request

STRANGERS_LIMIT = 16_000
"""Bytes of a form of somebody who is not known yet."""
STRANGERS_FIELDS = 30
"""Fields of such a form."""
LIMIT = 128_000
"""Bytes of a form of somebody who is signed in or holds a link: 10,000 characters of any language fit in."""
PARSED_AT_ONCE = 16_000
"""Bytes of a form that the event loop parses itself. It takes under 2 ms."""
_TYPE = "application/x-www-form-urlencoded"


async def read(request: Request, fields: int, limit: int = STRANGERS_LIMIT) -> FormData:
    """Return a form with at most this many fields and bytes. A body of another type is an empty form.

    Raises `HTTPException` with 413 for a form that is too long, 400 for too many fields, and 415 for multipart.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        raise HTTPException(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Send the form as {_TYPE}. Nothing was changed."
        )
    if kind != _TYPE:
        return FormData()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            too_long = f"The form is too long. It may have at most {limit // 1_000} kB. Nothing was changed."
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, too_long)
    try:
        if len(body) <= PARSED_AT_ONCE:
            return _parsed(body, fields)
        return await asyncio.to_thread(_parsed, body, fields)
    except ValueError:
        too_many = f"The form has too many fields. It may have at most {fields}. Nothing was changed."
        raise HTTPException(HTTPStatus.BAD_REQUEST, too_many) from None


def _parsed(body: bytearray, fields: int) -> FormData:
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=fields)
    return FormData([*pairs])
