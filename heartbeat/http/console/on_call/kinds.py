"""The notifiers that a contact can have, in groups by who reads them."""

from collections.abc import Mapping
from dataclasses import dataclass

from alerting.notifiers import registry
from alerting.notifiers.contract import Notifier

PERSON, ROOM, SYSTEM = "To one person", "To a room or channel", "To another system"


@dataclass(frozen=True, slots=True)
class Choice:
    """A kind of notifier, and what its addresses look like: "a topic's URL, such as https://ntfy.sh/ops-pages"."""

    kind: str
    address: str


def installed() -> dict[str, list[Choice]]:
    """Return the kinds that are installed, by group."""
    return grouped(registry.installed().kinds)


def grouped(kinds: Mapping[str, type[Notifier]]) -> dict[str, list[Choice]]:
    """Return the kinds whose addresses people can enter, by group, each in the order of their names."""
    groups: dict[str, list[Choice]] = {PERSON: [], ROOM: [], SYSTEM: []}
    for kind, notifier in sorted(kinds.items()):
        if not any(getattr(notifier, trait, False) for trait in ("file_only", "by_device")):
            groups[_group(notifier)].append(Choice(kind, _address(notifier)))
    return {group: choices for group, choices in groups.items() if choices}


def _group(notifier: type[Notifier]) -> str:
    if not notifier.digests:
        return SYSTEM
    return ROOM if getattr(notifier, "shared", False) else PERSON


def _address(notifier: type[Notifier]) -> str:
    """Return what the notifier says of an empty address, without its beginning."""
    try:
        sentence = notifier.wrong_address("") or ""
    except Exception:  # noqa: BLE001 - a plugin is foreign code: it can raise anything
        sentence = ""
    return sentence.removeprefix("the address must be ")
