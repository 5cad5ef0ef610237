"""The description of the API in OpenAPI (3.1), completed so that a stranger can use it. Pure.

The framework makes the bones from the routes. Here they get what it cannot know: where the API is, which role an
operation needs, an example of everything, and what goes wrong in which words.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from heartbeat.actor import Role
from heartbeat.http.problem import Problem
from heartbeat.http.v1 import example

Node = dict[str, Any]

ABOUT: Final = """\
Watches scheduled jobs and pages whoever is on call when one falls silent.

**Who may.** Every address wants a key, as `Authorization: Bearer KEY` or `X-Api-Key: KEY`; a browser that has
signed in may read. Each operation says which role it needs: *viewer* looks, *responder* answers incidents, pauses
checks and makes maintenance, *admin* changes everything.

**Times.** Instants are in UTC, such as `2026-05-02T01:30:00Z`. In answers, durations are in seconds. In
definitions they are written as in the configuration file, such as `15m`.

**Asking twice.** Whatever changes something can be asked again without harm. `PUT` makes it so, and the same
again changes nothing. What is made by `POST` has a name, or takes an `Idempotency-Key`; only a
one-time link is made anew, and ends the one before.

**Asking often.** Answers carry an `ETag`. Sent back as `If-None-Match`, it saves an answer that has nothing new
(304). Sent as `If-Match` with a `PUT`, it keeps you from overwriting what somebody else has changed (412).

**Pages.** Lists come in pages: give `next` of the one before as `after` or `before`.

