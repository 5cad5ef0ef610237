"""The command line: the environment that a command reads its settings from."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path

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


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
"""A locale whose encoding is not UTF-8, which Python does not correct by itself."""


def test_files_secrets_and_output_are_utf8_whatever_the_locale_is(tmp_path: Path) -> None:
    file = tmp_path / "prüfung.yaml"
    (tmp_path / "schlüssel").write_text("a-secret-in-a-file", encoding="utf-8")
    file.write_text(
        "checks: {nightly: {every: 1d, name: 夜間}}\n"
        f"ping_keys: {{a: '${{file:{tmp_path}/schlüssel}}', b: '${{SCHLUESSEL}}'}}\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "heartbeat", "plan", "--offline"],
        env=ASCII
        | {"HEARTBEAT_CONFIG": str(file), "SCHLUESSEL": "a-secret-of-the-shell", "PATH": os.environ["PATH"]},
        capture_output=True,
    )
    assert done.stdout.decode().startswith(f"{file} is valid: 1 check"), done.stderr.decode()


def test_a_configuration_in_another_encoding_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat.yaml"
    file.write_bytes("checks:\n  nightly: {every: 1d, name: Prüfung}\n".encode("latin-1"))
    done = subprocess.run(
        [sys.executable, "-m", "heartbeat", "plan", "--offline"],
        env=ASCII | {"HEARTBEAT_CONFIG": str(file), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
    )
    assert done.stderr == f"{file}:2: this is not UTF-8: save the file in this encoding.\n"
    assert done.returncode == 1
