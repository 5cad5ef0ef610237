"""The parameters and body fields of requests to the API. Each type says in its error what it expects."""

from datetime import datetime
from typing import Annotated, Any, Literal

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
from heartbeat.checks.actions import ANSWERED_AT_ONCE
from heartbeat.checks.check import State
from heartbeat.checks.maintenance import Phase
from heartbeat.definitions import entry as definition_entry
from heartbeat.definitions.single import SHAPES
from heartbeat.measurements.history import KEPT_DAYS
from heartbeat.pings.measurement import LONGEST_NAME
from heartbeat.safe_text import is_harmless

MAX_NUMBER = 2**63 - 1
"""The largest number of a row."""
MAX_LIMIT = 200
MAX_NOTE = 10_000
MAX_PATH = 4_096


def expects(phrase: str) -> WrapValidator:
    """Return a validator that replaces every error of pydantic by this phrase."""

    def validate(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError:
            raise ValueError(phrase) from None

    return WrapValidator(validate)


def _instant(value: Any) -> datetime:
    return definition_entry.instant(value if isinstance(value, str) else "")


def _digits(value: Any) -> Any:
    """Return a parameter that is a whole number, as written: 1.0 is none."""
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError("must be a whole number")
    return value


def _cursor(text: str) -> str:
    return definition_entry.slug(text) if text else text


def without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not have NUL characters, which databases cannot store")
    return text


def harmless(text: str) -> str:
    if not is_harmless(text):
        raise ValueError("must be text without control characters")
    return text


Limit = Annotated[
    int,
    Query(ge=1, le=MAX_LIMIT, description="The number of entries, at most."),
    BeforeValidator(_digits),
    expects("must be a whole number from 1 to 200"),
]
Days = Annotated[
    int,
    Query(ge=1, le=KEPT_DAYS, description="The number of days up to now."),
    BeforeValidator(_digits),
    expects("must be a whole number from 1 to 400"),
]
MeasurementName = Annotated[
    str,
    Query(description="The name of a number, such as `rows` or `disk.free`.", max_length=LONGEST_NAME),
    AfterValidator(without_nul),
    expects("must be the name of a number"),
]
Before = Annotated[
    int,
    Query(ge=1, le=MAX_NUMBER, description="Entries before this number: `next` of the previous answer."),
    BeforeValidator(_digits),
    expects("must be the number of an incident"),
]
BeforePing = Annotated[
    int,
    Query(ge=1, le=MAX_NUMBER, description="Entries before this ping: `next` of the previous answer."),
    BeforeValidator(_digits),
    expects("must be the number of a ping"),
]
BeforeTransition = Annotated[
    int,
    Query(ge=1, le=MAX_NUMBER, description="Entries before this one: `next` of the previous answer."),
    BeforeValidator(_digits),
    expects("must be the `next` of the previous answer"),
]
BeforeAuditEntry = Annotated[
    int,
    Query(ge=1, le=MAX_NUMBER, description="Entries before this number: `next` of the previous answer."),
    BeforeValidator(_digits),
    expects("must be the number of an audit entry"),
]
AfterText = Annotated[
    str,
    Query(description="Entries after this name: `next` of the previous answer."),
    AfterValidator(without_nul),
]
OnlyOpen = Annotated[
    bool, Query(description="Leave out resolved incidents."), expects("must be true or false")
]
CheckState = Annotated[
    State,
    Query(description="Only checks in this state."),
    expects(f"must be one of {', '.join(State)}"),
]
CheckName = Annotated[str, Path(description="The slug or the uuid of a check.")]
IncidentNumber = Annotated[
    int,
    Path(ge=1, le=MAX_NUMBER, description="The number of an incident."),
    BeforeValidator(_digits),
    expects("must be the number of an incident"),
]
AnnouncementNumber = Annotated[
    int,
    Path(ge=1, le=MAX_NUMBER, description="The number of an announcement."),
    BeforeValidator(_digits),
    expects("must be the number of an announcement"),
]
PingNumber = Annotated[
    int,
    Path(ge=1, le=MAX_NUMBER, description="The number of the ping, counted from 1."),
    BeforeValidator(_digits),
    expects("must be the number of a ping"),
]
OverrideNumber = Annotated[
    int,
    Path(ge=1, le=MAX_NUMBER, description="The number of an override or a leave."),
    BeforeValidator(_digits),
    expects("must be the number of an override"),
]
SwapNumber = Annotated[
    int,
    Path(ge=1, le=MAX_NUMBER, description="The number of a swap."),
    BeforeValidator(_digits),
    expects("must be the number of a swap"),
]
WindowNumber = Annotated[
    int,
    Path(ge=1, le=MAX_NUMBER, description="The number of a maintenance window."),
    BeforeValidator(_digits),
    expects("must be the number of a maintenance window"),
]
BeforeWindow = Annotated[
    int,
    Query(ge=1, le=MAX_NUMBER, description="Entries before this number: `next` of the previous answer."),
    BeforeValidator(_digits),
    expects("must be the number of a maintenance window"),
]
WindowPhase = Annotated[
    Phase,
    Query(description="Only windows in this phase."),
    expects(f"must be one of {', '.join(Phase)}"),
]
DeleteHeard = Annotated[
    bool,
    Query(description="Delete checks that pinged before and are no longer in the file."),
    expects("must be true or false"),
]
FileName = Annotated[
    str,
    Query(description="The name of the file in error messages."),
    AfterValidator(definition_entry.line(MAX_PATH)),
]

Slug = Annotated[str, Path(description="The name: a-z, 0-9, _ and -.")]
NewSlug = Annotated[
    str,
    Path(description="The name: a-z, 0-9, _ and -, at most 100 characters."),
    AfterValidator(definition_entry.slug),
]
AfterName = Annotated[
    str, Query(description="Entries after this name: `next` of the previous answer."), AfterValidator(_cursor)
]
RequestKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        description="Any text that is new for each object. A repeated request with the same text creates it once.",
        max_length=200,
        examples=["move-2026-05-02"],
    ),
]


