"""Settings, from the environment."""

from dataclasses import replace

import pytest
from sqlalchemy import make_url

from heartbeat import public_address, settings
from heartbeat.database import engine
from heartbeat.settings import BadSetting, Settings
from tests.unit.documents.documentation import rows, section

ONE, OTHER = "a" * 32, "b" * 32


def test_keys_are_read_from_a_list() -> None:
    process = settings.read(
        {"HEARTBEAT_ENCRYPTION_KEYS": f"{ONE}, {OTHER},", "HEARTBEAT_SECRET_KEY_PREVIOUS": OTHER}
    )
    assert process.encryption_keys == (ONE, OTHER)
    assert process.secret_keys_before == (OTHER,)
    assert ONE not in repr(process)
    assert OTHER not in repr(process)


@pytest.mark.parametrize("name", ["HEARTBEAT_ENCRYPTION_KEYS", "HEARTBEAT_SECRET_KEY_PREVIOUS"])
def test_a_short_key_in_a_list_is_refused_and_not_shown(name: str) -> None:
    with pytest.raises(BadSetting, match=f"^{name}: each key must have at least 32 characters") as refused:
        settings.read({name: f"{ONE},short-key"})
    assert "short-key" not in str(refused.value)


def test_no_series_has_labels_by_default() -> None:
    assert settings.read({}).metrics_labels == ()
    assert settings.read({"HEARTBEAT_METRICS_LABELS": " , "}).metrics_labels == ()


def test_labels_get_names_that_prometheus_allows() -> None:
    read = settings.read({"HEARTBEAT_METRICS_LABELS": "host, app.kubernetes.io/name,Größe, host"})

    assert read.metrics_labels == (
        ("label_host", "host"),
        ("label_app_kubernetes_io_name", "app.kubernetes.io/name"),
        ("label_Gr__e", "Größe"),
    )


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        (
            {"HEARTBEAT_METRICS_LABELS": "a,b,c,d,e,f"},
            "HEARTBEAT_METRICS_LABELS names 6 labels; name at most 5",
        ),
        ({"HEARTBEAT_METRICS_LABELS": "a-b,a.b"}, "'a-b' and 'a.b' would both be called label_a_b"),
        ({"HEARTBEAT_METRICS_CHECKS": "no"}, "HEARTBEAT_METRICS_CHECKS must be on or off, not 'no'"),
    ],
)
def test_a_bad_setting_of_metrics_is_refused_in_one_sentence(
    environment: dict[str, str], sentence: str
) -> None:
    with pytest.raises(BadSetting, match=sentence):
        settings.read(environment)


@pytest.mark.parametrize(("text", "on"), [("on", True), ("off", False), ("", True)])
def test_series_of_single_checks_can_be_turned_off(text: str, on: bool) -> None:
    assert settings.read({"HEARTBEAT_METRICS_CHECKS": text}).metrics_checks is on


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
def test_the_first_address_of_a_collector_counts(environment: dict[str, str], url: str) -> None:
    assert settings.read(environment).otlp_url == url


@pytest.mark.parametrize("name", ["HEARTBEAT_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"])
def test_an_address_of_a_collector_without_its_scheme_is_refused(name: str) -> None:
    with pytest.raises(BadSetting, match=f"^{name} must begin with http:// or https://"):
        settings.read({name: "collector:4317"})


@pytest.mark.parametrize("name", ["HEARTBEAT_PUBLIC_URL", "HEARTBEAT_OUTSIDE_URL"])
@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://hb.example.com", "https://hb.example.com"),
        (" https://hb.example.com\n", "https://hb.example.com"),
        ('"https://hb.example.com"', "https://hb.example.com"),
        ("'https://hb.example.com/heartbeat' ", "https://hb.example.com/heartbeat"),
        ("http://[2001:db8::1]:8000", "http://[2001:db8::1]:8000"),
        ("https://münchen.example/größe", "https://xn--mnchen-3ya.example/gr%C3%B6%C3%9Fe"),
    ],
)
def test_an_address_is_trimmed_unquoted_and_ascii(name: str, text: str, url: str) -> None:
    process = settings.read({name: text})
    assert url in (process.public_url, process.outside_url)


