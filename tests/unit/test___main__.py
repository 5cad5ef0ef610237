"""The command line: the environment that a command reads its settings from, and what it imports."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from importlib.metadata import version
from pathlib import Path

import pytest

from heartbeat import command_line
from heartbeat.__main__ import _environment


@contextmanager
def terminal() -> Iterator[None]:
    """A terminal to which standard error goes."""
    main, other = pty.openpty()
    with os.fdopen(other, "w") as stream, redirect_stderr(stream):
        yield
    os.close(main)


def log_level(*arguments: str) -> str | None:
    """Return the level of the log in the environment of a command."""
    return _environment(command_line.parser().parse_args(arguments)).get("HEARTBEAT_LOG_LEVEL")


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


def test_a_reader_who_has_seen_enough_is_told_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as gone:
        done = subprocess.run(
            [sys.executable, "-m", "heartbeat", "schema"], stdout=gone, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (1, b"")


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


def run(
    *arguments: str, config: Path = Path("none.yaml")
) -> tuple[subprocess.CompletedProcess[str], set[str]]:
    """Run a command. Return what came of it, and the packages that it imported."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "heartbeat", *arguments],
        env=os.environ | {"HEARTBEAT_CONFIG": str(config)},
        capture_output=True,
        text=True,
    )
    return done, set(re.findall(r"^import time:.*\|\s+(\w+)", done.stderr, re.MULTILINE))


def test_the_version_and_a_usage_error_wait_for_no_library() -> None:
    done, imported = run("--version")
    assert (done.returncode, done.stdout) == (0, f"heartbeat {version('heartbeat')}\n")
    assert not imported & {"sqlalchemy", "httpx", "fastapi", "yaml", "alembic"}
    done, imported = run("sevre")
    assert (done.returncode, "invalid choice: 'sevre'" in done.stderr) == (2, True)
    assert not imported & {"sqlalchemy", "httpx", "fastapi", "yaml", "alembic"}


def test_a_plan_does_not_wait_for_the_web_server(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat.yaml"
    file.write_text("checks: {nightly: {every: 1d}}\n", encoding="utf-8")
    done, imported = run("plan", "--offline", config=file)
    assert done.returncode == 0
    assert "sqlalchemy" in imported
    assert not imported & {"fastapi", "uvicorn", "uvloop", "prometheus_client"}
