"""The diagnosis of `heartbeat doctor`: each fact of an installation is ok, a warning or bad, with advice. Pure.

`doctor_facts` gathers the facts. They contain no secret: of a key only its length and its number of different
characters.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

from alerting import times
from heartbeat import public_address
from heartbeat.operations import inventory, open_files
from heartbeat.operations.finding import Finding, bad, ok, warn
from heartbeat.operations.inventory import Inventory

LEAST_POSTGRES = 14
"""The oldest supported version of PostgreSQL."""
CONNECTIONS = 11
"""Connections to PostgreSQL that one process may hold at a time."""
BAD_FREE = 100_000_000
LOW_FREE = 1_000_000_000
"""Free bytes on the disk, below which the finding is bad or a warning."""
WEAK_KEY = 22
"""Characters of a random key of 128 bits. A shorter key is easier to guess."""
SKEW = timedelta(seconds=5)
LAG = timedelta(seconds=30)

_NETWORK_FILE_SYSTEMS = (
    "nfs",
    "cifs",
    "smb",
    "9p",
    "glusterfs",
    "ceph",
    "fuse.sshfs",
    "fuse.s3fs",
    "afs",
    "lustre",
)


@dataclass(frozen=True, slots=True)
class Callback:
    """What a provider on the internet calls us about, and whether it calls only https addresses."""

    provider: str
    lost: str
    https_only: bool = False


CALLBACKS: Mapping[str, Callback] = {
    "opsgenie": Callback("Opsgenie", "acknowledgements in Opsgenie"),
    "pagerduty": Callback("PagerDuty", "acknowledgements in PagerDuty", https_only=True),
    "slack_bot": Callback("Slack", "pressed buttons", https_only=True),
    "sms": Callback("Twilio", "reports on messages, and replies to them,"),
    "telegram": Callback("Telegram", "pressed buttons", https_only=True),
    "voice": Callback("Twilio", "reports on calls, and pressed keys,"),
}
"""By the kind of notifier. Replies to mails come from the operator's own mail server, which may be inside."""

_LOOPBACK = ("127.", "localhost", "[::1]", "::1")


@dataclass(frozen=True, slots=True)
class SecretFacts:
    """A key of the installation. `mode` is the mode of its file, None if the key comes from the environment."""

    name: str
    length: int
    variety: int
    mode: int | None = None
    least: int = 16
    fault: str = ""
    """The reason why the database cannot be served with it."""


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """The data directory, with the kind of its file system and the free bytes."""

    path: str
    exists: bool
    writable: bool = False
    mode: int = 0
    free: int = 0
    file_system: str = ""


@dataclass(frozen=True, slots=True)
class Postgres:
    """A PostgreSQL server. `offset` is the difference between its clock and ours, `lag` that of its standbys."""

    version: str
    settings: Mapping[str, str]
    connections_used: int
    offset: timedelta
    standby: bool
    lag: timedelta | None


@dataclass(frozen=True, slots=True)
class InstallationFacts:
    """Everything that was examined. A fact that could not be gathered is None; another field has the reason."""

    public_url: str
    outside_url: bool
    sqlite: bool
    data_directory: DataDirectory
    keys: Sequence[SecretFacts] = ()
    open_files: Sequence[str] = ()
    """Files with secrets that others than their owner can read."""
    database_fault: str | None = None
    behind: bool = False
    library: str = ""
    postgres: Postgres | None = None
    configuration: str = ""
    configuration_missing: bool = False
    problems: Sequence[str] = ()
    warnings: Sequence[str] = ()
    differences: int | None = None
    notifier_faults: Mapping[str, str] = field(default_factory=dict)
    called_back: Sequence[str] = ()
    """The kinds of notifiers that are set up so that their providers call us."""
    inventory: Inventory | None = None
    ready: tuple[int, str] | str | None = None
    """The answer of /readyz, or the error of the request."""
    untrusted_proxy: int = 0
    """Requests so far through a proxy that the service does not trust."""
    file_limit: int | None = None
    """The files that the service may open."""
    test_pages: Mapping[str, str | None] = field(default_factory=dict)
    """The error of a test page for each contact; None if it was accepted."""
    versions: Mapping[str, str] = field(default_factory=dict)


