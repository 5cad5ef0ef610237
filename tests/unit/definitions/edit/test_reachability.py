"""Addresses are judged when they are entered, a bounded number of them."""

import pytest

from alerting.network import Fence
from alerting.notifiers.transport import egress
from heartbeat.definitions.edit import reachability
from heartbeat.definitions.single import Faulty


async def test_a_person_with_thousands_of_addresses_costs_few_look_ups(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judged: list[str] = []

    async def fault(_fence: Fence, address: str) -> str:
        judged.append(address)
        return "leads inside"

    monkeypatch.setattr(egress, "fault", fault)
    contacts = [{"email": f"{number}@example.org"} for number in range(3_500)]
    with pytest.raises(Faulty) as raised:
        await reachability.vet_person(None, "anna", {"contacts": contacts})  # type: ignore[arg-type]  # not asked
    assert len(judged) == len(raised.value.problems) == reachability.MOST
    assert raised.value.problems[0] == "person anna.contacts[0].email: leads inside."
