"""The places of a server, by network."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from heartbeat.http.shares import Place, Shares, network_of, to_shed


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.255", True),
        ("192.0.2.1", "192.0.3.1", False),
        ("192.0.2.1", "::ffff:192.0.2.9", True),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("", "not an address", False),
        ("0.0.0.1", "::1", False),
    ],
)
def test_addresses_of_one_network_count_together(one: str, other: str, same: bool) -> None:
    assert (network_of(one) == network_of(other)) is same


def test_the_largest_network_gives_up_its_oldest_first() -> None:
    places = [
        Place("c3", "c", 1.0),
        *(Place(f"a{age}", "a", float(age)) for age in (9, 5, 7)),
        *(Place(f"b{age}", "b", float(age)) for age in (8, 2)),
    ]
    assert to_shed(places, 1) == ["a5"]
    assert to_shed(places, 3) == ["a5", "a7", "b2"]
    assert set(to_shed(places, 99)) == {place.holder for place in places}


def test_a_holder_that_owes_nothing_counts_and_stays() -> None:
    places = [Place("a1", "a", None), Place("a2", "a", None), Place("a3", "a", 9.0), Place("b", "b", 1.0)]
    assert to_shed(places, 1) == ["a3"]
    assert to_shed(places, 9) == ["a3", "b"]
    assert to_shed(places[:2], 1) == []


def test_a_network_may_hold_as_many_places_as_are_free() -> None:
    shares = Shares(12)
    assert [shares.take("a") for _ in range(7)] == [True] * 6 + [False]
    assert [shares.take("b") for _ in range(4)] == [True] * 3 + [False]
    assert [shares.take("c") for _ in range(3)] == [True, True, False]
    assert [shares.take("d") for _ in range(2)] == [True, False]
    shares.give_back("a")
    assert shares.take("e")


@given(some.lists(some.tuples(some.sampled_from("abc"), some.booleans()), max_size=60))
def test_places_are_never_lost_and_a_newcomer_finds_one(steps: list[tuple[str, bool]]) -> None:
    shares, held = Shares(20), {"a": 0, "b": 0, "c": 0}
    for network, takes in steps:
        if takes:
            held[network] += shares.take(network)
        elif held[network]:
            shares.give_back(network)
            held[network] -= 1
        assert shares.take("newcomer")
        shares.give_back("newcomer")
    for network, count in held.items():
        for _ in range(count):
            shares.give_back(network)
    assert [shares.take("a") for _ in range(11)] == [True] * 10 + [False]
