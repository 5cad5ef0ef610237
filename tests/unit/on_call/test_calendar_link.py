"""The secret addresses of calendars: signed, bound to one feed, and of no use for anything else."""

import pytest

from heartbeat.on_call import calendar_link
from heartbeat.on_call.calendar_link import Ticket

TICKET = Ticket(7, "1f0c9a2b3d4e5f60")
SECRET, EARLIER = "a-secret", "an-earlier-secret"


def test_an_address_leads_to_its_feed_also_after_the_secret_was_replaced() -> None:
    token = calendar_link.sign(EARLIER, TICKET)
    assert calendar_link.read((SECRET, EARLIER), token) == TICKET
    address = calendar_link.address("https://hb.example.com", EARLIER, TICKET)
    assert address == f"https://hb.example.com/calendars/{token}.ics"


def test_an_address_of_another_installation_leads_nowhere() -> None:
    assert calendar_link.read((SECRET,), calendar_link.sign(EARLIER, TICKET)) is None


@pytest.mark.parametrize("place", [0, 2, 18, 20, -1])
def test_a_changed_address_leads_nowhere(place: int) -> None:
    token = calendar_link.sign(SECRET, TICKET)
    changed = list(token)
    changed[place] = "1" if changed[place] != "1" else "2"
    assert calendar_link.read((SECRET,), "".join(changed)) is None


@pytest.mark.parametrize("text", ["", ".", "1..", "7.1f0c9a2b3d4e5f60.", "7.1f0c9a2b3d4e5f60." + "é" * 64])
def test_what_is_no_address_leads_nowhere(text: str) -> None:
    assert calendar_link.read((SECRET,), text) is None
