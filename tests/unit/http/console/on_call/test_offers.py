"""Whom a form offers, and how."""

from datetime import datetime

from alerting.crew import Crew, Team
from alerting.person import Contact, Person
from alerting.rotation import Layer, Length, Rotation
from heartbeat.http.console.on_call import offers
from heartbeat.http.console.on_call.offers import Offer

ANNA = Person("anna", "Zoe A", (Contact("ntfy", "https://ntfy.example.com/anna"),))
BEN = Person("ben", "ben", ())
ROOM = Person("room", "Room", (Contact("slack", "enc:1"),), channel=True)
TURNS = Layer(("anna", "gone"), Length.parse("1w"), datetime.fromisoformat("2024-01-01T09:00"))
CREW = Crew(
    {one.id: one for one in (ANNA, BEN, ROOM)},
    {"infra": Rotation("infra", "UTC", (TURNS,))},
    {"web": Team("web", ("ben", "anna"))},
)


def test_people_are_offered_by_name_with_what_reaches_them() -> None:
    offered = offers.people(CREW)
    assert offered.groups == {
        "People": [Offer("ben", "ben", "no contact"), Offer("anna", "Zoe A", "by ntfy")]
    }
    assert offered.strangers(["anna", "room", "gone"]) == ["room", "gone"], "a channel is nobody"


def test_a_step_is_offered_all_that_it_can_name() -> None:
    offered = offers.targets(CREW)
    assert list(offered.groups) == ["People", "Rotations", "Teams", "Channels"]
    assert offered.groups["Rotations"] == [Offer("infra", "infra", "Zoe A, gone")]
    assert offered.groups["Teams"] == [Offer("web", "web", "ben, Zoe A")]
    assert offered.groups["Channels"] == [Offer("room", "Room", "by slack")]
    assert list(offers.targets(Crew()).groups) == []


def test_names_are_written_if_there_are_many() -> None:
    crew = Crew({f"p{n:03}": Person(f"p{n:03}", f"P {n:03}", ()) for n in range(offers.SUGGESTED + 1)})
    assert not offers.people(crew).ticked
    assert len(offers.people(crew).suggested) == offers.SUGGESTED
    few = Crew(dict(list(crew.people.items())[: offers.TICKED]))
    assert offers.people(few).ticked
