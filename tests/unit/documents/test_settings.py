"""docs/settings.md names every setting and no other, with its default and its limits."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from heartbeat import settings
from heartbeat.settings import BadSetting, Settings
from tests.unit.documents.documentation import DEFAULT, ROOT, everything, row_of, rows, section

SETTINGS = section("docs/settings.md", "## All settings")
# HEARTBEAT_KEY is no setting: it stands for the reader's own key in examples.
SETTING = re.compile(r"\bHEARTBEAT_(?!KEY\b)[A-Z]+(?:_[A-Z]+)*\b")


def settings_in_code() -> set[str]:
    sources = "\n".join(path.read_text() for path in (ROOT / "heartbeat").rglob("*.py"))
    return set(SETTING.findall(sources))


class RecordingEnvironment(dict[str, str]):
    """An empty environment that records the names it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, name: str, otherwise: Any = None) -> Any:
        self.names.add(name)
        return otherwise


def test_every_setting_is_documented() -> None:
    environment = RecordingEnvironment()
    settings.read(environment)
    documented = {row[0].strip("`") for row in rows(SETTINGS)[1:]}
    assert documented == settings_in_code()
    # systemd sets the others for the services that it starts.
    assert {name for name in environment.names if name.startswith("HEARTBEAT_")} <= documented


def test_no_setting_is_documented_that_does_not_exist() -> None:
    assert set(SETTING.findall(everything())) <= settings_in_code()


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("HEARTBEAT_HOST", DEFAULT.host),
        ("HEARTBEAT_PORT", DEFAULT.port),
        ("HEARTBEAT_DATA_DIR", DEFAULT.data_dir),
        ("HEARTBEAT_DATABASE_URL", DEFAULT.database_url),
        ("HEARTBEAT_CONFIG", DEFAULT.config),
        ("HEARTBEAT_ROLES", ",".join(settings.ROLES)),
        ("HEARTBEAT_PING_BODY_LIMIT", DEFAULT.ping_body_limit),
        ("HEARTBEAT_PING_CHECKS_LIMIT", DEFAULT.ping_checks_limit),
        ("HEARTBEAT_OUTSIDE_EVERY", f"{DEFAULT.outside_every:g}"),
        ("HEARTBEAT_KEEP_BODIES", DEFAULT.keep_bodies),
        ("HEARTBEAT_UNUSUAL", DEFAULT.unusual),
        ("HEARTBEAT_KEEP_INCIDENTS", DEFAULT.keep_incidents),
        ("HEARTBEAT_KEEP_TRANSITIONS", DEFAULT.keep_transitions),
        ("HEARTBEAT_LOG_LEVEL", DEFAULT.log_level),
        ("HEARTBEAT_LOG_FORMAT", DEFAULT.log_format),
    ],
)
def test_the_defaults_of_settings_are_the_documented_ones(name: str, default: object) -> None:
    value = getattr(settings.read({}), name.removeprefix("HEARTBEAT_").lower())
    assert value == getattr(Settings(), name.removeprefix("HEARTBEAT_").lower())
    assert f"`{default}`" in row_of(SETTINGS, f"`{name}`")


def _numbers() -> Iterator[tuple[str, str, bool]]:
    """Yield settings with a value at or beyond a documented limit, and True if the value is valid."""
    for row in rows(SETTINGS):
        if match := re.fullmatch(r"(\d+) to (\d+)", row[3]):
            low, high = int(match[1]), int(match[2])
            yield from ((row[0], str(number), low <= number <= high) for number in (low, high, high + 1))
            yield row[0], str(low - 1), False
        if match := re.fullmatch(r"at least (\d+) characters", row[3]):
            yield row[0], "k" * int(match[1]), True
            # How short a ping key may be is judged where the configuration is read.
            yield row[0], "k" * (int(match[1]) - 1), row[0] == "`HEARTBEAT_PING_KEY`"


@pytest.mark.parametrize(("name", "value", "right"), list(_numbers()))
def test_the_limits_of_settings_are_the_documented_ones(name: str, value: str, right: bool) -> None:
    try:
        settings.read({name.strip("`"): value})
    except BadSetting:
        assert not right
    else:
        assert right


def test_every_role_is_documented() -> None:
    documented = [row[0].strip("`") for row in rows(section("docs/settings.md", "## Roles"))[1:]]
    assert documented == list(settings.ROLES)
