"""A command uses the settings of the process that serves its database, and those of a file."""

import json
from pathlib import Path

import pytest

from heartbeat import settings as environment
from heartbeat.operations import command_environment
from heartbeat.settings import BadSetting

PID = 4711


@pytest.fixture
def processes(tmp_path: Path) -> Path:
    """The folder of processes, with one that serves the database of `tmp_path/data` from `tmp_path/home`."""
    data, home, process = tmp_path / "data", tmp_path / "home", tmp_path / "proc" / str(PID)
    for folder in (data, home, process / "fd"):
        folder.mkdir(parents=True)
    lock = data / "heartbeat.db.writer"
    lock.write_text(json.dumps({"pid": PID, "address": "https://heartbeat.example.com"}))
    (process / "fd" / "7").symlink_to(lock)
    (process / "cwd").symlink_to(home)
    (process / "environ").write_bytes(
        b"HEARTBEAT_PUBLIC_URL=https://heartbeat.example.com\0SMTP_PASSWORD=hunter2\0NOTIFY_SOCKET=/run/x\0"
        b"HEARTBEAT_STATUS_DIR=pages\0HEARTBEAT_CONFIG=jobs.yaml\0"
    )
    return tmp_path / "proc"


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """A bare shell that knows only the data directory."""
    return {"HEARTBEAT_DATA_DIR": str(tmp_path / "data"), "HOME": "/home/anna"}


def test_the_settings_of_the_serving_process_are_used(
    processes: Path, shell: dict[str, str], tmp_path: Path
) -> None:
    environ, warning = command_environment.of(shell, None, processes)
    settings = environment.read(environ)
    assert warning is None
    assert settings.public_url == "https://heartbeat.example.com"
    assert settings.environment["SMTP_PASSWORD"] == "hunter2"
    assert settings.config == tmp_path / "home" / "jobs.yaml"
    assert settings.status_dir == tmp_path / "home" / "pages"
    assert settings.data_dir == tmp_path / "data"
    assert settings.database_url == f"sqlite:///{tmp_path}/data/heartbeat.db"
    assert (settings.notify_socket, environ["HOME"]) == ("", "/home/anna")


def test_the_shell_names_the_file_to_plan(processes: Path, shell: dict[str, str]) -> None:
    environ, _ = command_environment.of(shell | {"HEARTBEAT_CONFIG": "mine.yaml"}, None, processes)
    assert environment.read(environ).config == Path("mine.yaml")


def test_a_file_comes_before_the_process_and_the_shell(
    processes: Path, shell: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "environment"
    file.write_text("HEARTBEAT_PUBLIC_URL=https://other.example.com\n")
    environ, _ = command_environment.of(
        shell | {"HEARTBEAT_PUBLIC_URL": "http://127.0.0.1:1"}, file, processes
    )
    assert environ["HEARTBEAT_PUBLIC_URL"] == "https://other.example.com"
    assert environ["SMTP_PASSWORD"] == "hunter2"


def test_a_process_that_has_died_gives_nothing(processes: Path, shell: dict[str, str]) -> None:
    # Its number was given to another process, which does not have the lock open.
    (processes / str(PID) / "fd" / "7").unlink()
    assert command_environment.of(shell, None, processes) == (shell, None)


@pytest.mark.parametrize("lock", ["", "{}", "[]", '{"pid": "x"}', '{"pid": 99}'])
def test_a_lock_that_names_nobody_gives_nothing(
    processes: Path, shell: dict[str, str], tmp_path: Path, lock: str
) -> None:
    (tmp_path / "data" / "heartbeat.db.writer").write_text(lock)
    assert command_environment.of(shell, None, processes) == (shell, None)


def test_a_process_whose_settings_cannot_be_read_is_told(processes: Path, shell: dict[str, str]) -> None:
    (processes / str(PID) / "environ").unlink()
    environ, warning = command_environment.of(shell, None, processes)
    assert environ == shell
    assert warning is not None
    assert warning.startswith(f"process {PID} serves this database")
    assert "--env-file" in warning


def test_on_postgresql_only_the_file_counts(processes: Path, shell: dict[str, str]) -> None:
    shell |= {"HEARTBEAT_DATABASE_URL": "postgresql://heartbeat@db.example.com/heartbeat"}
    assert command_environment.of(shell, None, processes) == (shell, None)


def test_a_file_is_read_as_systemd_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "environment"
    file.write_text("# settings\n\n; more\nA=1\nexport B = two words \nC=\"quoted = yes\"\nD='x'\nE=\n")
    assert command_environment.read_file(file) == {
        "A": "1",
        "B": "two words",
        "C": "quoted = yes",
        "D": "x",
        "E": "",
    }


@pytest.mark.parametrize("line", ["nothing", "1A=2", "A B=2", "=3"])
def test_a_line_that_is_no_setting_is_refused(tmp_path: Path, line: str) -> None:
    file = tmp_path / "environment"
    file.write_text(f"A=1\n{line}\n")
    with pytest.raises(BadSetting) as raised:
        command_environment.read_file(file)
    assert str(raised.value) == f"--env-file: {file}:2: write NAME=value."


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"none cannot be read: No such file or directory\."):
        command_environment.read_file(tmp_path / "none")
