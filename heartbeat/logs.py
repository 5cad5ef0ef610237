"""What the process writes to its log: lines for people, or JSON for machines. To standard error, where nothing else is.

Fields that a line knows beside its words (`incident`, `page`, `check`, `person`, `notifier`, …) come by `extra` of
the logging module. Lines for people have them in their words; JSON has them as members.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TextIO

from heartbeat.settings import Settings

_OURS = frozenset({"time", "level", "logger", "message", "exception"})
_KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every record has; all else was given by `extra`."""
_QUIET = ("httpx", "alembic", "uvicorn")
"""Libraries that tell more than an operator wants to know, unless something is wrong."""


class ForPeople(logging.Formatter):
    """One line, with the traceback below where there is one."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """A name with a line break in it must not look like a line of the log."""
        return super().formatMessage(record).replace("\r", "\\r").replace("\n", "\\n")


class ForMachines(logging.Formatter):
    """One JSON object a line: time (RFC 3339, UTC), level, logger, message, what is known, and the exception."""

    def format(self, record: logging.LogRecord) -> str:
        """The object."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        told: dict[str, Any] = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        told |= {
            name: value
            for name, value in vars(record).items()
            if name not in _KNOWN and name not in _OURS and not name.startswith("_")
        }
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        elif record.exc_text:
            told["exception"] = record.exc_text
        if record.stack_info:
            told["stack"] = record.stack_info
        return json.dumps(told, default=str, ensure_ascii=False)


def begin(settings: Settings, stream: TextIO | None = None) -> None:
    """Let every logger of the process, those of libraries included, write as the settings say."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(ForMachines() if settings.log_format == "json" else ForPeople())
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    if settings.log_format == "json":
        sys.excepthook = _uncaught


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A process that dies says so in the same format, on one line."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    logging.getLogger("heartbeat").critical("the process ends", exc_info=(kind, error, trace))
