"""What an installation's facts mean: each is well, or worth a look, or bad, with what to do. Pure.

The facts are gathered by `examination`. Nothing here has seen a secret: of keys only their length and variety are
told.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from heartbeat.duration import in_words

LEAST_POSTGRES = 14
"""The least version of PostgreSQL that is meant to do."""
CONNECTIONS = 11
"""Connections to PostgreSQL that one process may hold at a time."""
LITTLE_ROOM = 100_000_000
SOME_ROOM = 1_000_000_000
"""Free bytes below which a disk is bad, or worth a look."""
WEAK_KEY = 22
"""Characters of a ping key that are as good as a random one of 128 bits."""
SKEW = timedelta(seconds=5)
LAG = timedelta(seconds=30)
OLD_PAGE = timedelta(minutes=5)
NAMES = 5
"""Names that one line shows."""

_ELSEWHERE = ("nfs", "cifs", "smb", "9p", "glusterfs", "ceph", "fuse.sshfs", "fuse.s3fs", "afs", "lustre")
_LOOPBACK = ("127.", "localhost", "[::1]", "::1")


class Weight(StrEnum):
    """How bad something is."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"

    @property
    def rank(self) -> int:
        """0 for what is well, and the exit status where it is the worst there is."""
        return tuple(Weight).index(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, what it is like, and what to do where it is not well."""

    weight: Weight
    subject: str
    words: str


@dataclass(frozen=True, slots=True)
class Key:
    """A secret of the installation. `mode` is that of its file, None where it stands in the environment."""

    name: str
    length: int
    variety: int
    mode: int | None = None
    least: int = 16
    fault: str = ""
    """Why the database cannot be served with it."""


@dataclass(frozen=True, slots=True)
class Place:
    """The data directory. `system` is the kind of its file system, `free` the bytes that are left."""

    path: str
    exists: bool
    writable: bool = False
    mode: int = 0
    free: int = 0
    system: str = ""


@dataclass(frozen=True, slots=True)
class Postgres:
    """What a PostgreSQL server says of itself."""

    version: str
    settings: Mapping[str, str]
    connections_used: int
    offset: timedelta
    standby: bool
    lag: timedelta | None


@dataclass(frozen=True, slots=True)
class Stock:
    """What the database holds: names of what is not as it should be."""

    without_contacts: Sequence[str] = ()
    unusable_contacts: Sequence[str] = ()
    reach_nobody: Sequence[str] = ()
    without_policy: Sequence[str] = ()
    never_heard: Sequence[str] = ()
    checks: int = 0
    people: int = 0
    oldest_page: timedelta = timedelta()
    sealed_by_old_keys: int = 0
    unreadable: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that was looked at. What could not be is None, and says why elsewhere."""

    public_url: str
    outside_url: bool
    sqlite: bool
    place: Place
    keys: Sequence[Key] = ()
    open_files: Sequence[str] = ()
    """Files with secrets that others than their owner may read."""
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
    stock: Stock | None = None
    ready: tuple[int, str] | str | None = None
    """What /readyz answered, or why it did not."""
    untrusted_proxy: int = 0
    """Requests so far that the service was not to believe for whom they speak."""
    sent: Mapping[str, str | None] = field(default_factory=dict)
    """By contact what went wrong with a test page; None where it was accepted."""
    versions: Mapping[str, str] = field(default_factory=dict)


def judge(facts: Facts) -> list[Finding]:
    """What the facts mean, the worst last."""
    rooms = (
        _place,
        _keys,
        _database,
        _postgres,
        _configuration,
        _notifiers,
        _stock,
        _serving,
        _watched,
        _sent,
    )
    found = [finding for room in rooms for finding in room(facts)]
    versions = ", ".join(f"{name} {version}" for name, version in facts.versions.items())
    return sorted([Finding(Weight.OK, "versions", versions), *found], key=lambda one: one.weight.rank)


def _ok(subject: str, words: str) -> Finding:
    return Finding(Weight.OK, subject, words)


def _warn(subject: str, words: str) -> Finding:
    return Finding(Weight.WARN, subject, words)


def _bad(subject: str, words: str) -> Finding:
    return Finding(Weight.BAD, subject, words)


def _place(facts: Facts) -> Iterator[Finding]:
    place, subject = facts.place, "data directory"
    if not place.exists:
        yield _warn(subject, f"{place.path} is not there yet: heartbeat serve makes it.")
        return
    if not place.writable:
        yield _bad(
            subject, f"{place.path} cannot be written to by this user: give it to the user who serves."
        )
    if place.mode & 0o077:
        yield _warn(subject, f"others may look into {place.path}: chmod 700 {place.path}.")
    if facts.sqlite and place.system.startswith(_ELSEWHERE):
        yield _bad(
            subject,
            f"{place.path} is on {place.system}: SQLite's locks do not hold over a network. Use a local disk, or "
            "PostgreSQL.",
        )
    if place.free < SOME_ROOM:
        weigh = _bad if place.free < LITTLE_ROOM else _warn
        yield weigh(subject, f"{place.free // 1_000_000} MB are free at {place.path}: make room.")
    else:
        yield _ok(
            subject, f"{place.path}, {place.free // 1_000_000_000} GB free, {place.system or 'unknown'}."
        )


def _keys(facts: Facts) -> Iterator[Finding]:
    for key in facts.keys:
        subject = f"secret {key.name}"
        if not key.length and key.mode is not None:
            yield _bad(subject, "its file is empty, or this user cannot read it: put the key back.")
        elif key.fault:
            yield _bad(subject, key.fault)
        elif not key.length:
            yield _warn(subject, "is not set: heartbeat serve makes one at its first start.")
        elif key.mode is not None and key.mode & 0o077:
            yield _bad(subject, "others may read its file: chmod 600, and replace the key.")
        elif key.length < key.least:
            yield _bad(subject, f"has {key.length} characters: it needs at least {key.least}.")
        elif key.length < WEAK_KEY or key.variety < 10:
            yield _warn(
                subject, "can be guessed more easily than a random one: openssl rand -hex 32 makes one."
            )
        else:
            yield _ok(subject, f"is set, {key.length} characters.")
    for path in facts.open_files:
        yield _warn("secrets in files", f"others may read {path}: chmod 600 {path}.")


def _database(facts: Facts) -> Iterator[Finding]:
    subject = "database"
    if facts.database_fault is not None:
        yield _bad(subject, f"cannot be used: {facts.database_fault}")
    elif facts.behind:
        yield _warn(
            subject, "has an older or newer schema than this release: heartbeat migrate brings it up to date."
        )
    else:
        yield _ok(subject, f"answers, its schema is that of this release ({facts.library}).")


def _postgres(facts: Facts) -> Iterator[Finding]:
    server, subject = facts.postgres, "PostgreSQL"
    if server is None:
        return
    lossy = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
    for name, value in lossy.items():
        if server.settings.get(name) == value:
            yield _bad(subject, f"{name} is {value}: pings that were answered can be lost. Set it to on.")
    if int(server.version.partition(".")[0] or 0) < LEAST_POSTGRES:
        yield _warn(
            subject, f"version {server.version} is older than {LEAST_POSTGRES}, the least that is meant."
        )
    if server.standby:
        yield _bad(subject, "this server is a standby, which cannot be written to: name the primary.")
    free = int(server.settings.get("max_connections", "0")) - server.connections_used
    if free < CONNECTIONS:
        yield _warn(
            subject,
            f"{free} connections are left, a process needs up to {CONNECTIONS}: raise max_connections.",
        )
    if abs(server.offset) > SKEW:
        yield _warn(
            subject, f"its clock differs from this machine's by {_seconds(server.offset)}: run NTP on both."
        )
    if server.lag is not None and server.lag > LAG:
        yield _warn(subject, f"a standby is {_seconds(server.lag)} behind: a failover would lose as much.")
    yield _ok(subject, f"version {server.version}, {free} connections free.")


def _configuration(facts: Facts) -> Iterator[Finding]:
    subject = "configuration"
    if facts.configuration_missing:
        yield _warn(subject, f"there is none at {facts.configuration}: HEARTBEAT_CONFIG names another.")
        return
    yield from (_bad(subject, problem) for problem in facts.problems)
    yield from (_warn(subject, warning) for warning in facts.warnings)
    if facts.differences:
        yield _warn(
            subject,
            f"the database differs from it in {_counted(facts.differences, 'line')}: heartbeat plan shows them, "
            "apply makes it so.",
        )
    if not facts.problems and facts.differences is not None and not facts.differences:
        yield _ok(subject, f"{facts.configuration} is in force.")


def _notifiers(facts: Facts) -> Iterator[Finding]:
    yield from (
        _bad(f"notifier {kind}", f"cannot be used: {fault}") for kind, fault in facts.notifier_faults.items()
    )


def _stock(facts: Facts) -> Iterator[Finding]:
    stock = facts.stock
    if stock is None:
        return
    for names, weigh, subject, words in (
        (stock.without_contacts, _bad, "people", "without a contact, who cannot be paged"),
        (stock.unusable_contacts, _bad, "people", "with a contact whose notifier is not usable here"),
        (
            stock.reach_nobody,
            _bad,
            "policies",
            "that reach nobody, so that their pages fall to the service's own terminal",
        ),
        (
            stock.without_policy,
            _warn,
            "checks",
            "without a policy, whose pages fall to the service's own terminal",
        ),
        (stock.never_heard, _warn, "checks", "that were expected for a week and never heard"),
        (
            stock.unreadable,
            _bad,
            "encrypted secrets",
            "that cannot be read; enter them again, or put the old key back",
        ),
    ):
        if names:
            yield weigh(subject, f"{words}: {_some(names)}.")
    if stock.sealed_by_old_keys:
        yield _warn(
            "encrypted secrets",
            f"{stock.sealed_by_old_keys} by an old key: heartbeat rotate-keys renews them.",
        )
    if stock.oldest_page > OLD_PAGE:
        yield _bad(
            "pages",
            f"the oldest has waited for {in_words(stock.oldest_page)}: does a pager run, do providers answer?",
        )
    people = "1 person" if stock.people == 1 else f"{stock.people:,} people"
    yield _ok("checks", f"there are {_counted(stock.checks, 'check')} and {people}.")


def _serving(facts: Facts) -> Iterator[Finding]:
    subject = "serving"
    match facts.ready:
        case (200, _):
            yield _ok(subject, f"{facts.public_url} is ready.")
        case (int(status), str(words)):
            yield _bad(subject, f"{facts.public_url}/readyz answers {status}: {words}")
        case str(why):
            yield _bad(subject, f"{facts.public_url} is not reached from here: {why}.")
    if facts.untrusted_proxy:
        yield _warn(
            "proxy",
            f"{facts.untrusted_proxy:,} requests came by a proxy that is not trusted, so that everybody behind it "
            "counts as one: HEARTBEAT_TRUSTED_PROXY names it; the log says its address.",
        )


def _watched(facts: Facts) -> Iterator[Finding]:
    url = urlsplit(facts.public_url)
    if url.scheme != "https" and not (url.hostname or "").startswith(_LOOPBACK):
        yield _warn("public address", f"{facts.public_url} is not https: keys and cookies travel in clear.")
    if facts.outside_url:
        yield _ok("outside heartbeat", "is set.")
    else:
        yield _warn(
            "outside heartbeat", "HEARTBEAT_OUTSIDE_URL is not set: nobody notices when this service dies."
        )


def _sent(facts: Facts) -> Iterator[Finding]:
    for contact, fault in facts.sent.items():
        yield (
            _ok(contact, "took a test page.")
            if fault is None
            else _bad(contact, f"did not take a test page: {fault.rstrip('.')}.")
        )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
    return ", ".join(names[:NAMES]) + more


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _seconds(length: timedelta) -> str:
    return f"{abs(length.total_seconds()):.1f} s"
