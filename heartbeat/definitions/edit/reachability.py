"""Addresses are judged when they are entered, not only when a page goes there at night."""

import asyncio
from collections.abc import Iterator, Mapping
from itertools import islice

from alerting.network import Fence
from alerting.notifiers.transport import egress
from heartbeat.definitions.single import Faulty

MOST = 100
"""Addresses that are judged at once. No definition that is accepted has more."""


async def vet_person(fence: Fence, name: str, fields: Mapping[str, object]) -> None:
    """Raise `Faulty` if a contact leads to where no page may go. Its form is judged elsewhere."""
    await _vet(fence, f"person {name}", dict(_addresses(fields.get("contacts"))))


async def vet_notifier(fence: Fence, kind: str, fields: Mapping[str, object]) -> None:
    """Raise `Faulty` if a setting leads to where no page may go."""
    await _vet(
        fence, f"notifier {kind}", {name: text for name, text in fields.items() if isinstance(text, str)}
    )


async def _vet(fence: Fence, title: str, addresses: Mapping[str, str]) -> None:
    judged = dict(islice(addresses.items(), MOST))
    faults = await asyncio.gather(*(egress.fault(fence, address) for address in judged.values()))
    if problems := [
        f"{title}.{place}: {fault}." for place, fault in zip(judged, faults, strict=True) if fault
    ]:
        raise Faulty(problems)


def _addresses(contacts: object) -> Iterator[tuple[str, str]]:
    if isinstance(contacts, list):
        for place, contact in enumerate(contacts):
            if isinstance(contact, dict):
                for kind, address in contact.items():
                    if isinstance(address, str):
                        yield f"contacts[{place}].{kind}", address
