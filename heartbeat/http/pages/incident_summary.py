"""The sentence at the top of the screen of an incident, and on the phone of who answers. Pure."""

from collections.abc import Collection, Sequence
from datetime import datetime

from alerting import recap, times
from alerting.incident import Incident
from alerting.incident import State as Life
from alerting.next_page import WORKING_HOURS, Coming
from alerting.person import Person
from alerting.recap import Recap
from heartbeat.http.pages.sentence import Words

RECOVERY = "recovery"
"""The value of `Incident.resolved_by` when the checks recovered by themselves."""


def of(
    incident: Incident,
    coming: Coming,
    past: Recap,
    now: datetime,
    *,
    held: str = "",
    reader: str = "",
    paged: Collection[str] = (),
) -> Words:
    """Return the state of an incident and its next step.

    `coming` is the next page, `past` is what happened so far, `held` is the sentence on what holds all that is down, if
    anything does, the `reader` of this name is "you", and `paged` are those who were paged so far.
    """
    next_at = incident.next_at or now
    match incident.state:
        case Life.RESOLVED:
            return ended(incident)
        case _ if incident.settles_at is not None:
            return recovering(incident, incident.settles_at)
        case Life.ACKNOWLEDGED:
            return acknowledged(incident)
        case Life.SNOOZED:
            by = past.answer.by if past.answer else "somebody"
            return (f"Snoozed by {by}; pages again at ", next_at, " unless resolved.")
        case Life.OPEN:
            lasting = f", for {times.duration(now - incident.opened_at)}. "
            again = _called([person for person in coming.people if person.id in paged], reader)
            following = times.paged(_called(coming.people, reader), again, coming.draws)
            told = _so_far(past, held, reader)
            why = _quiet(coming, reader)
            end = " if it is still down then." if held else f"{why}."
            return ("Open since ", incident.opened_at, lasting, *told, f"; {following} at ", coming.at, end)


def _called(people: Sequence[Person], reader: str) -> list[str]:
    return ["you" if person.name == reader else person.name for person in people]


def _quiet(coming: Coming, reader: str) -> str:
    """Return why the next page waits: ", because Ann has quiet hours". Empty if it does not."""
    if coming.hours:
        return f", because it waits for {WORKING_HOURS}"
    if not coming.quiet:
        return ""
    names = _called(coming.quiet, reader)
    return f", because {times.names(names)} {'has' if len(names) == 1 and names != ['you'] else 'have'} quiet hours"


def _so_far(past: Recap, held: str, reader: str) -> Words:
    """Return who had an open incident, or that nobody has answered."""
    if past.answer is not None:
        return recap.sentence(past.answer, reader)
    if held:
        return (held,)
    return ("Nobody has answered" if past.pages else "Nobody was paged yet",)


def resolving(down: Sequence[str]) -> list[str]:
    """Return what happens if somebody resolves an incident in which jobs of these names are down."""
    consequences = ["Paging stops, and everybody who was paged gets a message."]
    if down:
        named = times.names([*down[:5], *([f"{len(down) - 5:,} more"] if len(down) > 5 else [])])
        expected = "It is expected" if len(down) == 1 else "Each is expected"
        pages = "if it stays silent."
        consequences.append(f"Still down: {named}. {expected} again from now on, and pages {pages}")
    return consequences


def acknowledged(incident: Incident) -> Words:
    """Return the person who acknowledged it, and the time of the next page."""
    by, at = incident.acknowledged_by or "somebody", incident.acknowledged_at or incident.opened_at
    again = incident.next_at or at
    return (f"Acknowledged by {by} at ", at, "; pages again at ", again, " unless resolved.")


def recovering(incident: Incident, settles_at: datetime) -> Words:
    """Return the recovery of an incident that has not settled."""
    since = incident.recovered_at or incident.opened_at
    return (
        "Nothing has been down since ",
        since,
        ". It is over at ",
        settles_at,
        " unless a job goes down again.",
    )


def ended(incident: Incident) -> Words:
    """Return the end of an incident, the person who resolved it, and its length."""
    at = incident.ended_at or incident.opened_at
    if incident.merged_into is not None:
        words = f"Merged into incident {incident.merged_into} by {incident.resolved_by} at "
        return (words, at, "; it goes on there.")
    lasted = times.duration(at - incident.opened_at)
    how = "Recovered at " if incident.resolved_by == RECOVERY else f"Resolved by {incident.resolved_by} at "
    return (how, at, f"; it lasted {lasted}.")