**Faults.** What cannot be done is answered as `application/problem+json` (RFC 9457), with one sentence in `detail`
that names the field. Fields that are not known are refused, and no type is guessed. What the configuration file
declares is changed in the file, and here refused (409).
"""

TAGS: Final[Mapping[str, str]] = {
    "overview": "How everything stands, in numbers.",
    "checks": "The jobs under watch: their definitions, how they stand, their pings, and who would be paged.",
    "incidents": "What people are paged for: acknowledge, snooze, resolve, note.",
    "maintenance": "Times in which nobody is paged for what is known to be worked on.",
    "people": "Who is paged, by which policy, through which notifiers.",
    "ping keys": "Keys by which jobs ping their checks by name.",
    "status pages": "What customers see.",
    "users": "Who signs in, and what their roles let them do.",
    "keys": "Keys by which programs use this API.",
    "audit": "The log of every change that somebody made.",
    "configuration": "All that the configuration file declares, at once.",
}

_FAULTS: Final[Mapping[str, tuple[str, str, str]]] = {
    "401": (
        "The key is missing or wrong.",
        "Unauthorized",
        "This is not a key that opens anything here: it may be mistyped, revoked or expired.",
    ),
    "403": (
        "The role may not do this.",
        "Forbidden",
        "This needs the role admin; anna has the role viewer.",
    ),
    "404": ("There is no such thing.", "Not Found", "There is no check 'nightly-backup'."),
    "409": (
        "It is as it is for a reason, which the sentence tells. Nothing was changed.",
        "Conflict",
        "The configuration file declares check nightly-backup: change it there.",
    ),
    "412": (
        "What `If-Match` or `If-None-Match` wants is not so. Nothing was changed.",
        "Precondition Failed",
        "If-Match: somebody has changed it since you read it; nothing was changed. Read it again first.",
    ),
    "413": (
        "The body is too large.",
        "Content Too Large",
        "The body is too large: this address takes at most 1 MB.",
    ),
    "422": (
        "Something in the request is not as it must be. Nothing was changed.",
        "Unprocessable Content",
        "grace: '15x' is not a duration; write for example 15m, 2h or 1d.",
    ),
    "503": (
        "The database does not answer. Ask again after `Retry-After`.",
        "Service Unavailable",
        "The database does not answer; what was asked can safely be asked again.",
    ),
}
_WELL: Final[Mapping[str, str]] = {"get": "What was asked for.", "delete": "It is gone."}
_ETAG: Final = {"ETag": {"description": "The tag of this answer.", "schema": {"type": "string"}}}


def complete(
    generated: Mapping[str, Any],
    public_url: str,
    roles: Mapping[str, Role],
    given: Mapping[str, Mapping[str, Any]],
) -> Node:
    """The whole description. By the ids of operations, `roles` are those that they need, and `given` examples of
    their bodies."""
    paths: Node = {
        path: {verb: _operation(verb, path, one, generated, roles, given) for verb, one in verbs.items()}
        for path, verbs in generated["paths"].items()
    }
    used = {tag for _, _, one in operations({"paths": paths}) for tag in one["tags"]}
    components = dict(generated["components"])
    return {
        **generated,
        "info": {**generated["info"], "description": ABOUT, "license": {"name": "MIT", "identifier": "MIT"}},
        "servers": [{"url": public_url, "description": "This installation."}],
        "tags": [{"name": name, "description": words} for name, words in TAGS.items() if name in used],
        "paths": paths,
        "components": {
            **components,
            "schemas": {**components["schemas"], "Problem": Problem.model_json_schema()},
            "responses": {_named(status): _fault(status) for status in _FAULTS},
        },
    }


def operations(described: Mapping[str, Any]) -> Iterator[tuple[str, str, Node]]:
    """Every operation with its path and its method."""
    for path, verbs in described["paths"].items():
        for verb, one in verbs.items():
            yield path, verb, one


def _operation(
    verb: str,
    path: str,
    one: Node,
    generated: Mapping[str, Any],
    roles: Mapping[str, Role],
    given: Mapping[str, Mapping[str, Any]],
) -> Node:
    role = roles.get(one["operationId"], Role.VIEWER)
    kinds = generated["components"]["schemas"]
    body = one.get("requestBody")
    if body and (examples := given.get(one["operationId"])):
        content = body["content"]["application/json"] | {"examples": examples}
        body = body | {"content": {"application/json": content}}
    return {
        **one,
        "summary": one["operationId"].replace("_", " ").capitalize(),
        "description": f"{one['description']}\n\nNeeds the role **{role}**.",
        "tags": one.get("tags", []),
        **(
            {"parameters": [_bare(param, path) for param in one["parameters"]]} if "parameters" in one else {}
        ),
        **({"requestBody": _with_example(body, kinds)} if body else {}),
        "responses": _answers(verb, path, one, role, kinds),
    }


def words_of(shape: Mapping[str, Any]) -> str:
    """What is said of a value: of itself, or of what it is where it is not null."""
    choices = [one["description"] for one in shape.get("anyOf", []) if "description" in one]
    found: str = shape.get("description") or next(iter(choices), "")
    return found


def _bare(param: Node, path: str) -> Node:
    """A parameter without the null that nobody can write in an address; a name with that of the examples."""
    shape = param["schema"]
    left = [one for one in shape.get("anyOf", []) if one != {"type": "null"}]
    only = left[0] if len(left) == 1 else shape
    if param["in"] == "path" and only.get("type") == "string":
        only = {**only, "examples": [example.NAMES["/".join(path.split("/")[:3])]]}
    return {**param, "schema": only, "description": param.get("description") or words_of(shape)}


def _answers(verb: str, path: str, one: Node, role: Role, kinds: Mapping[str, Any]) -> Node:
    headers = [param["name"].lower() for param in one.get("parameters", []) if param["in"] == "header"]
    polled = verb == "get" and "if-none-match" in headers
    found: Node = {}
    for status, answer in one["responses"].items():
        if status.startswith("2"):
            words = answer["description"]
            words = _WELL.get(verb, "As it is now.") if words == "Successful Response" else words
            tagged = {"headers": _ETAG} if polled or "if-match" in headers else {}
            found[status] = {**_with_example(answer, kinds), "description": words, **tagged}
        elif status == "default":
            found[status] = answer
    if polled:
        found["304"] = {"description": "Nothing is new.", "headers": _ETAG}
    faults = {"401": True, "403": role is not Role.VIEWER, "404": "{" in path, "503": True}
    faults |= {"409": verb in ("put", "post", "delete"), "412": "if-match" in headers}
    faults |= {"413": "requestBody" in one, "422": "requestBody" in one or "parameters" in one}
    refs = {
        status: {"$ref": f"#/components/responses/{_named(status)}"}
        for status, is_so in faults.items()
        if is_so
    }
    return dict(sorted({**found, **refs}.items()))


def _with_example(part: Node, kinds: Mapping[str, Any]) -> Node:
    """A body or an answer; its JSON has an example."""
    content = {}
    for kind, one in part.get("content", {}).items():
        bare = "json" in kind and not {"example", "examples"} & one.keys()
        content[kind] = {**one, "example": example.of(one["schema"], kinds)} if bare else one
    return {**part, "content": content} if content else part


def _named(status: str) -> str:
    return {"401": "KeyWanted", "403": "RoleWanted", "404": "Missing", "409": "Conflict"}.get(
        status, {"412": "Outdated", "413": "TooLarge", "422": "Unfit", "503": "Away"}.get(status, status)
    )


def _fault(status: str) -> Node:
    words, title, sentence = _FAULTS[status]
    told = {"type": "about:blank", "title": title, "status": int(status), "detail": sentence}
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": words,
        "content": {"application/problem+json": {"schema": schema, "example": told}},
    }
