"""An incident in the answers of the API, with its symptoms, pages and timeline."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Self

from pydantic import AliasPath, Field

from alerting.desk import Dossier
from alerting.severity import Severity
from heartbeat.http.v1.response_models import IncidentState, NextNumber, ResponseModel


class Incident(ResponseModel):
    """An incident."""

    id: int
    title: str
    cause: str
    state: IncidentState
    severity: Severity
    occurrence: int = Field(
        description="The occurrence, counted from 1. A new one starts when the incident pages again after a quiet."
    )
    policy: str = Field(validation_alias=AliasPath("policy", "name"))
    opened_at: datetime
    next_at: datetime | None = Field(
        description="The time of the next step, or of the end of an acknowledgement or snooze."
    )
    waits_until: datetime | None = Field(
        validation_alias="put_off_until",
        description="While its page is put off: until when, as far as is known.",
        examples=[None],
    )
    waits_for: str = Field(
        description="What its page waits for: `working hours`, or the quiet hours of people. Else empty.",
        examples=["working hours"],
    )
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    resolved_by: str | None
    resolved_at: datetime | None
    merged_into: int | None = Field(
        description="The incident in which it goes on, if it was merged.", examples=[None]
    )
    recovered_at: datetime | None = Field(
        description="The time since which everything is fine. It is empty while something is wrong."
    )
    settles_at: datetime | None = Field(
        description="While the incident is recovering: the time at which it is over, unless something returns."
    )


class Incidents(ResponseModel):
    """Incidents, newest first."""

    incidents: list[Incident]
    next: NextNumber


class Symptom(ResponseModel):
    """A check that is, or was, down in an incident."""

    check: str | None = Field(
        description="The slug of the check. Null if it is deleted, and for a limit of the service."
    )
    title: str
    cause: str
    severity: Severity
    since: datetime = Field(validation_alias=AliasPath("facts", "since"))
    expected_at: datetime | None = Field(validation_alias=AliasPath("facts", "expected_at"))
    last_heard_at: datetime | None = Field(validation_alias=AliasPath("facts", "last_heard_at"))
    began_at: datetime | None = Field(
        validation_alias=AliasPath("facts", "began_at"),
        description="The start of the run that takes too long.",
    )
    last_well_at: datetime | None = Field(
        validation_alias=AliasPath("facts", "last_well_at"), description="The last success before it."
    )
    last_said: str = Field(validation_alias=AliasPath("facts", "last_said"))
    why: str = Field(validation_alias=AliasPath("facts", "why"))
    waits_for: str | None = Field(
        description="The slug of the check that it runs after, which is down. Until that is well it pages nobody."
    )
    raised_at: datetime
    cleared_at: datetime | None
    cleared_why: str | None


class TimelineEntry(ResponseModel):
    """An entry of an incident's timeline."""

    at: datetime
    kind: str = Field(examples=["down"])
    words: str
    by: str | None


class Attempt(ResponseModel):
    """One attempt to deliver a page."""

    at: datetime
    via: str
    contact: str | None = Field(
        description="The address. Null if it is secret, or is not the person's any more.",
        examples=["anna@example.com"],
    )
    outcome: str = Field(examples=["accepted"])
    said: str
    provider_id: str | None = Field(description="The provider's id of the accepted message.")
    receipt: str | None = Field(
        description="The provider's later report: delivered or undelivered; missing if none came in time. Null if "
        "there is none.",
        examples=["delivered"],
    )
    receipt_said: str | None = Field(description="The reason why it was not delivered.")
    receipt_at: datetime | None = Field(description="The time of that report.")


class Page(ResponseModel):
    """One message to one person."""

    id: int
    kind: str
    person: str
    occurrence: int
    step: int
    state: str = Field(examples=["delivered"])
    created_at: datetime
    delivered_at: datetime | None
    onward_at: datetime | None = Field(
        description="The time at which it goes to a further contact, unless somebody answers. Null if it does not."
    )
    not_before: datetime | None = Field(
        description="The time before which its present contact is not tried, such as the end of quiet hours."
    )
    attempts: list[Attempt]


class IncidentDetails(Incident):
    """An incident with its symptoms, its timeline and its pages."""

    symptoms: list[Symptom]
    timeline: list[TimelineEntry]
    pages: list[Page]

    @classmethod
    def of(cls, dossier: Dossier, slugs: Mapping[str, str], addresses: Mapping[str, str]) -> Self:
        """Build the response.

        `slugs` are those of the checks, by the keys of their symptoms. `addresses` are those of contacts, by mark.
        """
        symptoms = [
            asdict(symptom)
            | {
                "check": slugs.get(symptom.key),
                "waits_for": slugs.get(symptom.waits_for or "") if symptom.standing else None,
            }
            for symptom in dossier.symptoms
        ]
        attempts_by_page: dict[int, list[object]] = {page.id: [] for page in dossier.pages}
        for attempt in dossier.attempts:
            contact = addresses.get(attempt.contact_mark or "")
            attempts_by_page[attempt.page_id].append(asdict(attempt) | {"contact": contact})
        pages = [asdict(page) | {"attempts": attempts_by_page[page.id]} for page in dossier.pages]
        details = {"symptoms": symptoms, "timeline": dossier.timeline, "pages": pages}
        details["put_off_until"] = dossier.incident.put_off_until
        return cls.model_validate(asdict(dossier.incident) | details)


class AnswerOutcome(ResponseModel):
    """The outcome of an answer to an incident."""

    outcome: str = Field(
        description="acknowledged, snoozed, paging, reassigned, resolved or noted. It ends with `already` if it was so "
        "before and nothing was changed. `recovering` means that everything is fine and nobody was paged.",
        examples=["acknowledged", "acknowledged already", "resolved already"],
    )
    by: str = Field(description="Who answered. Of two answers, the first counts.")
    until: datetime | None = Field(default=None, description="The time at which it pages again.")
    incident: int | None = Field(
        default=None, description="The incident in which it goes on: of a merged one, or what was split off."
    )


class AnsweredIncident(ResponseModel):
    """The outcome of one answer among several."""

    incident: int
    outcome: str = Field(
        description="As in the answer to one incident. `stale` and `missing` changed nothing; `problem` says why.",
        examples=["acknowledged"],
    )
    by: str | None = Field(default=None, description="Who answered. Of two answers, the first counts.")
    until: datetime | None = Field(default=None, description="The time at which it pages again.")
    problem: str | None = Field(default=None, description="Why nothing was changed.", examples=[None])


class AnsweredIncidents(ResponseModel):
    """The outcomes of one answer to several incidents, in their order."""

    incidents: list[AnsweredIncident]
