"""The command line: the environment that a command reads its settings from."""

import os
import pty
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr

import pytest

from heartbeat.__main__ import _environment, _parser


@contextmanager
def terminal() -> Iterator[None]:
    """A terminal to which standard error goes."""
    main, other = pty.openpty()
    with os.fdopen(other, "w") as stream, redirect_stderr(stream):
        yield
    os.close(main)


def log_level(*arguments: str) -> str | None:
    """Return the level of the log in the environment of a command."""
    return _environment(_parser().parse_args(arguments)).get("HEARTBEAT_LOG_LEVEL")


def test_a_first_look_on_a_terminal_logs_warnings_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEARTBEAT_LOG_LEVEL", raising=False)
    with terminal():
        assert log_level("serve", "--sample") == "WARNING"
        assert log_level("serve") is None
        monkeypatch.setenv("HEARTBEAT_LOG_LEVEL", "INFO")
        assert log_level("serve", "--sample") == "INFO"


def test_a_first_look_whose_log_goes_elsewhere_keeps_its_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEARTBEAT_LOG_LEVEL", raising=False)
    assert log_level("serve", "--sample") is None
