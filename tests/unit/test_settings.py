"""Settings: keys in the environment, and the secrets that an installation makes for itself."""

from pathlib import Path

import pytest

from heartbeat import settings
from heartbeat.settings import BadSetting, Settings

ONE, OTHER = "a" * 32, "b" * 32


def test_keys_stand_in_a_list() -> None:
    given = settings.read(
        {"HEARTBEAT_ENCRYPTION_KEYS": f"{ONE}, {OTHER},", "HEARTBEAT_SECRET_KEY_PREVIOUS": OTHER}
    )
    assert given.encryption_keys == (ONE, OTHER)
    assert given.secret_keys_before == (OTHER,)
    assert ONE not in repr(given)
    assert OTHER not in repr(given)


@pytest.mark.parametrize("name", ["HEARTBEAT_ENCRYPTION_KEYS", "HEARTBEAT_SECRET_KEY_PREVIOUS"])
def test_a_short_key_in_a_list_is_refused_and_not_shown(name: str) -> None:
    with pytest.raises(BadSetting, match=f"^{name}: each key must have at least 32 characters") as refused:
        settings.read({name: f"{ONE},short-key"})
    assert "short-key" not in str(refused.value)


def test_a_secret_of_its_own_is_made_once_and_private(tmp_path: Path) -> None:
    given = Settings(data_dir=tmp_path / "data")
    assert settings.kept_secret(given, "secret-key") == ""
    made, fresh = settings.own_secret(given, "secret-key")
    assert fresh
    assert len(made) >= settings.SHORTEST_KEY
    assert settings.own_secret(given, "secret-key") == (made, False)
    assert settings.kept_secret(given, "secret-key") == made
    assert [path.name for path in given.data_dir.iterdir()] == ["secret-key"]
    assert (given.data_dir / "secret-key").stat().st_mode & 0o777 == 0o600


def test_an_empty_secret_signs_nothing(tmp_path: Path) -> None:
    """A file that a crash has left empty must not become a key that everybody knows."""
    (tmp_path / "secret-key").touch()
    with pytest.raises(BadSetting, match="secret-key is empty: put the key back into it"):
        settings.own_secret(Settings(data_dir=tmp_path), "secret-key")
