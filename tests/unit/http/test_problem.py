"""A client that hangs up within its body: nothing is done, and nothing is logged."""

import pytest

from heartbeat.app import System
from tests.unit.http.pings.conftest import call

FORM = [(b"content-type", b"application/x-www-form-urlencoded"), (b"content-length", b"100")]


@pytest.mark.parametrize(
    "path",
    ["/sign-in", "/sign-out", "/join/abc", "/v1/keys", "/status/public/subscribe", "/answer/abc", "/account"],
)
async def test_a_body_that_its_sender_gives_up_is_not_logged(
    system: System, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    begun = {"type": "http.request", "body": b"name=a", "more_body": True}
    assert await call(system, path, messages=[begun, {"type": "http.disconnect"}], headers=FORM) < 500
    assert caplog.records == []
