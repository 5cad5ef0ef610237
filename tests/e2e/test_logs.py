"""The log of a real process: every line of it is JSON, and tells the life of an incident without a secret."""

import json
from typing import Any

import pytest

from tests.e2e.conftest import Serve
from tests.e2e.patience import eventually
from tests.e2e.service import ADMIN_KEY, PING_KEY, SECRET_KEY, Service, configuration

pytestmark = pytest.mark.e2e


def test_the_log_is_json_from_the_first_line_to_the_last(serve: Serve) -> None:
    checks = {"job": "every: 1h"}
    service = serve(
        configuration(checks, ["{console: terminal}"]),
        HEARTBEAT_LOG_FORMAT="json",
    ).start()
    assert service.ping(f"{PING_KEY}/job/fail", "POST", content=b"a body of the job").text == "OK"
    eventually(lambda: "accepted" in service.output(), within=60, what="a page that was accepted")
    assert service.ask("POST", "/v1/incidents/1/acknowledge", json={"by": "anna"}).is_success
    eventually(lambda: "acknowledged by anna" in service.output(), within=20, what="the acknowledgement")
    assert service.ping("job").text == "OK"
    eventually(lambda: "resolved" in service.output(), within=20, what="the end of the incident")
    service.sigterm()

    lines = _lines(service)
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    events = [(line["event"], line["incident"]) for line in lines if "event" in line]
    assert [event for event in events if event[0] != "sent"] == [
        (event, 1) for event in ("opened", "paged", "acknowledged", "resolved")
    ]
    first = next(line for line in lines if line.get("outcome") == "accepted")
    assert (first["page"], first["person"], first["notifier"]) == (1, "first", "console")
    told = json.dumps(lines)
    assert not [secret for secret in (ADMIN_KEY, PING_KEY, SECRET_KEY, "a body of the job") if secret in told]


def _lines(service: Service) -> list[dict[str, Any]]:
    """What was said on standard error: all but the first words, and what the console notifier shows."""
    said = [line for line in service.output().splitlines() if line.startswith("{")]
    others = [line for line in service.output().splitlines() if not line.startswith(("{", "╭", "│", "╰"))]
    assert all(
        line.startswith(("heartbeat is at", "ping a check", "the admin key", "create the first user"))
        for line in others
    ), others
    return [json.loads(line) for line in said]
