"""The data directory of an installation, and its secrets there: one file each, which only its owner can read."""

import os
import secrets
import tempfile
from dataclasses import replace
from pathlib import Path

from heartbeat.setting_values import BadSetting
from heartbeat.settings import Settings


def kept_secret(settings: Settings, name: str) -> str:
    """Return a secret of this installation from its file, or "" if it was not created yet.

    Raises `BadSetting` if the file cannot be read, or is empty: anybody could sign with an empty key.
    """
    path = settings.data_dir / name
    try:
        stored = path.read_text(encoding="utf-8-sig").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise BadSetting(f"{path} cannot be read by {_this_user()}: {reason}.") from None
    if not stored:
        raise BadSetting(f"{path} is empty: put the key back, or delete the file to create a new key.")
    return stored


def require_data_dir(settings: Settings) -> None:
    """Create the data directory if it is missing. Raises `BadSetting` if this process cannot write to it."""
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=settings.data_dir).close()
    except OSError as error:
        raise BadSetting(
            f"HEARTBEAT_DATA_DIR: {_this_user()} cannot write to {settings.data_dir.absolute()} ({error.strerror}); "
            "give the directory to that user, or name another one."
        ) from None


def _this_user() -> str:
    return f"user {os.geteuid()} in group {os.getegid()}"


def with_kept_secret_key(settings: Settings) -> Settings:
    """Return the settings with the secret key, if it is set or in its file. Nothing is created."""
    return replace(settings, secret_key=settings.secret_key or kept_secret(settings, "secret-key"))


def own_secret(settings: Settings, name: str) -> tuple[str, bool]:
    """Return a secret of this installation, and True if it was created just now. Its file is readable by its owner."""
    require_data_dir(settings)
    if stored := kept_secret(settings, name):
        return stored, False
    created = secrets.token_urlsafe(32)
    # Private from the first instant, and in its place only when complete and on the disk.
    number, draft = tempfile.mkstemp(dir=settings.data_dir, prefix=f".{name}-")
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write(created + "\n")
        file.flush()
        os.fsync(number)
    try:
        os.link(draft, settings.data_dir / name)
    except FileExistsError:
        # The second process reads the secret of the first.
        return kept_secret(settings, name), False
    except OSError:
        # Some file systems have no hard links.
        Path(draft).replace(settings.data_dir / name)
    finally:
        Path(draft).unlink(missing_ok=True)
    return created, True
