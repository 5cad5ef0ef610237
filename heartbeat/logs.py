"""The log of the process, on standard error: lines for people, or JSON for machines.

Further fields of a line (`incident`, `page`, `check`, `person`, `notifier`, …) come in `extra` of the logging module.
JSON has them as members. Lines for people have them in their text.
"""

import json
import logging
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TextIO
from urllib.parse import quote, urlsplit

from heartbeat.settings import Settings

_OURS = frozenset({"time", "level", "logger", "message", "exception"})
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""The attributes of every record. All others come from `extra`."""
FLOOD = 20
"""Warnings and errors of one kind that are logged in a minute."""
_MINUTE = 60.0
_QUIET = ("httpx", "alembic", "uvicorn")
"""Libraries of which an operator needs only the warnings."""
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Characters that a terminal obeys, or that change the order of the text around them. Line feed and tab are left."""
_IN_ADDRESS = re.compile(
    r"(/(?:ping|join|answer(?:/digest|/test)?|calendars|confirm|unsubscribe)/)[^\s/\"'?#\\]+"
)
_API_KEY = re.compile(r"\b(hb_[A-Za-z0-9_-]{6})[A-Za-z0-9_-]{8,}")
SHORTEST_SECRET = 16
"""Characters of a secret that is removed wherever it stands. A shorter one could be any word."""


class Censor:
    """Removes keys from a line: those of the settings wherever they stand, and others by their form."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        found = {text for secret in secrets for text in (secret, quote(secret, safe="")) if _is_long(text)}
        longest_first = sorted(map(re.escape, found), key=len, reverse=True)
        self._secret = re.compile("|".join(longest_first)) if longest_first else None

    def censored(self, text: str) -> str:
        """Return the text with a mark in the place of each key."""
        if self._secret is not None:
            text = self._secret.sub("…", text)
        return _API_KEY.sub(r"\1…", _IN_ADDRESS.sub(r"\1…", text))


def secrets_of(settings: Settings) -> list[str]:
    """Return the secrets in the settings."""
    keys = [settings.admin_key, settings.secret_key, settings.oidc_client_secret, settings.outside_url]
    keys += [*settings.secret_keys_before, *settings.encryption_keys]
    keys.append(settings.environment.get("HEARTBEAT_PING_KEY", ""))
    return [*keys, _password(settings.database_url), _password(settings.otlp_url)]


def _password(url: str) -> str:
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return ""


def _is_long(text: str) -> bool:
    return len(text) >= SHORTEST_SECRET


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


class Flood(logging.Filter):
    """Lets `FLOOD` warnings of one kind through in a minute. The first one after that says how many were left out.

    A kind is a place in the code. The life of incidents and pages (`event`) is logged whole.
    """

    def __init__(self) -> None:
        super().__init__()
        self._minutes: dict[tuple[str, int], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is written."""
        if record.levelno < logging.WARNING or hasattr(record, "event"):
            return True
        kind = record.pathname, record.lineno
        began, count = self._minutes.get(kind, (record.created, 0))
        left_out = count - FLOOD
        if record.created - began >= _MINUTE:
            began, count = record.created, 0
            if left_out > 0:
                record.msg = f"{record.getMessage()} (and {left_out:,} more like this before)"
                record.args = ()
        self._minutes[kind] = began, count + 1
        return count < FLOOD


class ForPeople(logging.Formatter):
    """One line for each record, with the traceback below."""

    def __init__(self, censor: Censor | None = None) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._censor = censor or Censor()

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the line with escaped line breaks: a name with one in it must not look like another log line."""
        return super().formatMessage(record).replace("\r", "\\r").replace("\n", "\\n")

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the traceback with its lines moved in, so that none of them looks like a log line."""
        line = self._censor.censored(super().format(record)).replace("\n", "\n  ")
        return _OBEYED.sub(_escape, line)


class ForMachines(logging.Formatter):
    """One JSON object a line: time (RFC 3339, UTC), level, logger, message, further fields, and the exception."""

    def __init__(self, censor: Censor | None = None) -> None:
        super().__init__()
        self._censor = censor or Censor()

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
        line = self._censor.censored(json.dumps(members, default=str, ensure_ascii=False))
        # JSON leaves some of them as they are.
        return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", line)


def begin(settings: Settings, stream: TextIO | None = None) -> None:
    """Let every logger of the process, including those of libraries, write in the format and level of the settings."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.addFilter(Flood())
    censor = Censor(secrets_of(settings))
    handler.setFormatter(ForMachines(censor) if settings.log_format == "json" else ForPeople(censor))
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
