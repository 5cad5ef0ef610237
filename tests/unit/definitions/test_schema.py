"""The JSON schema of the configuration file."""

from typing import Any

import jsonschema
import pytest

from alerting.escalation import Step
from alerting.person import Person
from heartbeat.checks.definition import CheckDefinition
from heartbeat.checks.expectation import Expectation
from heartbeat.definitions import file as configuration_file
from heartbeat.definitions import schema as configuration_schema
from heartbeat.definitions.model import Configuration
from heartbeat.definitions.status_page import Component, StatusPage
from tests.unit.definitions.declared import EXAMPLE, fits, parse
from tests.unit.definitions.faults import MALFORMED


@pytest.mark.parametrize("text", [text for text, _ in MALFORMED])
def test_the_schema_refuses_malformed_files(text: str) -> None:
    assert not fits(text)


@pytest.mark.parametrize("text", [EXAMPLE, configuration_file.sample("${HEARTBEAT_PING_KEY}")])
def test_the_schema_accepts_valid_files(text: str) -> None:
    assert fits(text)
    parse(text)


def test_the_schema_is_a_valid_json_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(configuration_file.json_schema())


def fields(noun: Any) -> set[str]:
    return set(noun.__slots__) - {"origin"}


def test_every_field_of_the_nouns_can_be_written() -> None:
    # A slug is the key of its entry, and `max_runtime` says whether it is until done.
    assert fields(CheckDefinition) - {"slug", "until_done", "expectation"} <= configuration_schema.CHECK
    assert fields(Expectation) <= configuration_schema.CHECK
    assert fields(Person) - {"id", "channel"} <= configuration_schema.PERSON
    assert fields(Step) - {"targets", "assigned"} | {"page"} <= configuration_schema.STEP
    assert fields(Component) - {"group"} <= configuration_schema.COMPONENT
    assert fields(StatusPage) - {"slug", "automatic"} <= configuration_schema.STATUS_PAGE
    assert fields(Configuration) - {"ping_key_references", "warnings", "sources"} <= configuration_schema.TOP
