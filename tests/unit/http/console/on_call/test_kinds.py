"""The choice of notifiers for a contact: in groups by who reads them, with what an address looks like."""

from alerting.notifiers.contract import Notifier
from heartbeat.http.console.on_call.kinds import PERSON, ROOM, SYSTEM, Choice, grouped
from tests.unit.definitions.declared import KINDS, Pigeon


def names(group: str) -> list[str]:
    return [choice.kind for choice in grouped(KINDS)[group]]


def test_kinds_are_grouped_by_their_readers_in_the_order_of_their_names() -> None:
    assert {"console", "email", "ntfy", "pigeon", "signal"} <= set(names(PERSON))
    assert {"discord", "matrix", "mattermost", "slack", "teams"} <= set(names(ROOM))
    assert {"alertmanager", "opsgenie", "pagerduty", "webhook"} == set(names(SYSTEM))
    for group in (PERSON, ROOM, SYSTEM):
        assert names(group) == sorted(names(group))


def test_a_kind_whose_addresses_nobody_enters_is_not_offered() -> None:
    offered = {choice.kind for choices in grouped(KINDS).values() for choice in choices}
    assert KINDS.keys() - offered == {"apprise", "push"}


def test_each_of_ours_says_what_its_address_looks_like() -> None:
    hints = {choice.kind: choice.address for choices in grouped(KINDS).values() for choice in choices}
    assert hints["ntfy"] == "a topic's URL, such as https://ntfy.sh/ops-pages"
    assert all(hint.startswith(("a ", "an ", "the ")) for kind, hint in hints.items() if kind != "pigeon")


def test_a_plugin_that_says_nothing_is_offered_all_the_same() -> None:
    class Mute(Pigeon):
        @classmethod
        def wrong_address(cls, address: str) -> str | None:
            raise ZeroDivisionError

    kinds: dict[str, type[Notifier]] = {"mute": Mute}
    assert grouped(kinds) == {PERSON: [Choice("mute", "")]}
