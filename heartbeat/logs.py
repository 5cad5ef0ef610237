"""The log of the process, on standard error: lines for people, or JSON for machines.

Further fields of a line (`incident`, `page`, `check`, `person`, `notifier`, …) come in `extra` of the logging module.
JSON has them as members. Lines for people have them in their text.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TextIO

from heartbeat.settings import Settings

_OURS = frozenset({"time", "level", "logger", "message", "exception"})
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""The attributes of every record. All others come from `extra`."""
_QUIET = ("httpx", "alembic", "uvicorn")
"""Libraries of which an operator needs only the warnings."""


class ForPeople(logging.Formatter):
    """One line for each record, with the traceback below."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the line with escaped line breaks: a name with one in it must not look like another log line."""
        return super().formatMessage(record).replace("\r", "\\r").replace("\n", "\\n")


class ForMachines(logging.Formatter):
    """One JSON object a line: time (RFC 3339, UTC), level, logger, message, further fields, and the exception."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        members: dict[str, Any] = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        members |= {
            name: value
            for name, value in vars(record).items()
            if name not in _STANDARD and name not in _OURS and not name.startswith("_")
        }
        if record.exc_info:
            members["exception"] = self.formatException(record.exc_info)
        elif record.exc_text:
            members["exception"] = record.exc_text
        if record.stack_info:
            members["stack"] = record.stack_info
        return json.dumps(members, default=str, ensure_ascii=False)


def begin(settings: Settings, stream: TextIO | None = None) -> None:
    """Let every logger of the process, including those of libraries, write in the format and level of the settings."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(ForMachines() if settings.log_format == "json" else ForPeople())
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    if settings.log_format == "json":
        sys.excepthook = _uncaught


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Log the error that ends the process in the same format, on one line."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    logging.getLogger("heartbeat").critical("the process ends", exc_info=(kind, error, trace))