def request(actor: Actor, key: str) -> str | None:
    """Return the name of a request, unique per actor. None without a key."""
    return f"{actor.via}: {actor.name}: {key}" if key else None


def definition_schema(noun: str) -> WithJsonSchema:
    """Return the schema of a definition, which is the same as in the configuration file."""
    return WithJsonSchema(SHAPES[noun])


def definition_body(**examples: dict[str, Any]) -> Any:
    """Return the body of a definition, with examples by their titles."""
    titled = {
        title: {"summary": title.replace("_", " "), "value": example} for title, example in examples.items()
    }
    description = "The entry of the configuration file, as JSON. Fields that are left out get their defaults."
    return Body(description=description, openapi_examples=titled)  # type: ignore[arg-type]  # OpenAPI's own shape


Instant = Annotated[datetime, BeforeValidator(_instant)]
Since = Annotated[
    datetime,
    Query(description="The beginning of the report.", examples=["2026-05-01T00:00:00Z"]),
    BeforeValidator(_instant),
]
Until = Annotated[
    datetime,
    Query(description="The end of the report.", examples=["2026-05-08T00:00:00Z"]),
    BeforeValidator(_instant),
]
ShiftsFrom = Annotated[Instant, Query(description="The beginning of the span: now if it is missing.")]
ShiftsUntil = Annotated[Instant, Query(description="The end of the span: 14 days later if it is missing.")]
By = Annotated[
    str,
    Field(description="The person who answers, if it is not the caller.", examples=["first"]),
    AfterValidator(definition_entry.line(definition_entry.MAX_NAME)),
]
Occurrence = Annotated[
    int,
    Field(
        strict=True,
        ge=1,
        le=MAX_NUMBER,
        description="The occurrence that you answer. An answer for another one is refused (409).",
    ),
    expects("must be a whole number from 1"),
]


class RequestModel(BaseModel):
    """The body of a request. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class _AnswerBody(RequestModel):
    by: By | None = None


class Acknowledge(_AnswerBody):
    """Acknowledge an incident: nobody else is paged until then."""

    occurrence: Occurrence | None = None
    until: Instant | None = Field(
        default=None, description="At most 7 days from now. By default the configured time."
    )


class Snooze(_AnswerBody):
    """Snooze an incident: nobody is paged until then."""

    until: Instant = Field(description="At most 7 days from now.")


class Resolve(_AnswerBody):
    """Resolve an incident."""


class TakeOver(Acknowledge):
    """Take an incident over: you have it from now on, whoever had it before."""


class Unacknowledge(_AnswerBody):
    """Withdraw the acknowledgement or the snooze of an incident."""


class Reassign(_AnswerBody):
    """Page somebody else now."""

    to: Annotated[
        str,
        Field(description="The person, rotation or team that is paged now.", examples=["anna"]),
        AfterValidator(definition_entry.line(definition_entry.MAX_NAME)),
    ]


class Merge(_AnswerBody):
    """Merge an incident into another one."""

    into: Annotated[
        int,
        Field(
            strict=True, ge=1, le=MAX_NUMBER, description="The incident in which it goes on.", examples=[13]
        ),
    ]


class Split(_AnswerBody):
    """Split checks off into an incident of their own."""

    checks: Annotated[
        list[Annotated[str, AfterValidator(definition_entry.slug)]],
        Field(min_length=1, max_length=ANSWERED_AT_ONCE, examples=[["nightly-backup"]]),
    ]


class Chosen(BaseModel):
    """An incident that is answered with others."""

    model_config = ConfigDict(extra="forbid")

    incident: Annotated[int, Field(strict=True, ge=1, le=MAX_NUMBER, examples=[12])]
    occurrence: Occurrence | None = None


class AnswerMany(_AnswerBody):
    """One answer to several incidents."""

    answer: Literal["acknowledge", "take-over", "snooze", "resolve"]
    incidents: Annotated[list[Chosen], Field(min_length=1, max_length=ANSWERED_AT_ONCE)]
    until: Instant | None = Field(
        default=None,
        description="At most 7 days from now. A snooze needs it. Nothing can be resolved until a time.",
    )


class PageNext(_AnswerBody):
    """Page the next person now."""


class Note(_AnswerBody):
    """A note for the timeline."""

    words: Annotated[str, Field(min_length=1, max_length=MAX_NOTE), AfterValidator(harmless)]