def judge(facts: InstallationFacts) -> list[Finding]:
    """Return the findings, the worst last."""
    subjects = (
        _data_directory,
        _keys,
        _database,
        _postgres,
        _configuration,
        _notifiers,
        _callbacks,
        _inventory,
        _serving,
        _open_files,
        _exposure,
        _test_pages,
    )
    versions = ", ".join(f"{name} {version}" for name, version in facts.versions.items())
    findings = [ok("versions", versions), *(finding for judged in subjects for finding in judged(facts))]
    return sorted(findings, key=lambda finding: finding.weight.rank)


def _data_directory(facts: InstallationFacts) -> Iterator[Finding]:
    directory, subject = facts.data_directory, "data directory"
    path = directory.path
    if not directory.exists:
        yield warn(subject, f"{path} does not exist yet: heartbeat serve creates it.")
        return
    if not directory.writable:
        yield bad(subject, f"this user cannot write to {path}: give it to the user who serves.")
    if directory.mode & 0o077:
        yield warn(subject, f"other users can look into {path}: chmod 700 {path}.")
    if facts.sqlite and directory.file_system.startswith(_NETWORK_FILE_SYSTEMS):
        yield bad(
            subject,
            f"{path} is on {directory.file_system}: SQLite's locks do not work over a network. Use a local disk, "
            "or PostgreSQL.",
        )
    if directory.free < LOW_FREE:
        weigh = bad if directory.free < BAD_FREE else warn
        yield weigh(subject, f"only {directory.free // 1_000_000} MB are free at {path}: make room.")
    else:
        yield ok(
            subject,
            f"{path}, {directory.free // 1_000_000_000} GB free, {directory.file_system or 'unknown'}.",
        )


def _keys(facts: InstallationFacts) -> Iterator[Finding]:
    for key in facts.keys:
        subject = f"secret {key.name}"
        if not key.length and key.mode is not None:
            yield bad(subject, "its file is empty, or this user cannot read it: put the key back.")
        elif key.fault:
            yield bad(subject, key.fault)
        elif not key.length:
            yield warn(subject, "is not set: heartbeat serve creates one at its first start.")
        elif key.mode is not None and key.mode & 0o077:
            yield bad(subject, "other users can read its file: chmod 600, and replace the key.")
        elif key.length < key.least:
            yield bad(subject, f"has {key.length} characters: it needs at least {key.least}.")
        elif key.length < WEAK_KEY or key.variety < 10:
            yield warn(subject, "is easier to guess than a random key: create one with openssl rand -hex 32.")
        else:
            yield ok(subject, f"is set, {key.length} characters.")
    for path in facts.open_files:
        yield warn("secrets in files", f"other users can read {path}: chmod 600 {path}.")


def _database(facts: InstallationFacts) -> Iterator[Finding]:
    subject = "database"
    if facts.database_fault is not None:
        yield bad(subject, f"cannot be used: {facts.database_fault}")
    elif facts.behind:
        yield warn(subject, "its schema is older or newer than this release: run heartbeat migrate.")
    else:
        yield ok(subject, f"answers, and has the schema of this release ({facts.library}).")


def _postgres(facts: InstallationFacts) -> Iterator[Finding]:
    server, subject = facts.postgres, "PostgreSQL"
    if server is None:
        return
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        if server.settings.get(name) == "off":
            yield bad(subject, f"{name} is off: answered pings can be lost. Set it to on.")
    if int(server.version.partition(".")[0] or 0) < LEAST_POSTGRES:
        yield warn(
            subject, f"version {server.version} is not supported: upgrade to {LEAST_POSTGRES} or newer."
        )
    if server.standby:
        yield bad(
            subject,
            "this server is a standby and accepts no changes: set HEARTBEAT_DATABASE_URL to the primary.",
        )
    free = int(server.settings.get("max_connections", "0")) - server.connections_used
    if free < CONNECTIONS:
        yield warn(
            subject,
            f"{free} connections are left, and a process needs up to {CONNECTIONS}: raise max_connections.",
        )
    if abs(server.offset) > SKEW:
        yield warn(
            subject, f"its clock differs from this machine's by {_seconds(server.offset)}: run NTP on both."
        )
    if server.lag is not None and server.lag > LAG:
        yield warn(subject, f"a standby is {_seconds(server.lag)} behind: a failover would lose that much.")
    yield ok(subject, f"version {server.version}, {free} connections free.")


