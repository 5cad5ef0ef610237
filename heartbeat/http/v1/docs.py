"""The API's own pages: its description in OpenAPI as a page to read and to print, made by this installation."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.routing import APIRoute, iter_route_contexts
from markdown_it import MarkdownIt
from markupsafe import Markup
from starlette.responses import Response

from heartbeat.actor import Role
from heartbeat.http import auth
from heartbeat.http.auth import ContextDep
from heartbeat.http.pages import render
from heartbeat.http.problem import KeyRequired
from heartbeat.http.v1 import description, example

router = APIRouter(prefix="/v1", include_in_schema=False)

_MARKDOWN = MarkdownIt("commonmark", {"html": False})
_MISSING = {"description": "", "content": {}}


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a request may say."""

    name: str
    where: str
    kind: str
    wanted: bool
    words: Markup


@dataclass(frozen=True, slots=True)
class Told:
    """One answer, with an example where it has a body."""

    status: str
    words: Markup
    example: str


@dataclass(frozen=True, slots=True)
class Operation:
    """All that a stranger must know to use one address."""

    id: str
    method: str
    path: str
    summary: str
    words: Markup
    params: Sequence[Field]
    fields: Sequence[Field]
    examples: Sequence[tuple[str, str]]
    curl: str
    answers: Sequence[Told]


@dataclass(frozen=True, slots=True)
class Group:
    """Operations about one thing."""

    name: str
    anchor: str
    words: str
    operations: Sequence[Operation]


@router.get("/docs")
async def show_docs(request: Request, context: ContextDep) -> Response:
    """How to use this API, as a page. A browser that has not signed in is sent to do so."""
    try:
        await auth.reader(request)
    except KeyRequired:
        if "text/html" in request.headers.get("accept", ""):
            return render.see_other("/sign-in?next=/v1/docs")
        raise
    described = description_of(request.app, context.public_url)
    about = _html(described["info"]["description"])
    version, faults = described["info"]["version"], _faults(described)
    tomorrow = (context.clock.now() + timedelta(days=1)).date()
    found = groups(ahead(described, tomorrow))
    manual = render.render(
        "v1/docs.html", about=about, version=version, url=context.public_url, groups=found, faults=faults
    )
    return render.zipped(request, manual)


def description_of(app: FastAPI, public_url: str) -> dict[str, Any]:
    """The whole description. It is made once."""
    if not hasattr(app.state, "description"):
        every = [found.route for found in iter_route_contexts(app.routes)]
        routes = [route for route in every if isinstance(route, APIRoute)]
        roles = {route.name: _role(route) for route in routes}
        given = {route.name: examples for route in routes if (examples := _given(route))}
        app.state.description = description.complete(app.openapi(), public_url, roles, given)
    found: dict[str, Any] = app.state.description
    return found


def ahead(described: Mapping[str, Any], day: date) -> dict[str, Any]:
    """The same with the examples of what is asked on this day: what must lie ahead does so, and can be tried out."""
    paths = {
        path: {verb: dict(one) for verb, one in verbs.items()} for path, verbs in described["paths"].items()
    }
    for _, _, one in description.operations({"paths": paths}):
        if "requestBody" in one:
            one["requestBody"] = json.loads(json.dumps(one["requestBody"]).replace(example.DAY, f"{day}"))
    return {**described, "paths": paths}


def groups(described: Mapping[str, Any]) -> list[Group]:
    """Everything that can be asked, by what it is about."""
    every = [
        (one["tags"], _operation(path, verb, one, described))
        for path, verb, one in description.operations(described)
    ]
    return [
        Group(
            tag["name"],
            tag["name"].replace(" ", "-"),
            tag["description"],
            [one for tags, one in every if tag["name"] in tags],
        )
        for tag in described["tags"]
    ]


def _given(route: APIRoute) -> dict[str, Any]:
    """The examples of a route's body. The framework leaves out whatever is null in them."""
    params = route.dependant.body_params
    found: Any = getattr(params[0].field_info, "openapi_examples", None) if params else None
    return found or {}


def _role(route: APIRoute) -> Role:
    """The most that any dependency of a route needs."""
    needed, left = [Role.VIEWER], [route.dependant]
    while left:
        one = left.pop()
        needed += [auth.REQUIRED_ROLES[one.call]] if one.call in auth.REQUIRED_ROLES else []
        left += one.dependencies
    return max(needed, key=list(Role).index)