@pytest.mark.parametrize("name", ["HEARTBEAT_PUBLIC_URL", "HEARTBEAT_OUTSIDE_URL"])
@pytest.mark.parametrize(
    "text",
    [
        *(
            "hb.example.com",
            "hb.example.com:8000",
            "//hb.example.com",
            "/heartbeat",
            "https://",
            "https:hb.example.com",
        ),
        *(
            "ftp://hb.example.com",
            "https://hb.example.com:port",
            "https://hb.example.com:99999",
            "https://[::1",
        ),
        *("https://hb example.com", "https://a.example https://b.example", "https://a\nb.example", '"'),
    ],
)
def test_what_is_not_an_address_is_refused_in_one_sentence(name: str, text: str) -> None:
    with pytest.raises(
        BadSetting, match=f"^{name} must begin with http:// or https:// and name a host, such as https"
    ):
        settings.read({name: text})


@pytest.mark.parametrize("end", ["?a=b", "#top"])
def test_a_public_address_ends_with_its_path(end: str) -> None:
    with pytest.raises(BadSetting, match=r"^HEARTBEAT_PUBLIC_URL must end with its host or path"):
        settings.read({"HEARTBEAT_PUBLIC_URL": f"https://hb.example.com/{end}"})
    with pytest.raises(BadSetting, match=r"^HEARTBEAT_PUBLIC_URL must end with its host or path"):
        settings.read({"HEARTBEAT_PUBLIC_URL": "https://anna:secret@hb.example.com"})
    assert (
        settings.read({"HEARTBEAT_PUBLIC_URL": "https://hb.example.com/"}).public_url
        == "https://hb.example.com"
    )
    watcher = f"https://anna:secret@watch.example.com/{end}"
    assert settings.read({"HEARTBEAT_OUTSIDE_URL": watcher}).outside_url == watcher


@pytest.mark.parametrize(
    ("path", "home"),
    [
        ("", ""),
        ("/", ""),
        ("/heartbeat", "/heartbeat"),
        ("/heartbeat/", "/heartbeat"),
        ("/ops/watch.v2~b", "/ops/watch.v2~b"),
        ("/Status", "/Status"),
        ("/statuses", "/statuses"),
        ("/größe", "/gr%C3%B6%C3%9Fe"),
    ],
)
def test_the_service_lives_below_the_path_of_its_address(path: str, home: str) -> None:
    process = settings.read({"HEARTBEAT_PUBLIC_URL": f"https://example.com{path}"})
    assert public_address.home(process.public_url) == home


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("//evil.example", "may have only letters, digits"),
        ("/a//b", "may have only letters, digits"),
        ("/a/../b", "may have only letters, digits"),
        ("/.", "may have only letters, digits"),
        ("/a;b", "may have only letters, digits"),
        ("/a&b", "may have only letters, digits"),
        ("/a%zz", "may have only letters, digits"),
        ("/status", "must not have a path that begins with /status"),
        ("/ping/heartbeat/", "must not have a path that begins with /ping"),
        ("/v1", "must not have a path that begins with /v1"),
    ],
)
def test_a_path_that_no_link_could_begin_with_is_refused(path: str, words: str) -> None:
    with pytest.raises(BadSetting, match=f"^HEARTBEAT_PUBLIC_URL {words}"):
        settings.read({"HEARTBEAT_PUBLIC_URL": f"https://example.com{path}"})