def _configuration(facts: InstallationFacts) -> Iterator[Finding]:
    subject = "configuration"
    if facts.configuration_missing:
        yield warn(
            subject,
            f"there is no file {facts.configuration}: create it, or set HEARTBEAT_CONFIG to its path.",
        )
        return
    yield from (bad(subject, problem) for problem in facts.problems)
    yield from (warn(subject, warning) for warning in facts.warnings)
    if facts.differences:
        yield warn(
            subject,
            f"{times.count(facts.differences, 'change')} not applied: heartbeat plan shows them, heartbeat apply "
            "applies them.",
        )
    if not facts.problems and facts.differences is not None and not facts.differences:
        yield ok(subject, f"{facts.configuration} is in force.")


def _notifiers(facts: InstallationFacts) -> Iterator[Finding]:
    yield from (
        bad(f"notifier {kind}", f"cannot be used: {fault}") for kind, fault in facts.notifier_faults.items()
    )


def _callbacks(facts: InstallationFacts) -> Iterator[Finding]:
    is_https = urlsplit(facts.public_url).scheme == "https"
    opens = public_address.opens_anywhere(facts.public_url)
    for kind in facts.called_back:
        callback = CALLBACKS[kind]
        if opens and (is_https or not callback.https_only):
            continue
        reason = f"{callback.provider} calls only https" if opens else "it does not open on the internet"
        yield warn(
            f"notifier {kind}",
            f"{callback.lost} cannot come in at {facts.public_url}: {reason}. Set HEARTBEAT_PUBLIC_URL to an https "
            "address that opens there.",
        )


def _inventory(facts: InstallationFacts) -> Iterator[Finding]:
    return iter(()) if facts.inventory is None else inventory.judge(facts.inventory)


def _serving(facts: InstallationFacts) -> Iterator[Finding]:
    subject = "serving"
    match facts.ready:
        case (200, _):
            yield ok(subject, f"{facts.public_url} is ready.")
        case (int(status), str(text)):
            yield bad(subject, f"{facts.public_url}/readyz answers {status}: {text}")
        case str(error):
            yield bad(subject, f"{facts.public_url} cannot be reached from here: {error}.")
    if facts.untrusted_proxy:
        yield warn(
            "proxy",
            f"{facts.untrusted_proxy:,} requests came through a proxy that is not trusted, so all its clients share "
            "one limit: add its address, which the log has, to HEARTBEAT_TRUSTED_PROXY.",
        )


def _open_files(facts: InstallationFacts) -> Iterator[Finding]:
    if facts.file_limit is None:
        return
    shortage = open_files.shortage(facts.file_limit)
    if shortage is None:
        yield ok("open files", f"{facts.file_limit:,} are allowed, enough for every connection.")
    else:
        yield warn("open files", f"{shortage}.")


def _exposure(facts: InstallationFacts) -> Iterator[Finding]:
    url = urlsplit(facts.public_url)
    if url.scheme != "https" and not (url.hostname or "").startswith(_LOOPBACK):
        yield warn(
            "public address", f"{facts.public_url} is not https: keys and cookies are sent unencrypted."
        )
    if facts.outside_url:
        yield ok("outside heartbeat", "is set.")
    elif facts.inventory is not None and facts.inventory.peers:
        yield ok("outside heartbeat", "goes to the peers.")
    else:
        yield warn(
            "outside heartbeat",
            "HEARTBEAT_OUTSIDE_URL is not set: nobody would notice that this service has died.",
        )


def _test_pages(facts: InstallationFacts) -> Iterator[Finding]:
    for contact, fault in facts.test_pages.items():
        yield (
            ok(contact, "accepted a test page.")
            if fault is None
            else bad(contact, f"did not accept a test page: {fault.rstrip('.')}.")
        )


def _seconds(length: timedelta) -> str:
    return f"{abs(length.total_seconds()):.1f} s"
