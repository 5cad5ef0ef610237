"""What is entered is judged at once by where it leads, and not only when a page is to go there at night."""

from collections.abc import Iterator, Mapping

from alerting.network import Fence
from alerting.notifiers.transport import egress
from heartbeat.definitions.single import Faulty


async def vet_person(fence: Fence, name: str, given: Mapping[str, object]) -> None:
    """Raise `Faulty` where a contact leads to where no page may go. What has another form is judged elsewhere."""
    await _vet(fence, f"person {name}", dict(_addresses(given.get("contacts"))))


async def vet_notifier(fence: Fence, kind: str, given: Mapping[str, object]) -> None:
    """Raise `Faulty` where a setting leads to where no page may go."""
    await _vet(fence, f"notifier {kind}", {name: one for name, one in given.items() if isinstance(one, str)})


async def _vet(fence: Fence, what: str, addresses: Mapping[str, str]) -> None:
    faults = {place: await egress.fault(fence, address) for place, address in addresses.items()}
    if problems := [f"{what}.{place}: {fault}." for place, fault in faults.items() if fault]:
        raise Faulty(problems)


def _addresses(contacts: object) -> Iterator[tuple[str, str]]:
    if isinstance(contacts, list):
        for place, one in enumerate(contacts):
            if isinstance(one, dict):
                for kind, address in one.items():
                    if isinstance(address, str):
                        yield f"contacts[{place}].{kind}", address
