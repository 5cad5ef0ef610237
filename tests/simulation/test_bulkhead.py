"""A provider that hangs holds up nobody: those whom it should reach go on to their next contact, others never wait."""

import pytest

from alerting.delivery import TRIES_A_CONTACT, backoff
from alerting.escalation import Policy
from alerting.notifiers.transport.http import BOUND
from tests.simulation.cast import HOUR, Job, person, step
from tests.simulation.providers import FOR_EVER, Fault, Ill, ntfy, webhook
from tests.simulation.world import World

HELD_UP = [person(f"p{number}", webhook(f"p{number}/1"), ntfy(f"p{number}/2")) for number in range(50)]
OTHERS = [person(f"o{number}", ntfy(f"o{number}/1")) for number in range(5)]
EVERYBODY = (*HELD_UP, *OTHERS)
OPS = Policy("ops", (step(*(one.id for one in EVERYBODY), minutes=30),))
JOB = Job("job", every=HOUR)
WAITS = sum(backoff(tries, 0.0).total_seconds() for tries in range(TRIES_A_CONTACT - 1))
SLACK = 2.0
"""Seconds for the way to the provider, and for a look at what is due."""


@pytest.mark.parametrize(("ill", "answers_after"), [(Ill.HANGS, BOUND.total_seconds()), (Ill.BROKEN, 0.0)])
def test_fifty_people_behind_a_dead_provider_are_paged_by_the_next_way_in_time(
    ill: Ill, answers_after: float
) -> None:
    """Each contact may have a server of its own, so that each is tried three times: that is the bound."""
    bound = TRIES_A_CONTACT * answers_after + WAITS + SLACK
    with World(JOB, people=EVERYBODY, policies=(OPS,)) as world:
        world.machine.network.faults += [Fault(f"{one.id}/1", ill, 0.0, FOR_EVER) for one in HELD_UP]
        world.ping("job", signal="fail")
        world.advance(minutes=5)
        paged = {show.contact: show.at for show in reversed(world.pages())}
    began = min(paged.values())
    assert {contact for contact in paged if contact.startswith("o")} == {f"o{n}/1" for n in range(5)}
    assert max(paged[f"o{number}/1"] for number in range(5)) - began < SLACK
    assert {contact for contact in paged if contact.startswith("p")} == {f"p{n}/2" for n in range(50)}
    assert max(paged[f"p{number}/2"] for number in range(50)) - began < bound
