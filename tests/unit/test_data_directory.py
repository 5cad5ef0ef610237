"""The data directory, and the secrets that an installation makes for itself."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from heartbeat.data_directory import kept_secret, own_secret, require_data_dir
from heartbeat.settings import SHORTEST_KEY, BadSetting, Settings


def test_a_secret_is_created_once_and_private(tmp_path: Path) -> None:
    process = Settings(data_dir=tmp_path / "data")
    assert kept_secret(process, "secret-key") == ""
    key, created = own_secret(process, "secret-key")
    assert created
    assert len(key) >= SHORTEST_KEY
    assert own_secret(process, "secret-key") == (key, False)
    assert kept_secret(process, "secret-key") == key
    assert [path.name for path in process.data_dir.iterdir()] == ["secret-key"]
    assert (process.data_dir / "secret-key").stat().st_mode & 0o777 == 0o600


def test_an_empty_secret_signs_nothing(tmp_path: Path) -> None:
    """A file that a crash has left empty must not become a key that everybody knows."""
    (tmp_path / "secret-key").touch()
    with pytest.raises(BadSetting, match="secret-key is empty: put the key back"):
        own_secret(Settings(data_dir=tmp_path), "secret-key")


def test_a_data_directory_that_cannot_be_written_is_one_sentence() -> None:
    with pytest.raises(BadSetting) as raised:
        require_data_dir(replace(Settings(), data_dir=Path("/sys")))
    user = f"user {os.geteuid()} in group {os.getegid()}"
    assert str(raised.value).startswith(f"HEARTBEAT_DATA_DIR: {user} cannot write to /sys (")
    assert str(raised.value).endswith("; give the directory to that user, or name another one.")


def test_a_data_directory_below_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        BadSetting, match=r"^HEARTBEAT_DATA_DIR: .* cannot write to .*/file/data \(Not a directory\)"
    ):
        require_data_dir(replace(Settings(), data_dir=tmp_path / "file/data"))


def test_a_data_directory_is_made_for_its_owner(tmp_path: Path) -> None:
    require_data_dir(replace(Settings(), data_dir=tmp_path / "data"))
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert list((tmp_path / "data").iterdir()) == []


def test_a_key_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "secret-key").mkdir()
    with pytest.raises(
        BadSetting, match=r"secret-key cannot be read by user \d+ in group \d+: Is a directory\.$"
    ):
        kept_secret(replace(Settings(), data_dir=tmp_path), "secret-key")
