"""The address of a search in the list of checks, read and written back."""

import pytest
from starlette.datastructures import QueryParams

from heartbeat.checks.check import State
from heartbeat.http.console.checks.search import LONGEST, MOST, Search


def of(query: str) -> Search:
    return Search.of(QueryParams(query))


def test_an_address_without_anything_asks_for_everything() -> None:
    assert of("") == Search()
    assert Search().address == "/checks"


def test_an_address_says_all_that_is_looked_for_and_back() -> None:
    search = of("q=++nightly++backup+&state=late&label=host%3Dvault-1&label=note%3Da%3Db%26c&page=3")
    assert search.text == "nightly backup"
    assert search.words == ["nightly", "backup"]
    assert search.state is State.LATE
    assert search.labels == (("host", "vault-1"), ("note", "a=b&c"))
    assert search.page == 3
    assert of(search.address.partition("?")[2]) == search


@pytest.mark.parametrize(
    "query", ["state=gone", "label=host", "label=%3Dx", "page=x", "q=+", "label=", "x=1"]
)
def test_what_cannot_be_meant_is_left_out(query: str) -> None:
    assert of(query) == Search()


def test_no_more_counts_than_can_be_looked_for_quickly() -> None:
    assert len(of("q=" + "x" * 900).text) == LONGEST
    assert len(of("q=" + "+".join("abcdefghijkl")).words) == MOST
    assert len(of("&".join(f"label=n{n}%3D1" for n in range(20))).labels) == MOST
    assert of("q=a%00b&label=a%00%3D1%00").labels == (("a", "1"),)


def test_going_elsewhere_keeps_the_rest() -> None:
    search = of("q=a&state=up&label=host%3Dx&page=4")
    assert search.on(5).address == "/checks?q=a&state=up&label=host%3Dx&page=5"
    assert search.only(State.DOWN).address == "/checks?q=a&state=down&label=host%3Dx"
    assert search.only(None).address == "/checks?q=a&label=host%3Dx"
    assert search.without(("host", "x")).address == "/checks?q=a&state=up"
