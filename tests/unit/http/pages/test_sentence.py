"""Words of sentences on screens."""

from datetime import UTC, datetime

from heartbeat.http.pages import sentence
from tests.unit.conftest import NOW


def test_times_to_come_are_relative() -> None:
    at = datetime(2024, 5, 3, 4, 30, tzinfo=UTC)
    assert sentence.ahead(at, NOW) == "in 1 h 30 min"
    assert sentence.ahead(NOW, NOW) == "now"
