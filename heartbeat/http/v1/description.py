"""The complete description of the API in OpenAPI (3.1). Pure.

FastAPI generates the description from the routes. This room adds the address of the installation, the role that each
operation needs, examples and errors.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from heartbeat.actor import Role
from heartbeat.http.problem import Problem
from heartbeat.http.v1 import example

Node = dict[str, Any]

ABOUT: Final = """\
heartbeat watches scheduled jobs and pages the person on call when one falls silent.

**Access.** Every request needs a key: `Authorization: Bearer KEY` or `X-Api-Key: KEY`. A signed-in browser can
read. Each operation names the role that it needs. A *viewer* can read. A *responder* can also answer incidents,
pause checks, create maintenance windows and write announcements. An *admin* can change everything.

**Times.** Times are in UTC, such as `2026-05-02T01:30:00Z`. Durations in answers are in seconds. Definitions
have them as the configuration file does, such as `15m`.

**Repeated requests.** Every change can be repeated without harm. A repeated `PUT` changes nothing. An object
created by `POST` has a name, or accepts an `Idempotency-Key`. Only a one-time link
and the uuid of a check are replaced once more.

**Polling and safe changes.** Answers have an `ETag`. Send it as `If-None-Match` with the next read: if nothing
has changed, the answer is 304. Send it as `If-Match` with a `PUT`: if somebody else has changed it, the answer is
412 and nothing is overwritten.

**Lists.** Lists are paginated: send `next` of the previous answer as `after` or `before`.

