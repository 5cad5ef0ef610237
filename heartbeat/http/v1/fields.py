"""What a request to the API may say, field by field: each type states in words what it expects."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Body, Header, Path, Query
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)

from heartbeat.actor import Actor
from heartbeat.checks.check import State
from heartbeat.checks.maintenance import Phase
from heartbeat.definitions import entry as definition_entry
from heartbeat.definitions.single import SHAPES

MAX_NUMBER = 2**63 - 1
"""The largest number that a row can have."""
MAX_PAGE = 200
MAX_NOTE = 10_000
MAX_PATH = 4_096


def expects(words: str) -> WrapValidator:
    """Tell what is expected in these words, whatever pydantic would say."""

    def validate(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError:
            raise ValueError(words) from None

    return WrapValidator(validate)


def _instant(value: Any) -> datetime:
    return definition_entry.instant(value if isinstance(value, str) else "")


def _cursor(text: str) -> str:
    return definition_entry.slug(text) if text else text


def _keepable(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not have NUL characters, which no database keeps")
    return text


Limit = Annotated[
    int,
    Query(ge=1, le=MAX_PAGE, description="How many at most."),
    expects("must be a whole number from 1 to 200"),
]
After = Annotated[
    str, Query(description="Go on after this slug: `next` of the page before."), AfterValidator(_cursor)
]
Before = Annotated[
    int,
    Query(ge=1, le=MAX_NUMBER, description="Go on before this number: `next` of the page before."),
    expects("must be the number of an incident"),
]
BeforePing = Annotated[
    int,
    Query(ge=1, le=MAX_NUMBER, description="Go on before this ping: `next` of the page before."),
    expects("must be the number of a ping"),
]
BeforeTransition = Annotated[
    int,
    Query(ge=1, le=MAX_NUMBER, description="Go on before this: `next` of the page before."),
    expects("must be what `next` of the page before says"),
]
BeforeDeed = Annotated[
    int,
    Query(ge=1, le=MAX_NUMBER, description="Go on before this number: `next` of the page before."),
    expects("must be the number of a change"),
]
AfterText = Annotated[
    str, Query(description="Go on after this name: `next` of the page before."), AfterValidator(_keepable)
]
OnlyOpen = Annotated[bool, Query(description="Leave out what is resolved."), expects("must be true or false")]
Shown = Annotated[
    State,
    Query(description="Only checks in this state."),
    expects(f"must be one of {', '.join(State)}"),
]
Name = Annotated[str, Path(description="The slug or the uuid of a check.")]
Number = Annotated[
    int,
    Path(ge=1, le=MAX_NUMBER, description="The number of an incident."),
    expects("must be the number of an incident"),
]
Nth = Annotated[
    int,
    Path(ge=1, le=MAX_NUMBER, description="Which ping, counted from 1."),
    expects("must be the number of a ping"),
]
WindowNumber = Annotated[
    int,
    Path(ge=1, le=MAX_NUMBER, description="The number of a maintenance window."),
    expects("must be the number of a maintenance window"),
]
BeforeWindow = Annotated[
    int,
    Query(ge=1, le=MAX_NUMBER, description="Go on before this number: `next` of the page before."),
    expects("must be the number of a maintenance window"),
]
WindowPhase = Annotated[
    Phase,
    Query(description="Only windows in this phase."),
    expects(f"must be one of {', '.join(Phase)}"),
]
FileName = Annotated[
    str,
    Query(description="The file's name, for the words of problems."),
    AfterValidator(definition_entry.line(MAX_PATH)),
]

Slug = Annotated[str, Path(description="Its name: a-z, 0-9, _ and -.")]
NewSlug = Annotated[
    str,
    Path(description="Its name: a-z, 0-9, _ and -, at most 100."),
    AfterValidator(definition_entry.slug),
]
AfterName = Annotated[
    str, Query(description="Go on after this name: `next` of the page before."), AfterValidator(_cursor)
]
RequestKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        description="Any text that is new for each thing made: asked again with the same, it is made once.",
        max_length=200,
        examples=["move-2026-05-02"],
    ),
]


def request(actor: Actor, key: str) -> str | None:
    """The name of a request with such a key. Those of two people are never the same."""
    return f"{actor.via}: {actor.name}: {key}" if key else None


def definition_schema(what: str) -> WithJsonSchema:
    """A body that defines a check, a person, a policy or a status page is described as the file's schema does."""
    return WithJsonSchema(SHAPES[what])


def definition_body(**examples: dict[str, Any]) -> Any:
    """Such a body, with examples by what they show."""
    named = {name: {"summary": name.replace("_", " "), "value": one} for name, one in examples.items()}
    about = "What the configuration file has behind its name, as JSON. What is left out has its default."
    return Body(description=about, openapi_examples=named)  # type: ignore[arg-type]  # OpenAPI's own shape


Instant = Annotated[datetime, BeforeValidator(_instant)]
By = Annotated[
    str,
    Field(description="Who does this, where that is not who calls.", examples=["first"]),
    AfterValidator(definition_entry.line(definition_entry.MAX_NAME)),
]
Occurrence = Annotated[
    int,
    Field(strict=True, ge=1, le=MAX_NUMBER, description="Only if the incident is still in this occurrence."),
    expects("must be a whole number from 1"),
]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    by: By | None = None


class Acknowledge(_Asked):
    """I take care of this: page nobody else until then."""

    occurrence: Occurrence | None = None
    until: Instant | None = Field(default=None, description="Within 7 days; else for the usual time.")


class Snooze(_Asked):
    """Page nobody until then, and then again."""

    until: Instant = Field(description="Within 7 days.")


class Resolve(_Asked):
    """This is over."""


class Note(_Asked):
    """Words for the timeline."""

    words: Annotated[str, Field(min_length=1, max_length=MAX_NOTE), AfterValidator(_keepable)]
