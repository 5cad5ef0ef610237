"""The manual of the API: its description in OpenAPI as HTML to read and print."""

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
    """One parameter or body field."""

    name: str
    place: str
    kind: str
    required: bool
    description: Markup


@dataclass(frozen=True, slots=True)
class DocumentedResponse:
    """One possible response. The example is empty if it has no body."""

    status: str
    description: Markup
    example: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API."""

    id: str
    method: str
    path: str
    summary: str
    description: Markup
    params: Sequence[Field]
    fields: Sequence[Field]
    examples: Sequence[tuple[str, str]]
    curl: str
    replies: Sequence[DocumentedResponse]


@dataclass(frozen=True, slots=True)
class Chapter:
    """The operations of one tag."""

    name: str
    anchor: str
    description: str
    operations: Sequence[Operation]


@router.get("/docs")
async def show_docs(request: Request, context: ContextDep) -> Response:
    """Show the manual. A browser that is not signed in is sent to the sign-in."""
    try:
        await auth.reader(request)
    except KeyRequired:
        if "text/html" in request.headers.get("accept", ""):
            return render.see_other("/sign-in?next=/v1/docs")
        raise
    described = description_of(request.app, context.public_url)
    about = _html(described["info"]["description"])
    version, errors = described["info"]["version"], _errors(described)
    tomorrow = (context.clock.now() + timedelta(days=1)).date()
    chapter_list = chapters(with_examples_on(described, tomorrow))
    manual = render.render(
        "v1/docs.html",
        about=about,
        version=version,
        url=context.public_url,
        chapters=chapter_list,
        errors=errors,
    )
    return render.zipped(request, manual)


def description_of(app: FastAPI, public_url: str) -> dict[str, Any]:
    """Return the complete description. It is built once."""
    if not hasattr(app.state, "description"):
        all_routes = [route_context.route for route_context in iter_route_contexts(app.routes)]
        routes = [route for route in all_routes if isinstance(route, APIRoute)]
        roles = {route.name: _role(route) for route in routes}
        examples = {route.name: of_body for route in routes if (of_body := _body_examples(route))}
        app.state.description = description.complete(app.openapi(), public_url, roles, examples)
    complete: dict[str, Any] = app.state.description
    return complete


def with_examples_on(described: Mapping[str, Any], day: date) -> dict[str, Any]:
    """Return the description with the examples of requests moved to this day, so that they can be tried out."""
    paths = {
        path: {verb: dict(operation) for verb, operation in verbs.items()}
        for path, verbs in described["paths"].items()
    }
    for _, _, operation in description.operations({"paths": paths}):
        if "requestBody" in operation:
            body = json.dumps(operation["requestBody"]).replace(example.DAY, f"{day}")
            operation["requestBody"] = json.loads(body)
    return {**described, "paths": paths}


def chapters(described: Mapping[str, Any]) -> list[Chapter]:
    """Return the operations by their tags."""
    tagged = [
        (operation["tags"], _operation(path, verb, operation, described))
        for path, verb, operation in description.operations(described)
    ]
    return [
        Chapter(
            tag["name"],
            tag["name"].replace(" ", "-"),
            tag["description"],
            [operation for tags, operation in tagged if tag["name"] in tags],
        )
        for tag in described["tags"]
    ]


def _body_examples(route: APIRoute) -> dict[str, Any]:
    # FastAPI drops their null values from its own description.
    params = route.dependant.body_params
    examples: Any = getattr(params[0].field_info, "openapi_examples", None) if params else None
    return examples or {}


def _role(route: APIRoute) -> Role:
    """Return the highest role that any dependency of a route requires."""
    roles, dependants = [Role.VIEWER], [route.dependant]
    while dependants:
        dependant = dependants.pop()
        roles += [auth.REQUIRED_ROLES[dependant.call]] if dependant.call in auth.REQUIRED_ROLES else []
        dependants += dependant.dependencies
    return max(roles, key=list(Role).index)


def _operation(path: str, verb: str, node: Mapping[str, Any], described: Mapping[str, Any]) -> Operation:
    schemas = described["components"]["schemas"]
    body = node.get("requestBody", _MISSING)
    replies = [
        _reply(status, response, described)
        for status, response in node["responses"].items()
        if status != "default"
    ]
    return Operation(
        id=node["operationId"],
        method=verb.upper(),
        path=path,
        summary=node["summary"],
        description=_html(node["description"]),
        params=[_param(param, schemas) for param in node.get("parameters", [])],
        fields=_fields(body, schemas),
        examples=_examples(body),
        curl=curl(path, verb, node, described["servers"][0]["url"]),
        replies=replies,
    )


def curl(path: str, verb: str, operation: Mapping[str, Any], url: str) -> str:
    """Return a curl command for an operation, with the key in `$HEARTBEAT_KEY`."""
    for param in operation.get("parameters", []):
        if param["in"] == "path":
            value = param.get("examples") or param["schema"].get("examples") or [1]
            first = value[0] if isinstance(value, list) else next(iter(value.values()))
            path = path.replace(f"{{{param['name']}}}", str(first))
    arguments = ['curl -fsS -H "Authorization: Bearer $HEARTBEAT_KEY"']
    arguments += [] if verb == "get" else [f"-X {verb.upper()}"]
    content = operation.get("requestBody", _MISSING)["content"]
    if "application/json" in content:
        body = json.dumps(_first(content["application/json"]), ensure_ascii=False).replace("'", "'\\''")
        arguments += ["-H 'Content-Type: application/json'", f"-d '{body}'"]
    elif content:
        (kind,) = content
        arguments += [f"-H 'Content-Type: {kind}'", "--data-binary @heartbeat.yaml"]
    return " \\\n  ".join([*arguments, f"{url}{path}"])


def _first(content: Mapping[str, Any]) -> Any:
    if "examples" in content:
        return next(iter(content["examples"].values()))["value"]
    return content.get("example")


def _examples(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    content = body["content"].get("application/json", {})
    examples = {title: titled["value"] for title, titled in content.get("examples", {}).items()}
    examples |= {"Example": content["example"]} if "example" in content else {}
    return [(title.replace("_", " "), _json(value)) for title, value in examples.items()]


def _param(param: Mapping[str, Any], schemas: Mapping[str, Any]) -> Field:
    return Field(
        name=param["name"],
        place=param["in"],
        kind=_kind(param["schema"], schemas),
        required=param.get("required", False),
        description=_html(param.get("description", "")),
    )


def _fields(body: Mapping[str, Any], schemas: Mapping[str, Any]) -> list[Field]:
    schema = body["content"].get("application/json", {}).get("schema", {})
    schema = next((choice for choice in schema.get("anyOf", []) if "$ref" in choice), schema)
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    required = schema.get("required", [])
    return [
        Field(
            name,
            "body",
            _kind(field, schemas),
            name in required,
            _html(description.schema_description(field)),
        )
        for name, field in schema.get("properties", {}).items()
    ]


def _kind(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    """Return the type of a value in words."""
    if "$ref" in schema:
        return _kind(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    choices = [_kind(choice, schemas) for choice in schema.get("anyOf") or schema.get("oneOf") or []]
    if choices:
        return " or ".join(dict.fromkeys(choice for choice in choices if choice != "null"))
    if schema.get("format") == "date-time":
        return "time"
    kind = schema.get("type", "text")
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}), schemas)}"
    phrases = {"string": "text", "integer": "whole number", "boolean": "true or false", "object": "object"}
    return phrases.get(kind, kind) if isinstance(kind, str) else "object"


def _reply(status: str, response: Mapping[str, Any], described: Mapping[str, Any]) -> DocumentedResponse:
    if "$ref" in response:
        response = described["components"]["responses"][response["$ref"].rpartition("/")[2]]
        return DocumentedResponse(status, _html(response["description"]), "")
    content = response.get("content", {}).get("application/json", {})
    value = _first(content) if content else None
    if content and value is None:
        value = example.of(content["schema"], described["components"]["schemas"])
    return DocumentedResponse(status, _html(response["description"]), _json(value) if content else "")


def _errors(described: Mapping[str, Any]) -> list[DocumentedResponse]:
    """Return the errors that operations share, with an example of each."""
    errors = []
    for response in described["components"]["responses"].values():
        (content,) = response["content"].values()
        problem = content["example"]
        errors.append(
            DocumentedResponse(str(problem["status"]), _html(response["description"]), _json(problem))
        )
    return errors


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _html(text: str) -> Markup:
    """Render our own Markdown."""
    return Markup(_MARKDOWN.render(text))  # noqa: S704  # the text is ours, and HTML in it is not let through
