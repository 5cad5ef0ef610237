"""Addresses are judged when they are entered, not only when a page goes there at night."""

import asyncio
from collections.abc import Iterator, Mapping
from itertools import islice

from alerting.network import Fence
from alerting.notifiers.transport import egress
from heartbeat.definitions import rotations
from heartbeat.definitions.contacts import AFTER
from heartbeat.definitions.single import Faulty

MOST = 100
"""Addresses that are judged at once. No definition that is accepted has more."""


async def vet_person(fence: Fence, name: str, fields: Mapping[str, object]) -> None:
    """Raise `Faulty` if a contact leads to where no page may go. Its form is judged elsewhere."""
    addresses = [*_addresses("contacts", fields), *_addresses("warnings", fields)]
    await _vet(fence, f"person {name}", dict(addresses))


async def vet_rotation(fence: Fence, fields: Mapping[str, object]) -> None:
    """Raise `Faulty` if a calendar is where no request may go."""
    layers = fields.get("layers")
    addresses = {
        f"layers[{place}].ical": rotations.web(layer["ical"])
        for place, layer in enumerate(layers if isinstance(layers, list) else ())
        if isinstance(layer, dict) and isinstance(layer.get("ical"), str)
    }
    await _vet(fence, "", addresses)


async def vet_notifier(fence: Fence, kind: str, fields: Mapping[str, object]) -> None:
    """Raise `Faulty` if a setting leads to where no page may go."""
    await _vet(
        fence, f"notifier {kind}", {name: text for name, text in fields.items() if isinstance(text, str)}
    )


async def _vet(fence: Fence, title: str, addresses: Mapping[str, str]) -> None:
    judged = dict(islice(addresses.items(), MOST))
    faults = await asyncio.gather(*(egress.fault(fence, address) for address in judged.values()))
    if problems := [
        f"{title}.{place}: {fault}.".lstrip(".") for place, fault in zip(judged, faults, strict=True) if fault
    ]:
        raise Faulty(problems)


def _addresses(name: str, fields: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    contacts = fields.get(name)
    if isinstance(contacts, list):
        for place, contact in enumerate(contacts):
            if isinstance(contact, dict):
                for kind, address in contact.items():
                    if isinstance(address, str) and kind != AFTER:
                        yield f"{name}[{place}].{kind}", address
