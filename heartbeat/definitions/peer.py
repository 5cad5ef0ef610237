"""Peers: other installations of heartbeat, each of which watches this one and is watched by it. Pure."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from alerting.severity import Severity
from heartbeat.checks.check import AT_ONCE
from heartbeat.checks.definition import CheckDefinition
from heartbeat.checks.schedule import Every

EVERY: Final = timedelta(seconds=30)
GRACE: Final = timedelta(seconds=20)
"""The rhythm that is expected of a peer, and the grace. It pings every 10 s while it works."""
_DESCRIPTION: Final = (
    "Another installation of heartbeat. It pings after each clean tick. While it is silent, it is down, does not check "
    "or store, or does not reach this one. Its jobs may be unwatched."
)
_RUNBOOK: Final = "run heartbeat doctor on its machine"


def check_of(name: str, policy: str | None) -> CheckDefinition:
    """Return the check of a peer, if the file does not define one of its name."""
    return CheckDefinition(
        slug=name,
        name=f"heartbeat {name}",
        description=_DESCRIPTION,
        runbook=_RUNBOOK,
        schedule=Every(EVERY),
        grace=GRACE,
        severity=Severity.CRITICAL,
        policy=policy,
        alert_after=AT_ONCE,
    )


def checks_of(peers: Mapping[str, str], policy: str | None) -> dict[str, CheckDefinition]:
    """Return the checks of peers by slug."""
    return {name: check_of(name, policy) for name in peers}


def host_of(url: str) -> str:
    """Return the host of an address as it is written, which is no secret."""
    return urlsplit(url).netloc.rpartition("@")[2] or url.partition("/")[0]
