"""The OpenAPI description and the manual: both are complete for every operation, and nothing foreign is loaded."""

import gzip
import json
import re
from typing import Any

import httpx
import jsonschema
import pytest

from heartbeat.app import System
from heartbeat.http.v1 import description, docs, example
from tests.unit.http.conftest import make_check, visitor
from tests.unit.http.markup import sound
from tests.unit.http.v1.conftest import problem


@pytest.fixture
async def described(admin: httpx.AsyncClient) -> Any:
    return (await admin.get("/v1/openapi.json")).json()


def every(described: Any) -> list[tuple[str, str, Any]]:
    return list(description.operations(described))


def content(described: Any) -> list[tuple[str, Any]]:
    """Return the JSON of every body and response, with its operation."""
    media = []
    for _, _, operation in every(described):
        parts = [operation.get("requestBody", {}), *operation["responses"].values()]
        for part in parts:
            for kind, schema in part.get("content", {}).items():
                if kind == "application/json":
                    media.append((operation["operationId"], schema))
    return media


async def test_every_operation_is_described_completely(described: Any) -> None:
    assert described["servers"][0]["url"] == "http://test"
    tags = {tag["name"] for tag in described["tags"]}
    assert all(tag["description"] for tag in described["tags"])
    assert described["components"]["securitySchemes"]
    for path, verb, operation in every(described):
        assert operation["summary"], operation["operationId"]
        assert re.search(r"Needs the role \*\*(viewer|responder|admin)\*\*\.$", operation["description"])
        assert operation["tags"], operation["operationId"]
        assert set(operation["tags"]) <= tags, operation["operationId"]
        assert {"401", "503"} <= operation["responses"].keys()
        assert ("404" in operation["responses"]) == ("{" in path)
        assert ("requestBody" not in operation) or ("422" in operation["responses"])
        params = {param["name"] for param in operation.get("parameters", [])}
        assert ("if-match" in params) == ("412" in operation["responses"])
        assert ("if-none-match" in params and verb == "get") == ("304" in operation["responses"])
        for param in operation.get("parameters", []):
            assert param["description"], (operation["operationId"], param["name"])


async def test_every_body_has_an_example_that_its_schema_allows(described: Any) -> None:
    components = {"components": described["components"]}
    bodies = content(described)
    assert len(bodies) > 40
    for _, media in bodies:
        examples = [titled["value"] for titled in media.get("examples", {}).values()] or [media["example"]]
        for value in examples:
            jsonschema.Draft202012Validator({**media["schema"], **components}).validate(value)


async def test_the_description_names_the_required_roles(described: Any) -> None:
    roles = {
        operation["operationId"]: operation["description"].rpartition("**")[0].rpartition("**")[2]
        for *_, operation in every(described)
    }
    assert roles["list_checks"] == "viewer"
    assert roles["pause_check"] == roles["acknowledge"] == roles["make_maintenance"] == "responder"
    assert roles["define_check"] == roles["apply_configuration"] == roles["make_ping_key"] == "admin"


async def test_examples_of_definitions_are_accepted(
    system: System, admin: httpx.AsyncClient, described: Any
) -> None:
    defining = ("define_check", "define_policy", "define_person", "define_status_page")
    for path, _, operation in every(described):
        if operation["operationId"] not in defining:
            continue
        for titled in operation["requestBody"]["content"]["application/json"]["examples"].values():
            text = json.dumps(titled["value"]).replace('"anna"', '"first"').replace('"ben"', '"first"')
            text = text.replace('["first", "first"]', '["first"]')
            if "null" in text or "email" in text:
                continue
            address = path.format(name="example")
            answer = await admin.put(address, content=text, headers={"Content-Type": "application/json"})
            assert answer.is_success, (operation["operationId"], answer.text)


def test_an_example_follows_its_schema() -> None:
    components = {
        "Kind": {"properties": {"id": {"type": "integer"}, "at": {"type": "string", "format": "date-time"}}}
    }
    schema = {"type": "array", "items": {"anyOf": [{"$ref": "#/components/schemas/Kind"}, {"type": "null"}]}}
    assert example.of(schema, components) == [{"id": 12, "at": "2026-05-02T01:30:00Z"}]
    assert example.of({"enum": ["open", "closed"]}, {}, "state") == "open"
    assert example.of({"examples": ["x", "y"]}, {}, "slug") == "x"
    assert example.of({"type": "object", "additionalProperties": True}, {}) == {}


async def test_the_manual_has_a_curl_command_for_every_operation(
    admin: httpx.AsyncClient, described: Any
) -> None:
    answer = await admin.get("/v1/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    sound(answer.text)
    for path, verb, operation in every(described):
        assert f'id="{operation["operationId"]}"' in answer.text
        assert f"<b>{verb.upper()}</b> <code>{path}</code>" in answer.text
    assert answer.text.count("curl -fsS") == len(every(described))
    assert "<script" not in answer.text
    assert not re.findall(r'(?:src|href)="https?://', answer.text)


async def test_the_manual_is_compressed(admin: httpx.AsyncClient) -> None:
    async with admin.stream("GET", "/v1/docs", headers={"Accept-Encoding": "gzip"}) as answer:
        zipped = b"".join([part async for part in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert len(zipped) < 50_000
    plain = await admin.get("/v1/docs", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert gzip.decompress(zipped) == plain.content


async def test_the_curl_commands_are_complete(described: Any) -> None:
    lines = {
        operation["operationId"]: docs.curl(path, verb, operation, "https://x")
        for path, verb, operation in every(described)
    }
    assert (
        lines["list_checks"]
        == 'curl -fsS -H "Authorization: Bearer $HEARTBEAT_KEY" \\\n  https://x/v1/checks'
    )
    assert lines["pause_check"] == (
        'curl -fsS -H "Authorization: Bearer $HEARTBEAT_KEY" \\\n  -X POST \\\n  '
        "https://x/v1/checks/nightly-backup/pause"
    )
    assert '-d \'{"steps": [{"page": "anna"' in lines["define_policy"]
    assert "--data-binary @heartbeat.yaml" in lines["apply_configuration"]


async def test_the_manual_needs_a_key_or_a_sign_in(system: System, client: httpx.AsyncClient) -> None:
    assert problem(await client.get("/v1/docs"), 401)
    async with visitor(system, Accept="text/html,*/*") as browser:
        answer = await browser.get("/v1/docs")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/v1/docs")


async def test_the_manual_contains_nothing_of_the_installation(
    system: System, admin: httpx.AsyncClient
) -> None:
    await make_check(system, "a-name-of-ours")
    assert "a-name-of-ours" not in (await admin.get("/v1/docs")).text


async def test_the_api_describes_itself(system: System, admin: httpx.AsyncClient) -> None:
    described = (await admin.get("/v1/openapi.json")).json()

    assert all(path.startswith("/v1/") for path in described["paths"])
    operations = [operation for verbs in described["paths"].values() for operation in verbs.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations) >= 17
    for operation in operations:
        assert operation["description"]
        assert operation["security"]
        assert "application/problem+json" in operation["responses"]["default"]["content"]
        # Not the framework's own, which answers otherwise.
        assert operation["responses"].get("422", {}).keys() <= {"$ref"}
    # No kind is called by the name of its module, as two of one name would be.
    assert not [name for name in described["components"]["schemas"] if "_" in name or "-" in name]
