"""Links in pages must open where they are read."""

import pytest

from alerting.person import Contact, Person
from heartbeat import public_address


def somebody(kind: str, address: str) -> list[Person]:
    return [Person("anna", "Anna", (Contact(kind, address),))]


MAIL = somebody("email", "anna@example.com")


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("http://127.0.0.1:8000", "only on this machine"),
        ("http://localhost:8000", "only on this machine"),
        ("http://localhost.:8000", "only on this machine"),
        ("http://0.0.0.0:8000", "nowhere"),
        ("http://[::]:8000", "nowhere"),
        ("http://[::1]:8000", "only on this machine"),
        ("http://10.1.2.3", "only in your own network"),
        ("https://192.168.1.20:8443", "only in your own network"),
        ("http://[fd00::1]", "only in your own network"),
        ("http://heartbeat.local", "only in your own network"),
        ("http://printserver:8000", "only in your own network"),
        ("https://heartbeat.corp.internal", "only in your own network"),
    ],
)
def test_a_link_that_opens_only_inside_is_told(url: str, where: str) -> None:
    assert public_address.fault(url, MAIL) == (
        f"Links in pages begin with {url}, which opens {where}, and Anna is paged elsewhere: set "
        "HEARTBEAT_PUBLIC_URL to an address that opens on a phone."
    )
    assert not public_address.opens_anywhere(url)


@pytest.mark.parametrize("url", ["https://heartbeat.example.com", "http://8.8.8.8", "http://[2001:4860::8]"])
def test_a_link_that_opens_outside_is_right(url: str) -> None:
    assert public_address.fault(url, MAIL) is None
    assert public_address.opens_anywhere(url)


@pytest.mark.parametrize(
    ("kind", "address", "elsewhere"),
    [
        ("console", "terminal", False),
        ("ntfy", "http://127.0.0.1:9/topic", False),
        ("ntfy", "http://10.0.0.7/topic", False),
        ("ntfy", "https://ntfy.sh/topic", True),
        ("slack", "${SLACK_URL}", True),
        ("pagerduty", "0" * 32, True),
    ],
)
def test_it_matters_only_if_somebody_is_paged_elsewhere(kind: str, address: str, elsewhere: bool) -> None:
    fault = public_address.fault("http://127.0.0.1:8000", somebody(kind, address))
    assert (fault is not None) == elsewhere


def test_with_nobody_to_page_nothing_is_wrong() -> None:
    assert public_address.fault("http://127.0.0.1:8000", []) is None


def test_everybody_who_is_paged_elsewhere_is_named_up_to_three() -> None:
    people = [Person(name.lower(), name, MAIL[0].contacts) for name in ("Anna", "Ben", "Cleo", "Dan", "Eve")]
    assert "and Anna and Ben are paged elsewhere" in (
        public_address.fault("http://localhost", people[:2]) or ""
    )
    assert "and Anna, Ben, Cleo and 2 more are paged" in (
        public_address.fault("http://localhost", people) or ""
    )
