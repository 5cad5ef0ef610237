"""The settings of a process: the only reader of the environment. docs/settings.md explains each to operators."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from alerting import proxies as proxy_variables
from alerting.network import Network
from alerting.proxies import Proxies
from heartbeat import public_address, sign_in_settings
from heartbeat import setting_values as values
from heartbeat.setting_values import SHORTEST_KEY as SHORTEST_KEY
from heartbeat.setting_values import BadSetting as BadSetting

ROLES = ("api", "checker", "pager")
KEEP = (92, 36_500)
"""The least and most days to keep the past: status pages show the last 90."""

SHORTEST_CANARY = 10
"""Seconds between two pages of the canary, at least."""
MAX_SERIES_LABELS = 5
"""Labels of checks that their series may have, at most."""


EVERY_ADDRESS = "*"
"""The host that stands for every address of the machine: IPv6 and IPv4, or IPv4 alone where there is no IPv6."""


def _reachable(host: str) -> str:
    # An address that stands for all of them is not one to open in a browser.
    here = {EVERY_ADDRESS: "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104
    return here.get(host, f"[{host}]" if ":" in host else host)


def _url(host: str, port: int) -> str:
    return f"http://{_reachable(host)}:{port}"


def own_address(settings: "Settings") -> str:
    """Return the address at which this machine reaches its own service."""
    return _url(settings.host, settings.port)


def _sqlite_url(data_dir: Path) -> str:
    return f"sqlite:///{data_dir / 'heartbeat.db'}"


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process, from its environment. `repr` shows no secrets."""

    host: str = "127.0.0.1"
    port: int = 8000
    data_dir: Path = Path("data")
    database_url: str = field(default=_sqlite_url(data_dir), repr=False)
    config: Path = Path("heartbeat.yaml")
    public_url: str = _url(host, port)
    roles: frozenset[str] = frozenset(ROLES)
    outside_url: str = field(default="", repr=False)
    notify_socket: str = ""
    """The socket on which systemd waits for messages of this process (sd_notify). systemd sets it."""
    outside_every: int = 10
    canary_every: timedelta = timedelta(minutes=5)
    """The time between two pages of the canary. Zero if there is none."""
    admin_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    secret_keys_before: tuple[str, ...] = field(default=(), repr=False)
    """Secret keys that are being replaced, or will be used soon. Their signatures are accepted too."""
    encryption_keys: tuple[str, ...] = field(default=(), repr=False)
    """The keys of secrets at rest. The first one encrypts. Without any, the secret key does."""
    allow_addresses: tuple[Network, ...] = ()
    """Networks beyond the fence to which pages may go."""
    keep_incidents: int = 400
    keep_transitions: int = 400
    """Days after which resolved incidents and changes of a check's state are deleted."""
    sign_in_idle: timedelta = timedelta(hours=12)
    """The time after which an unused sign-in ends."""
    sign_in_longest: timedelta = timedelta(hours=168)
    """The time after which any sign-in ends."""
    trusted_proxy: tuple[Network, ...] = ()
    """Networks of proxies whose X-Forwarded-For is trusted. Without any, only this machine is."""
    sign_in_proxy: tuple[Network, ...] = ()
    """Networks of the proxy that may sign people in by its headers."""
    proxy_user_header: str = ""
    proxy_role_header: str = ""
    """The headers in which the proxy names a user and the user's role."""
    proxy_sign_out: str = ""
    """The proxy's sign-out address."""
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = field(default="", repr=False)
    oidc_role_claim: str = "groups"
    oidc_roles: tuple[tuple[str, str], ...] = ()
    """Pairs of a value of that claim and its role."""
    oidc_default_role: str = ""
    metrics_open: bool = False
    """True if the metrics need no key."""
    admin_key_sign_in: bool = True
    """True if the admin key still opens the console once there are users."""
    prepared: bool = False
    """PostgreSQL prepares the statement that stores plain pings."""
    ping_body_limit: int = 100_000
    ping_checks_limit: int = 10_000
    """The number of checks that pings may create."""
    keep_bodies: int = 1_000
    """Megabytes of the bodies of pings that are kept in all."""
    coverage_ahead: timedelta = timedelta(hours=72)
    """The time before a gap of coverage at which those on call are told. Zero if nobody is."""
    test_pages_every: timedelta = timedelta(days=7)
    """The time between two test pages to each person who may be paged. Zero if none is sent by itself."""
    unusual: str = "mark"
    """What becomes of a run with unusual numbers: `mark` shows it, `warn` also makes it an incident."""
    digest_to: tuple[str, ...] = ()
    """The mail addresses that get the unusual runs of each week."""
    status_dir: Path | None = None
    """The directory of the status pages, by default `status` in the data directory."""
    status_hook: str = ""
    """A command to run after each publication, with the directory as its first argument."""
    log_level: str = "INFO"
    log_format: str = "text"
    metrics_checks: bool = True
    """True if a scrape has series of single checks."""
    metrics_labels: tuple[tuple[str, str], ...] = ()
    """Pairs of a label of these series and the label of the check that it shows."""
    otlp_url: str = field(default="", repr=False)
    """The address for spans, by OTLP over HTTP. Empty if tracing is off."""
    proxies: Proxies = field(default_factory=Proxies)
    """The proxies that lead to addresses of the configuration."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The whole environment, for ${NAME} in the configuration."""


