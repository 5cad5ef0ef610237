"""The first sentence of the screen of an incident, word for word."""

from dataclasses import replace
from datetime import timedelta

from alerting.escalation import Policy, Step
from alerting.incident import Incident
from alerting.incident import State as Life
from alerting.next_page import Coming
from alerting.person import Person
from alerting.recap import PastAnswer, Recap
from alerting.severity import Severity
from heartbeat.http.pages import incident_summary
from tests.unit.conftest import NOW
from tests.unit.http.pages.conftest import plain

MINUTE = timedelta(minutes=1)

OPEN = Incident(
    id=5,
    cause_key="silent:host=us",
    title="us",
    cause="silent",
    state=Life.OPEN,
    severity=Severity.CRITICAL,
    occurrence=1,
    policy=Policy("ops", (Step(("first",), 5 * MINUTE),)),
    step=1,
    opened_at=NOW,
    next_at=NOW + 20 * MINUTE,
)
ACKNOWLEDGED = replace(OPEN, state=Life.ACKNOWLEDGED, acknowledged_by="Ann", acknowledged_at=NOW + MINUTE)
SNOOZED = replace(OPEN, state=Life.SNOOZED)


def page_to(*names: str, quiet: tuple[str, ...] = ()) -> Coming:
    return Coming(NOW + 20 * MINUTE, tuple(map(person, names)), tuple(map(person, quiet)))


def person(name: str) -> Person:
    return Person(name.lower(), name, ())


def test_an_incident_says_whose_quiet_hours_its_page_waits_for() -> None:
    def of(*quiet: str, reader: str = "") -> str:
        words = incident_summary.of(OPEN, page_to("Ann", quiet=quiet), Recap(1), NOW, reader=reader)
        return plain(words, NOW).partition("; ")[2]

    assert of("Ann") == "Ann is paged at 03:20 UTC, because Ann has quiet hours."
    assert of("Ann", "Bob") == "Ann is paged at 03:20 UTC, because Ann and Bob have quiet hours."
    assert of("Ann", reader="Ann") == "you are paged at 03:20 UTC, because you have quiet hours."


def test_an_incident_says_who_is_paged_next() -> None:
    now = NOW + 12 * MINUTE

    def of(incident: Incident, *people: str, past: Recap = Recap(1), held: str = "") -> str:  # noqa: B008 - frozen
        return plain(incident_summary.of(incident, page_to(*people), past, now, held=held), now)

    bob = PastAnswer("snoozed", "Bob", NOW)

    assert (
        of(OPEN, "Ann") == "Open since 03:00 UTC, for 12 min. Nobody has answered; Ann is paged at 03:20 UTC."
    )
    assert of(OPEN, "Ann", "Bob", "Cem").endswith("; Ann, Bob and Cem are paged at 03:20 UTC.")
    assert of(ACKNOWLEDGED) == "Acknowledged by Ann at 03:01 UTC; pages again at 03:20 UTC unless resolved."
    assert of(OPEN, "Ann", past=Recap()).endswith(" Nobody was paged yet; Ann is paged at 03:20 UTC.")
    assert of(OPEN, "Ann", past=Recap(), held="Maintenance holds its pages").endswith(
        " Maintenance holds its pages; Ann is paged at 03:20 UTC if it is still down then."
    )
    to_ann = incident_summary.of(OPEN, page_to("Ann"), Recap(1), now, reader="Ann")
    assert plain(to_ann, now).endswith("Nobody has answered; you are paged at 03:20 UTC.")
    again = incident_summary.of(
        OPEN, page_to("Ann"), Recap(1), now, reader="Ann", paged=[page_to("Ann").people[0].id]
    )
    assert plain(again, now).endswith("Nobody has answered; you are paged again at 03:20 UTC.")
    both = page_to("Ann", "Bob")
    wider = incident_summary.of(OPEN, both, Recap(1), now, paged=[both.people[0].id])
    assert plain(wider, now).endswith("; Bob is paged and Ann is paged again at 03:20 UTC.")
    handed_on = PastAnswer("acknowledged", "Ann", NOW, "handed on", "Ann")
    assert of(OPEN, "Bob", past=Recap(2, None, handed_on)).endswith(
        " Ann acknowledged it at 03:00 UTC and handed it on; Bob is paged at 03:20 UTC."
    )
    assert (
        of(SNOOZED, past=Recap(1, None, bob)) == "Snoozed by Bob; pages again at 03:20 UTC unless resolved."
    )
    over = replace(OPEN, state=Life.RESOLVED, next_at=None, resolved_at=now, resolved_by="recovery")
    assert of(over) == "Recovered at 03:12 UTC; it lasted 12 min."
    assert of(replace(over, resolved_by="admin")) == "Resolved by admin at 03:12 UTC; it lasted 12 min."


def test_resolving_says_what_stays_down() -> None:
    assert incident_summary.resolving([]) == ["Paging stops, and everybody who was paged gets a message."]
    assert incident_summary.resolving(["Invoices"])[1] == (
        "Still down: Invoices. It is expected again from now on, and pages if it stays silent."
    )
    assert incident_summary.resolving([f"job-{n}" for n in range(7)])[1].startswith(
        "Still down: job-0, job-1, job-2, job-3, job-4 and 2 more. Each is expected again from now on"
    )