**Errors.** Errors are `application/problem+json` (RFC 9457). `detail` has one sentence that names the field.
Unknown fields are refused, and no type is guessed. Things that the configuration file declares can only be changed
in the file; here the answer is 409.
"""

TAGS: Final[Mapping[str, str]] = {
    "overview": "The state of the installation in numbers.",
    "checks": "Checks: their definitions, states and pings, and who would be paged.",
    "incidents": "Incidents: read, acknowledge, snooze and resolve them, and add notes.",
    "maintenance": "Maintenance windows, in which nobody is paged for certain checks.",
    "people": "People, escalation policies and notifiers.",
    "ping keys": "Keys with which jobs ping their checks by name.",
    "status pages": "Status pages for customers, and their announcements.",
    "users": "Users and their roles.",
    "keys": "API keys for programs.",
    "audit": "The log of every change.",
    "configuration": "The configuration file, and the encryption keys.",
}

_ERRORS: Final[Mapping[str, tuple[str, str, str]]] = {
    "401": (
        "The key is missing, wrong, revoked or expired.",
        "Unauthorized",
        "This API key is not valid. It may be mistyped, revoked or expired.",
    ),
    "403": (
        "The key may not do this.",
        "Forbidden",
        "This needs the role admin. anna has the role viewer.",
    ),
    "404": ("It does not exist.", "Not Found", "There is no check 'nightly-backup'."),
    "409": (
        "Its current state does not allow this. The sentence says why. Nothing was changed.",
        "Conflict",
        "The configuration file declares check nightly-backup: change it there.",
    ),
    "412": (
        "The condition in `If-Match` or `If-None-Match` does not hold. Nothing was changed.",
        "Precondition Failed",
        "If-Match: it has changed since you read it. Nothing was changed. Read it again first.",
    ),
    "413": (
        "The body is too large.",
        "Content Too Large",
        "The body is too large. This address accepts at most 64 kB.",
    ),
    "422": (
        "The request has an error. Nothing was changed.",
        "Unprocessable Content",
        "grace: '15x' is not a duration; write for example 15m, 2h or 1d.",
    ),
    "503": (
        "The database does not answer. Retry after `Retry-After`.",
        "Service Unavailable",
        "The database does not answer. It is safe to repeat the request.",
    ),
}
_SUCCESS: Final[Mapping[str, str]] = {"get": "The answer.", "delete": "It was deleted."}
_ETAG: Final = {"ETag": {"description": "The tag of this version.", "schema": {"type": "string"}}}


def complete(
    generated: Mapping[str, Any],
    public_url: str,
    roles: Mapping[str, Role],
    examples: Mapping[str, Mapping[str, Any]],
) -> Node:
    """Return the complete description. `roles` and `examples` (of bodies) are by operation id."""
    paths: Node = {
        path: {verb: _operation(verb, path, node, generated, roles, examples) for verb, node in verbs.items()}
        for path, verbs in generated["paths"].items()
    }
    used = {tag for _, _, node in operations({"paths": paths}) for tag in node["tags"]}
    components = dict(generated["components"])
    return {
        **generated,
        "info": {**generated["info"], "description": ABOUT, "license": {"name": "MIT", "identifier": "MIT"}},
        "servers": [{"url": public_url, "description": "This installation."}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items() if name in used],
        "paths": paths,
        "components": {
            **components,
            "schemas": {**components["schemas"], "Problem": Problem.model_json_schema()},
            "responses": {_component(status): _error(status) for status in _ERRORS},
        },
    }


def operations(described: Mapping[str, Any]) -> Iterator[tuple[str, str, Node]]:
    """Yield every operation with its path and its method."""
    for path, verbs in described["paths"].items():
        for verb, node in verbs.items():
            yield path, verb, node


def _operation(
    verb: str,
    path: str,
    operation: Node,
    generated: Mapping[str, Any],
    roles: Mapping[str, Role],
    examples: Mapping[str, Mapping[str, Any]],
) -> Node:
    role = roles.get(operation["operationId"], Role.VIEWER)
    schemas = generated["components"]["schemas"]
    body = operation.get("requestBody")
    if body and (body_examples := examples.get(operation["operationId"])):
        content = body["content"]["application/json"] | {"examples": body_examples}
        body = body | {"content": {"application/json": content}}
    return {
        **operation,
        "summary": operation["operationId"].replace("_", " ").capitalize(),
        "description": f"{operation['description']}\n\nNeeds the role **{role}**.",
        "tags": operation.get("tags", []),
        **(
            {"parameters": [_parameter(param, path) for param in operation["parameters"]]}
            if "parameters" in operation
            else {}
        ),
        **({"requestBody": _with_example(body, schemas)} if body else {}),
        "responses": _responses(verb, path, operation, role, schemas),
    }


def schema_description(schema: Mapping[str, Any]) -> str:
    """Return the description of a schema, or of its first choice that has one."""
    choices = [choice["description"] for choice in schema.get("anyOf", []) if "description" in choice]
    description: str = schema.get("description") or next(iter(choices), "")
    return description


def _parameter(param: Node, path: str) -> Node:
    """Return a parameter without its null, which no address can have, and with an example of a name."""
    schema = param["schema"]
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    only = choices[0] if len(choices) == 1 else schema
    if param["in"] == "path" and only.get("type") == "string":
        only = {**only, "examples": [example.NAMES["/".join(path.split("/")[:3])]]}
    return {**param, "schema": only, "description": param.get("description") or schema_description(schema)}


def _responses(verb: str, path: str, operation: Node, role: Role, schemas: Mapping[str, Any]) -> Node:
    headers = [param["name"].lower() for param in operation.get("parameters", []) if param["in"] == "header"]
    polled = verb == "get" and "if-none-match" in headers
    responses: Node = {}
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            text = response["description"]
            text = _SUCCESS.get(verb, "The current state.") if text == "Successful Response" else text
            tagged = {"headers": _ETAG} if polled or "if-match" in headers else {}
            responses[status] = {**_with_example(response, schemas), "description": text, **tagged}
        elif status == "default":
            responses[status] = response
    if polled:
        responses["304"] = {"description": "Nothing has changed.", "headers": _ETAG}
    errors = {"401": True, "403": role is not Role.VIEWER, "404": "{" in path, "503": True}
    errors |= {"409": verb in ("put", "post", "delete"), "412": "if-match" in headers}
    errors |= {
        "413": "requestBody" in operation,
        "422": "requestBody" in operation or "parameters" in operation,
    }
    refs = {
        status: {"$ref": f"#/components/responses/{_component(status)}"}
        for status, possible in errors.items()
        if possible
    }
    return dict(sorted({**responses, **refs}.items()))


def _with_example(part: Node, schemas: Mapping[str, Any]) -> Node:
    """Return a body or a response with an example of its JSON."""
    content = {}
    for kind, media in part.get("content", {}).items():
        lacks_example = "json" in kind and not {"example", "examples"} & media.keys()
        content[kind] = {**media, "example": example.of(media["schema"], schemas)} if lacks_example else media
    return {**part, "content": content} if content else part


def _component(status: str) -> str:
    return {"401": "KeyWanted", "403": "RoleWanted", "404": "Missing", "409": "Conflict"}.get(
        status, {"412": "Outdated", "413": "TooLarge", "422": "Unfit", "503": "Away"}.get(status, status)
    )


def _error(status: str) -> Node:
    meaning, title, sentence = _ERRORS[status]
    problem = {"type": "about:blank", "title": title, "status": int(status), "detail": sentence}
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": meaning,
        "content": {"application/problem+json": {"schema": schema, "example": problem}},
    }
