"""`heartbeat demo`: a day on which nobody was paged, replayed in about a minute with heartbeat on watch.

The code of `heartbeat serve` runs on a temporary SQLite database and on another clock.
"""

import logging
import tempfile
from pathlib import Path
from typing import Any

from sqlalchemy import event

from heartbeat import migrations
from heartbeat.database import Database
from heartbeat.operations.demo import story
from heartbeat.operations.demo.racing_loop import RacingLoop
from heartbeat.operations.demo.screen import Screen

LINES = 227
"""The lines that the replay prints, about."""


def run(*, seconds: float) -> int:
    """Replay the day in about `seconds`, and return the exit status."""
    # Log lines would interrupt the story.
    logging.getLogger().setLevel(logging.ERROR)
    loop = RacingLoop()
    with tempfile.TemporaryDirectory(prefix="heartbeat-demo-") as home:
        database = Database(f"sqlite:///{Path(home) / 'demo.db'}")
        event.listen(database.writer, "connect", _hurry)
        try:
            migrations.migrate(database.writer)
            loop.run_until_complete(story.replay(database, Path(home), Screen(loop.racing, seconds / LINES)))
        finally:
            database.close()
            loop.close()
    return 0


def _hurry(connection: Any, _record: object) -> None:
    """Wait for no disk: a replay need not survive a power cut."""
    connection.execute("PRAGMA synchronous = OFF")
