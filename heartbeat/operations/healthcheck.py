"""The health check of the image: exit status 0 while the service is alive at the address that it listens on.

It tells liveness, not readiness: while the database is away, a restart does not help. It imports little, because it
runs every few seconds.
"""

import os
import sys
import urllib.request
from collections.abc import Mapping

from heartbeat import settings

BOUND = 3.0
"""Seconds that the service has to answer."""


def fault(environ: Mapping[str, str]) -> str | None:
    """Return why the service with these settings is not alive, or None if it is."""
    try:
        address = settings.own_address(settings.read(environ))
    except settings.BadSetting as error:
        return str(error)
    # A proxy for the outside does not lead to this machine.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        direct.open(f"{address}/livez", timeout=BOUND).close()
    except OSError as error:
        return f"{address}/livez: {error}"
    return None


if __name__ == "__main__":
    sys.exit(fault(os.environ))
