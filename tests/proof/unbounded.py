"""`python -m tests.proof.unbounded serve`: heartbeat without its bounds on connections. The control of `sockets`."""

import sys
from typing import Any

from heartbeat import __main__
from heartbeat.http import connection, server


def _let_be(*_: Any, **__: Any) -> None:
    """Close no connection."""


if __name__ == "__main__":
    connection.make_room = _let_be
    server.look = _let_be
    sys.exit(__main__.main())
