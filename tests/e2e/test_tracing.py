"""Traces of a real process, and a collector that must not hold up its stop."""

import pytest

from tests.collector import collecting
from tests.e2e.conftest import Serve
from tests.e2e.patience import eventually
from tests.e2e.service import PING_KEY, configuration

pytestmark = pytest.mark.e2e


def test_a_page_is_told_to_the_collector(serve: Serve) -> None:
    with collecting() as collector:
        service = serve(
            configuration({"job": "every: 1h"}, ["{console: terminal}"]),
            HEARTBEAT_OTLP_ENDPOINT=collector.url,
            OTEL_SERVICE_NAME="heartbeat-of-the-tests",
            OTEL_BSP_SCHEDULE_DELAY="100",
        ).start()
        assert service.ping(f"{PING_KEY}/job/fail").text == "OK"
        eventually(lambda: collector.named("send"), within=30, what="the span of a send")
        eventually(lambda: collector.named("ping batch"), within=30, what="the span of a commit of pings")
        assert collector.named("send")[0].process["service.name"] == "heartbeat-of-the-tests"
        collector.hanging.set()
        assert service.ping("job").text == "OK"
        assert service.sigterm() < 4
    assert service.exit_status() == 0