def read(environ: Mapping[str, str]) -> Settings:
    """Return the settings in these environment variables. An empty one counts as unset. Raises `BadSetting`."""
    secret_key, before = _secret_keys(environ)
    settings = Settings(secret_key=secret_key, secret_keys_before=before, environment=dict(environ))
    for part in (_keys, _service, _kept, _outside, _sign_in, _pings, _status_pages, _telemetry):
        settings = part(settings, values.Trimmed(environ))
    return settings


def _keys(settings: Settings, environ: Mapping[str, str]) -> Settings:
    return replace(
        settings,
        admin_key=values.key(environ, "HEARTBEAT_ADMIN_KEY", 16),
        encryption_keys=values.keys(environ, "HEARTBEAT_ENCRYPTION_KEYS"),
    )


def _service(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """Return the settings with the addresses and the files of the service."""
    host, port = environ.get("HEARTBEAT_HOST", settings.host), _port(environ, settings.port)
    data_dir = Path(environ.get("HEARTBEAT_DATA_DIR", settings.data_dir))
    return replace(
        settings,
        host=host,
        port=port,
        data_dir=data_dir,
        database_url=_database_url(environ, data_dir),
        prepared=values.is_on(environ, "HEARTBEAT_DATABASE_PREPARED", settings.prepared),
        config=Path(environ.get("HEARTBEAT_CONFIG") or settings.config),
        public_url=_public_url(environ) or _url(host, port),
        roles=_roles(environ.get("HEARTBEAT_ROLES", "")),
        notify_socket=environ.get("NOTIFY_SOCKET", ""),
        canary_every=_canary_every(environ, settings.canary_every),
    )


def _kept(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """Return the settings with how long the past is kept, and how much of it."""
    incidents, transitions = settings.keep_incidents, settings.keep_transitions
    return replace(
        settings,
        keep_incidents=values.whole(environ, "HEARTBEAT_KEEP_INCIDENTS", incidents, *KEEP),
        keep_transitions=values.whole(environ, "HEARTBEAT_KEEP_TRANSITIONS", transitions, *KEEP),
        keep_bodies=values.whole(environ, "HEARTBEAT_KEEP_BODIES", settings.keep_bodies, 10, 1_000_000),
    )


def _outside(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """Return the settings with what the service calls, and with the ways there."""
    return replace(
        settings,
        outside_url=values.web_url(environ, "HEARTBEAT_OUTSIDE_URL", "https://watch.example.com/ping/…"),
        outside_every=values.whole(environ, "HEARTBEAT_OUTSIDE_EVERY", settings.outside_every, 1, 3600),
        allow_addresses=values.networks(environ, "HEARTBEAT_ALLOW_ADDRESSES"),
        proxies=_proxies(environ),
    )


def _sign_in(settings: Settings, environ: Mapping[str, str]) -> Settings:
    return replace(
        settings,
        sign_in_idle=values.hours(environ, "HEARTBEAT_SIGN_IN_IDLE", settings.sign_in_idle, 720),
        sign_in_longest=values.hours(environ, "HEARTBEAT_SIGN_IN_LONGEST", settings.sign_in_longest, 2160),
        admin_key_sign_in=values.is_on(environ, "HEARTBEAT_ADMIN_KEY_SIGN_IN", settings.admin_key_sign_in),
        **sign_in_settings.proxy(environ),
        **sign_in_settings.oidc(environ, settings.oidc_role_claim),
    )


def _pings(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """Return the settings with the limits of pings, what becomes of their numbers, and what is told ahead."""
    body, created = settings.ping_body_limit, settings.ping_checks_limit
    ahead = settings.coverage_ahead // timedelta(hours=1)
    days = values.whole(environ, "HEARTBEAT_TEST_PAGES_EVERY", settings.test_pages_every.days, 0, 90)
    return replace(
        settings,
        ping_body_limit=values.whole(environ, "HEARTBEAT_PING_BODY_LIMIT", body, 0, 10_000_000),
        ping_checks_limit=values.whole(environ, "HEARTBEAT_PING_CHECKS_LIMIT", created, 0, 1_000_000),
        unusual=values.one_of(environ, "HEARTBEAT_UNUSUAL", settings.unusual, ("mark", "warn")),
        digest_to=values.mail_addresses(environ, "HEARTBEAT_DIGEST_TO"),
        coverage_ahead=timedelta(hours=values.whole(environ, "HEARTBEAT_COVERAGE_AHEAD", ahead, 0, 336)),
        test_pages_every=timedelta(days=days),
    )


def _status_pages(settings: Settings, environ: Mapping[str, str]) -> Settings:
    folder = environ.get("HEARTBEAT_STATUS_DIR")
    hook = environ.get("HEARTBEAT_STATUS_HOOK", "")
    return replace(settings, status_dir=Path(folder) if folder else None, status_hook=hook)


def _telemetry(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """Return the settings with the log, the metrics and the spans."""
    return replace(
        settings,
        log_level=_level(environ.get("HEARTBEAT_LOG_LEVEL", settings.log_level)),
        log_format=values.one_of(environ, "HEARTBEAT_LOG_FORMAT", settings.log_format, ("text", "json")),
        metrics_open=values.is_on(environ, "HEARTBEAT_METRICS_OPEN", settings.metrics_open),
        metrics_checks=values.is_on(environ, "HEARTBEAT_METRICS_CHECKS", settings.metrics_checks),
        metrics_labels=_series_labels(environ.get("HEARTBEAT_METRICS_LABELS", "")),
        otlp_url=_otlp_url(environ),
    )


def _port(environ: Mapping[str, str], default: int) -> int:
    if environ.get("HEARTBEAT_PORT", "").startswith("tcp://"):
        # Kubernetes sets this variable for a Service called heartbeat. It is no setting.
        return default
    return values.whole(environ, "HEARTBEAT_PORT", default, 0, 65_535)


def _database_url(environ: Mapping[str, str], data_dir: Path) -> str:
    url = values.unquoted(environ.get("HEARTBEAT_DATABASE_URL", "")) or _sqlite_url(data_dir)
    if not url.startswith(("sqlite:///", "postgresql://", "postgres://", "postgresql+psycopg://")):
        raise BadSetting(
            "HEARTBEAT_DATABASE_URL must begin with sqlite:/// or postgresql://, "
            "for example postgresql://heartbeat@db.example.com/heartbeat."
        )
    if url in ("sqlite:///", "sqlite:///:memory:"):
        raise BadSetting(
            "HEARTBEAT_DATABASE_URL must name a file: a database in memory would forget every ping."
        )
    return values.with_hosts(url)


def _public_url(environ: Mapping[str, str]) -> str:
    """Return the address that links begin with, without a slash at its end."""
    name, example = "HEARTBEAT_PUBLIC_URL", "https://heartbeat.example.com"
    url = values.web_url(environ, name, example).rstrip("/")
    if any(mark in url for mark in "?#@"):
        raise BadSetting(
            f"{name} must end with its host or path, without ?, # or a login, such as {example}."
        )
    if fault := public_address.path_fault(url):
        raise BadSetting(f"{name} {fault}, such as {example}/heartbeat.")
    return url


def _proxies(environ: Mapping[str, str]) -> Proxies:
    values.require_authorities(environ)
    try:
        return proxy_variables.read(environ)
    except ValueError as error:
        raise BadSetting(f"{error}.") from None


def _secret_keys(environ: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """Return the secret key and those before it.

    Earlier releases signed with the line end of the key, if it had one: what that key signed is still accepted.
    """
    written = environ.get("HEARTBEAT_SECRET_KEY", "")
    key = values.key(environ, "HEARTBEAT_SECRET_KEY", SHORTEST_KEY)
    before = values.keys(environ, "HEARTBEAT_SECRET_KEY_PREVIOUS")
    return key, before if written in ("", key) or not key else (*before, written)


def _canary_every(environ: Mapping[str, str], default: timedelta) -> timedelta:
    name = "HEARTBEAT_CANARY_EVERY"
    seconds = values.whole(environ, name, int(default.total_seconds()), 0, 86_400)
    if 0 < seconds < SHORTEST_CANARY:
        raise BadSetting(f"{name} must be at least {SHORTEST_CANARY} seconds, or 0 for no canary.")
    return timedelta(seconds=seconds)


def _roles(text: str) -> frozenset[str]:
    named = frozenset(role.strip() for role in text.split(",") if role.strip())
    unknown = sorted(named - set(ROLES))
    if unknown:
        raise BadSetting(
            f"HEARTBEAT_ROLES: {unknown[0]!r} is not a role; name one or more of {', '.join(ROLES)}."
        )
    return named or frozenset(ROLES)


def _series_labels(text: str) -> tuple[tuple[str, str], ...]:
    """Return the labels with a prefix, so that none takes the place of a label of heartbeat or of Prometheus."""
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if len(names) > MAX_SERIES_LABELS:
        raise BadSetting(
            f"HEARTBEAT_METRICS_LABELS names {len(names)} labels; name at most {MAX_SERIES_LABELS}, because each "
            "value creates new series."
        )
    by_label: dict[str, str] = {}
    for name in names:
        label = "label_" + re.sub(r"[^a-zA-Z0-9_]", "_", name)
        if label in by_label:
            raise BadSetting(
                f"HEARTBEAT_METRICS_LABELS: {by_label[label]!r} and {name!r} would both be called {label}; "
                "name one of them."
            )
        by_label[label] = name
    return tuple(by_label.items())


def _otlp_url(environ: Mapping[str, str]) -> str:
    """Return the address for spans: heartbeat's setting first, then those of the OTLP exporter's specification.

    That has an address for traces alone, and one for every signal.
    """
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return ""
    for name, path in (
        ("HEARTBEAT_OTLP_ENDPOINT", "/v1/traces"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", ""),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "/v1/traces"),
    ):
        url = values.unquoted(environ.get(name, ""))
        if url:
            if not url.startswith(("http://", "https://")):
                raise BadSetting(
                    f"{name} must begin with http:// or https://, such as http://127.0.0.1:4318."
                )
            return url.rstrip("/") + path if path else url
    return ""


def _level(text: str) -> str:
    level = text.upper()
    if level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise BadSetting(f"HEARTBEAT_LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR, not {text!r}.")
    return level
