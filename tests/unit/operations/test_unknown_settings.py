"""A setting that was mistyped does not pass in silence."""

import pytest

from heartbeat import settings
from heartbeat.__main__ import main
from heartbeat.operations import maintain, unknown_settings
from tests.unit.documents.documentation import rows
from tests.unit.documents.test_settings import SETTINGS


def test_the_nearest_setting_is_named() -> None:
    assert unknown_settings.unknown(
        {"HEARTBEAT_KEEP_INCIDENT": "5", "HEARTBEAT_COLOUR": "red", "PATH": "/bin"}, ""
    ) == [
        "HEARTBEAT_COLOUR is no setting (docs/settings.md has all), and is passed over.",
        "HEARTBEAT_KEEP_INCIDENT is no setting (is HEARTBEAT_KEEP_INCIDENTS meant?), and is passed over.",
    ]


def test_every_setting_that_is_documented_is_known() -> None:
    assert unknown_settings.unknown({row[0].strip("`"): "1" for row in rows(SETTINGS)[1:]}, "") == []


def test_what_the_configuration_refers_to_is_meant() -> None:
    environ = {"HEARTBEAT_SMTP_PASSWORD": "s3cr3t", "HEARTBEAT_SMTP": "x"}
    (line,) = unknown_settings.unknown(environ, "password: ${HEARTBEAT_SMTP_PASSWORD}")
    assert line.startswith("HEARTBEAT_SMTP is no setting")


def test_what_kubernetes_says_of_a_service_called_heartbeat_is_nothing_mistyped() -> None:
    of_a_service = {
        "HEARTBEAT_SERVICE_HOST": "10.0.0.1",
        "HEARTBEAT_SERVICE_PORT": "8000",
        "HEARTBEAT_SERVICE_PORT_HTTP": "8000",
        "HEARTBEAT_PORT": "tcp://10.0.0.1:8000",
        "HEARTBEAT_PORT_8000_TCP": "tcp://10.0.0.1:8000",
        "HEARTBEAT_PORT_8000_TCP_ADDR": "10.0.0.1",
        "HEARTBEAT_ONE_SERVICE_HOST": "10.0.0.2",
        "HEARTBEAT_ONE_PORT": "tcp://10.0.0.2:8000",
        "HEARTBEAT_ONE_PORT_8000_TCP_PROTO": "tcp",
    }
    assert unknown_settings.unknown(of_a_service, "") == []
    assert settings.read(of_a_service).port == 8000


def test_every_command_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("HEARTBEAT_LOG_LEVELS", "DEBUG")
    assert main(["schema"]) == 0
    assert "HEARTBEAT_LOG_LEVELS is no setting (is HEARTBEAT_LOG_LEVEL meant?)" in capsys.readouterr().err


async def test_the_doctor_says_so(tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    environ = {
        "HEARTBEAT_DATA_DIR": str(tmp_path),
        "HEARTBEAT_CONFIG": f"{tmp_path}/none.yaml",
        "HEARTBEAT_PUBLIC_URL": "http://127.0.0.1:1",
        "HEARTBEAT_KEEP_INCIDENT": "5",
    }
    await maintain.doctor(environ, send=False, as_json=False)
    assert "warn  settings: HEARTBEAT_KEEP_INCIDENT is no setting" in capsys.readouterr().out
