"""The facts about keys that `heartbeat doctor` judges: how long they are, and who may read their files."""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from heartbeat import configuration_file, secret
from heartbeat.data_directory import kept_secret
from heartbeat.definitions.file import Wrong
from heartbeat.definitions.ping_key import SHORTEST_KEY
from heartbeat.operations.doctor import SecretFacts
from heartbeat.settings import SHORTEST_KEY as SHORTEST_ENCRYPTION_KEY
from heartbeat.settings import BadSetting, Settings

_FILES = re.compile(r"\$\{file:([^{}]+)\}")


def keys(settings: Settings) -> Iterator[SecretFacts]:
    """Yield the keys of the service itself."""
    for name, value, least in (
        ("admin-key", settings.admin_key, 16),
        ("secret-key", settings.secret_key, 32),
    ):
        path = settings.data_dir / name
        environment = f"HEARTBEAT_{name.upper().replace('-', '_')}"
        if settings.environment.get(environment):
            yield _key(environment, settings.environment[environment], None, least)
        else:
            key = value
            with suppress(BadSetting, OSError):
                key = kept_secret(settings, name)
            yield _key(name, key, mode(path) if path.exists() else None, least)
    for number, key in enumerate(settings.encryption_keys, 1):
        yield _key(f"HEARTBEAT_ENCRYPTION_KEYS, number {number}", key, None, SHORTEST_ENCRYPTION_KEY)


def ping_keys(settings: Settings, file_text: str) -> Iterator[SecretFacts]:
    """Yield the ping keys of the file. A missing reference is reported as a problem of the configuration."""
    with suppress(Wrong):
        for name, reference in configuration_file.understand(
            file_text, settings.config, settings
        ).ping_key_references.items():
            file = _FILES.fullmatch(reference)
            value = secret.fill_in(reference, settings.environment, secret.read_file)
            yield _key(f"ping key {name}", value, mode(Path(file[1])) if file else None, SHORTEST_KEY)


def open_files(file_text: str) -> list[str]:
    """Return the files with secrets of the configuration that others than their owner may read."""
    return [path for path in sorted(set(_FILES.findall(file_text))) if mode(Path(path)) & 0o077]


def _key(name: str, value: str, mode: int | None, least: int) -> SecretFacts:
    return SecretFacts(name, len(value), len(set(value)), mode, least)


def mode(path: Path) -> int:
    """Return the permissions of a file or directory, 0 if they cannot be read."""
    try:
        return path.stat().st_mode & 0o777
    except OSError:
        return 0