@pytest.mark.parametrize("empty", ["", " ", "\n"])
def test_an_empty_variable_is_unset(empty: str) -> None:
    names = [row[0].strip("`") for row in rows(section("docs/settings.md", "## All settings"))[1:]]
    assert len(names) > 30
    names += ["FORWARDED_ALLOW_IPS", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE"]
    process = settings.read(dict.fromkeys(names, empty))
    assert replace(process, environment={}) == Settings()


def test_spaces_and_line_ends_around_a_value_are_no_part_of_it() -> None:
    process = settings.read(
        {"HEARTBEAT_PORT": "8001\n", "HEARTBEAT_HOST": " ::1", "HEARTBEAT_LOG_LEVEL": "debug "}
    )
    assert (process.port, process.host, process.log_level) == (8001, "::1", "DEBUG")


@pytest.mark.parametrize("end", ["\n", "\r\n", " "])
def test_a_key_has_no_line_end(end: str) -> None:
    process = settings.read({"HEARTBEAT_ADMIN_KEY": f"{ONE}{end}", "HEARTBEAT_SECRET_KEY": f"{OTHER}{end}"})
    assert (process.admin_key, process.secret_key) == (ONE, OTHER)
    # Earlier releases signed with it.
    assert process.secret_keys_before == (f"{OTHER}{end}",)
    assert settings.read({"HEARTBEAT_SECRET_KEY": OTHER}).secret_keys_before == ()


@pytest.mark.parametrize("name", ["HEARTBEAT_ADMIN_KEY", "HEARTBEAT_SECRET_KEY"])
def test_a_key_of_several_lines_is_refused_and_not_shown(name: str) -> None:
    with pytest.raises(BadSetting, match=f"^{name} must be one line") as refused:
        settings.read({name: f"{ONE}\n{OTHER}"})
    assert ONE not in str(refused.value)


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"ALL_PROXY": "socks4://proxy"}, r"^ALL_PROXY must be the address of a proxy, such as .*\.$"),
        ({"https_proxy": "proxy:port"}, r"^https_proxy must be the address of a proxy, such as .*\.$"),
        (
            {"SSL_CERT_FILE": "/nowhere.pem"},
            "^SSL_CERT_FILE must be a PEM file of certificates; /nowhere.pem cannot",
        ),
        ({"SSL_CERT_FILE": __file__}, "^SSL_CERT_FILE must be a PEM file of certificates; "),
        ({"SSL_CERT_DIR": "/nowhere"}, "^SSL_CERT_DIR must be a directory of certificates; /nowhere is none"),
    ],
)
def test_what_leads_outside_is_judged_at_the_start(environment: dict[str, str], sentence: str) -> None:
    with pytest.raises(BadSetting, match=sentence):
        settings.read(environment)


def test_an_empty_environment_leaves_every_setting_at_its_default() -> None:
    assert settings.read({}) == Settings()


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        (
            "postgresql://u:p@a.example,b.example/db?target_session_attrs=read-write",
            "a.example,b.example",
            "5432,5432",
        ),
        ("postgres://u:p@a:5433,b/db?target_session_attrs=read-write", "a,b", "5433,5432"),
        (
            "postgresql+psycopg://u:p@[fd00::1]:5433,b:6432/db?target_session_attrs=read-write",
            "fd00::1,b",
            "5433,6432",
        ),
    ],
)
def test_a_database_of_several_hosts_is_read_as_postgresql_reads_it(url: str, host: str, port: str) -> None:
    opened = engine(make_url(settings.read({"HEARTBEAT_DATABASE_URL": url}).database_url), writing=False)
    _, connecting = opened.dialect.create_connect_args(opened.url)
    read = {name: connecting[name] for name in ("host", "port", "user", "password", "dbname")}
    assert read == {"host": host, "port": port, "user": "u", "password": "p", "dbname": "db"}
    assert connecting["target_session_attrs"] == "read-write"


def test_hosts_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(BadSetting, match="must name its hosts as in postgresql://"):
        settings.read({"HEARTBEAT_DATABASE_URL": "postgresql://u@a:b:c,d/db"})
