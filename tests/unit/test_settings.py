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
    with pytest.raises(BadSetting, match="secret-key is empty: put the key back"):
        settings.own_secret(Settings(data_dir=tmp_path), "secret-key")


def test_no_label_becomes_one_of_a_metric_unless_it_is_named() -> None:
    assert settings.read({}).metrics_labels == ()
    assert settings.read({"HEARTBEAT_METRICS_LABELS": " , "}).metrics_labels == ()


def test_labels_get_a_name_that_prometheus_takes() -> None:
    read = settings.read({"HEARTBEAT_METRICS_LABELS": "host, app.kubernetes.io/name,Größe, host"})

    assert read.metrics_labels == (
        ("label_host", "host"),
        ("label_app_kubernetes_io_name", "app.kubernetes.io/name"),
        ("label_Gr__e", "Größe"),
    )


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        (
            {"HEARTBEAT_METRICS_LABELS": "a,b,c,d,e,f"},
            "HEARTBEAT_METRICS_LABELS names 6 labels; name at most 5",
        ),
        ({"HEARTBEAT_METRICS_LABELS": "a-b,a.b"}, "'a-b' and 'a.b' would both be called label_a_b"),
        ({"HEARTBEAT_METRICS_CHECKS": "no"}, "HEARTBEAT_METRICS_CHECKS must be on or off, not 'no'"),
    ],
)
def test_what_cannot_be_about_metrics_is_told_in_one_sentence(environment: dict[str, str], told: str) -> None:
    with pytest.raises(BadSetting, match=told):
        settings.read(environment)


@pytest.mark.parametrize(("given", "on"), [("on", True), ("off", False), ("", True)])
def test_series_of_single_checks_can_be_turned_off(given: str, on: bool) -> None:
    assert settings.read({"HEARTBEAT_METRICS_CHECKS": given}).metrics_checks is on


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({}, ""),
        ({"HEARTBEAT_OTLP_ENDPOINT": "http://here:4318/"}, "http://here:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://here/otlp"}, "https://here/otlp/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://here/traces"}, "https://here/traces"),
        (
            {"HEARTBEAT_OTLP_ENDPOINT": "http://ours", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://theirs"},
            "http://ours/v1/traces",
        ),
        ({"HEARTBEAT_OTLP_ENDPOINT": "http://here:4318", "OTEL_SDK_DISABLED": "TRUE"}, ""),
    ],
)
def test_where_spans_go(environment: dict[str, str], url: str) -> None:
    assert settings.read(environment).otlp_url == url


@pytest.mark.parametrize("name", ["HEARTBEAT_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"])
def test_an_address_of_a_collector_without_its_scheme_is_refused(name: str) -> None:
    with pytest.raises(BadSetting, match=f"^{name} must begin with http:// or https://"):
        settings.read({name: "collector:4317"})


def test_an_empty_environment_leaves_every_setting_at_its_default() -> None:
    assert settings.read({}) == Settings()