def _operation(path: str, verb: str, one: Mapping[str, Any], described: Mapping[str, Any]) -> Operation:
    kinds = described["components"]["schemas"]
    body = one.get("requestBody", _MISSING)
    answers = [
        _told(status, told, described) for status, told in one["responses"].items() if status != "default"
    ]
    return Operation(
        id=one["operationId"],
        method=verb.upper(),
        path=path,
        summary=one["summary"],
        words=_html(one["description"]),
        params=[_param(param, kinds) for param in one.get("parameters", [])],
        fields=_fields(body, kinds),
        examples=_examples(body),
        curl=curl(path, verb, one, described["servers"][0]["url"]),
        answers=answers,
    )


def curl(path: str, verb: str, one: Mapping[str, Any], url: str) -> str:
    """The line that asks for it, with the key in `$HEARTBEAT_KEY`."""
    for param in one.get("parameters", []):
        if param["in"] == "path":
            value = param.get("examples") or param["schema"].get("examples") or [1]
            first = value[0] if isinstance(value, list) else next(iter(value.values()))
            path = path.replace(f"{{{param['name']}}}", str(first))
    words = ['curl -fsS -H "Authorization: Bearer $HEARTBEAT_KEY"']
    words += [] if verb == "get" else [f"-X {verb.upper()}"]
    content = one.get("requestBody", _MISSING)["content"]
    if "application/json" in content:
        sent = json.dumps(_first(content["application/json"]), ensure_ascii=False).replace("'", "'\\''")
        words += ["-H 'Content-Type: application/json'", f"-d '{sent}'"]
    elif content:
        (kind,) = content
        words += [f"-H 'Content-Type: {kind}'", "--data-binary @heartbeat.yaml"]
    return " \\\n  ".join([*words, f"{url}{path}"])


def _first(content: Mapping[str, Any]) -> Any:
    if "examples" in content:
        return next(iter(content["examples"].values()))["value"]
    return content.get("example")


def _examples(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    content = body["content"].get("application/json", {})
    named = {name: one["value"] for name, one in content.get("examples", {}).items()}
    named |= {"Example": content["example"]} if "example" in content else {}
    return [(name.replace("_", " "), _json(one)) for name, one in named.items()]


def _param(param: Mapping[str, Any], kinds: Mapping[str, Any]) -> Field:
    shape = param["schema"]
    return Field(
        name=param["name"],
        where=param["in"],
        kind=_kind(shape, kinds),
        wanted=param.get("required", False),
        words=_html(param.get("description", "")),
    )


def _fields(body: Mapping[str, Any], kinds: Mapping[str, Any]) -> list[Field]:
    shape = body["content"].get("application/json", {}).get("schema", {})
    whole = next((one for one in shape.get("anyOf", []) if "$ref" in one), shape)
    if "$ref" in whole:
        whole = kinds[whole["$ref"].rpartition("/")[2]]
    wanted = whole.get("required", [])
    return [
        Field(name, "body", _kind(one, kinds), name in wanted, _html(description.words_of(one)))
        for name, one in whole.get("properties", {}).items()
    ]


def _kind(shape: Mapping[str, Any], kinds: Mapping[str, Any]) -> str:
    """What a value is, in words."""
    if "$ref" in shape:
        return _kind(kinds[shape["$ref"].rpartition("/")[2]], kinds)
    if "enum" in shape:
        return "one of " + ", ".join(map(str, shape["enum"]))
    choices = [_kind(one, kinds) for one in shape.get("anyOf") or shape.get("oneOf") or []]
    if choices:
        return " or ".join(dict.fromkeys(one for one in choices if one != "null"))
    if shape.get("format") == "date-time":
        return "instant"
    kind = shape.get("type", "text")
    if kind == "array":
        return f"list of {_kind(shape.get('items', {}), kinds)}"
    named = {"string": "text", "integer": "whole number", "boolean": "true or false", "object": "object"}
    return named.get(kind, kind) if isinstance(kind, str) else "object"


def _told(status: str, told: Mapping[str, Any], described: Mapping[str, Any]) -> Told:
    if "$ref" in told:
        told = described["components"]["responses"][told["$ref"].rpartition("/")[2]]
        return Told(status, _html(told["description"]), "")
    content = told.get("content", {}).get("application/json", {})
    shown = _first(content) if content else None
    if content and shown is None:
        shown = example.of(content["schema"], described["components"]["schemas"])
    return Told(status, _html(told["description"]), _json(shown) if content else "")


def _faults(described: Mapping[str, Any]) -> list[Told]:
    """Everything that goes wrong, with the words for it."""
    found = []
    for one in described["components"]["responses"].values():
        (content,) = one["content"].values()
        told = content["example"]
        found.append(Told(str(told["status"]), _html(one["description"]), _json(told)))
    return found


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _html(text: str) -> Markup:
    """Words of ours, written in Markdown."""
    return Markup(_MARKDOWN.render(text))  # noqa: S704  # the text is ours, and HTML in it is not let through
