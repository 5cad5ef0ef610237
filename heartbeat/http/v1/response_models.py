"""What the responses of the API share, and those about the installation. Instants are in UTC, durations in seconds."""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from alerting import incident
from heartbeat.checks.check import State

Seconds = Annotated[timedelta, PlainSerializer(timedelta.total_seconds, return_type=float)]
# Two models called State would appear with the names of their modules in the description.
IncidentState = Annotated[str, WithJsonSchema({"type": "string", "enum": list(incident.State)})]

NextName = Annotated[
    str | None, Field(description="Send it as `after` to get the next entries. Null at the end of the list.")
]
NextNumber = Annotated[
    int | None, Field(description="Send it as `before` to get the next entries. Null at the end of the list.")
]


class ResponseModel(BaseModel):
    """A response, read from the attributes of the value that it shows."""

    model_config = ConfigDict(from_attributes=True)


class Overview(ResponseModel):
    """The state of the installation in a few numbers."""

    checks: dict[State, int] = Field(
        description="The number of checks by stored state. A late check counts as up or new.",
        examples=[{"new": 0, "up": 11, "down": 1, "unknown": 0, "paused": 0}],
    )
    incidents: dict[IncidentState, int] = Field(
        description="The number of unresolved incidents by state.",
        examples=[{"open": 1, "acknowledged": 0, "snoozed": 0}],
    )
    unanswered_since: datetime | None = Field(
        description="The time of the first page of the oldest incident without an answer. Null if there is none."
    )
    newest_success_at: datetime | None = Field(description="The time of the last success of any check.")


class ConfigurationChanges(ResponseModel):
    """The changes of a configuration, in words."""

    changes: list[str]
    expected: list[str] = Field(
        description="For new checks: by when each must ping, and who is paged otherwise. At most 20 of them are named."
    )
