"""The proof by kills counts a page that came twice only where no kill explains it."""

import pytest

from tests.e2e.phone import Call
from tests.proof.kills import doubled


def call(notice: str, at: float) -> Call:
    """A call of the receiver at this time."""
    return Call("/webhook", {"webhook-id": notice}, {}, at)


@pytest.mark.parametrize(
    ("again", "killed", "faults"),
    [
        ((), (), 0),
        ((9.0,), (5.0,), 0),
        ((9.0,), (0.5, 9.5), 1),
        ((6.0, 9.0), (5.0,), 1),
        ((6.0, 9.0), (5.0, 7.0), 0),
    ],
)
def test_a_page_may_come_again_once_after_each_kill(
    again: tuple[float, ...], killed: tuple[float, ...], faults: int
) -> None:
    calls = [call("a", 1.0), call("b", 2.0), *(call("a", at) for at in again)]
    assert len(doubled(calls, killed)) == faults
