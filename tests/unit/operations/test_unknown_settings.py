"""A mistyped setting is reported, with the closest name."""

import pytest

from heartbeat import settings
from heartbeat.__main__ import main
from heartbeat.operations import maintain, unknown_settings
from tests.unit.documents.documentation import rows
from tests.unit.documents.test_settings import SETTINGS


def test_the_closest_setting_is_suggested() -> None:
    assert unknown_settings.unknown(
        {"HEARTBEAT_KEEP_INCIDENT": "5", "HEARTBEAT_COLOUR": "red", "PATH": "/bin"}, ""
    ) == [
        "HEARTBEAT_COLOUR is not a setting and has no effect; docs/settings.md lists all settings.",
        "HEARTBEAT_KEEP_INCIDENT is not a setting and has no effect; did you mean HEARTBEAT_KEEP_INCIDENTS?",
    ]


def test_every_documented_setting_is_known() -> None:
    assert unknown_settings.unknown({row[0].strip("`"): "1" for row in rows(SETTINGS)[1:]}, "") == []


def test_a_variable_of_the_configuration_is_not_mistyped() -> None:
    environ = {"HEARTBEAT_SMTP_PASSWORD": "s3cr3t", "HEARTBEAT_SMTP": "x"}
    (line,) = unknown_settings.unknown(environ, "password: ${HEARTBEAT_SMTP_PASSWORD}")
    assert line.startswith("HEARTBEAT_SMTP is not a setting")


def test_variables_that_kubernetes_sets_for_a_service_are_not_mistyped() -> None:
    service_variables = {
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
    assert unknown_settings.unknown(service_variables, "") == []
    assert settings.read(service_variables).port == 8000


def test_every_command_warns(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("HEARTBEAT_LOG_LEVELS", "DEBUG")
    assert main(["schema"]) == 0
    assert (
        "HEARTBEAT_LOG_LEVELS is not a setting and has no effect; did you mean HEARTBEAT_LOG_LEVEL?"
        in capsys.readouterr().err
    )


async def test_doctor_warns(tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    environ = {
        "HEARTBEAT_DATA_DIR": str(tmp_path),
        "HEARTBEAT_CONFIG": f"{tmp_path}/none.yaml",
        "HEARTBEAT_PUBLIC_URL": "http://127.0.0.1:1",
        "HEARTBEAT_KEEP_INCIDENT": "5",
    }
    await maintain.doctor(environ, send=False, as_json=False)
    assert "warn  settings: HEARTBEAT_KEEP_INCIDENT is not a setting" in capsys.readouterr().out
