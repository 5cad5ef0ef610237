"""The kinds of notifiers: the built-in ones, and those of plugins, by their entry points."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.metadata import EntryPoint, entry_points

import httpx

from alerting.notifiers.alertmanager import Alertmanager
from alerting.notifiers.apprise import Apprise
from alerting.notifiers.console import Console
from alerting.notifiers.contract import Notifier
from alerting.notifiers.discord import Discord
from alerting.notifiers.email import Email
from alerting.notifiers.matrix import Matrix
from alerting.notifiers.mattermost import Mattermost
from alerting.notifiers.ntfy import Ntfy
from alerting.notifiers.opsgenie import Opsgenie
from alerting.notifiers.pagerduty import PagerDuty
from alerting.notifiers.push import Push
from alerting.notifiers.pushover import Pushover
from alerting.notifiers.signal import Signal
from alerting.notifiers.slack import Slack
from alerting.notifiers.slack_bot import SlackBot
from alerting.notifiers.sms import Sms
from alerting.notifiers.teams import Teams
from alerting.notifiers.telegram import Telegram
from alerting.notifiers.voice import Voice
from alerting.notifiers.webhook import Webhook
from alerting.origin import Origin

GROUP = "heartbeat.notifiers"
"""The group of entry points. The name of a plugin's entry is the kind, its value the class."""

BUILT_IN: tuple[type[Notifier], ...] = (
    Alertmanager,
    Apprise,
    Console,
    Discord,
    Email,
    Matrix,
    Mattermost,
    Ntfy,
    Opsgenie,
    PagerDuty,
    Push,
    Pushover,
    Signal,
    Slack,
    SlackBot,
    Sms,
    Teams,
    Telegram,
    Voice,
    Webhook,
)
"""In the order of their names."""

_CONTRACT = ("digests", "secret_settings", "secret_address", "configured", "wrong_address", "send")


@dataclass(frozen=True, slots=True)
class InstalledNotifiers:
    """The kinds that can be used, and by name one sentence on each plugin that cannot be used."""

    kinds: Mapping[str, type[Notifier]]
    problems: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Setup:
    """The settings of a notifier as stored, and their owner. Secrets are references, or encrypted.

    `changed_at` and `changed_by` are set if a person has entered it.
    """

    settings: Mapping[str, str]
    origin: Origin = Origin.FILE
    changed_at: datetime | None = None
    changed_by: str | None = None


@dataclass(frozen=True, slots=True)
class NotifierSet:
    """The notifiers that can be used, by kind: `own` for addresses in the file, `entered` for entered ones."""

    own: Mapping[str, Notifier]
    entered: Mapping[str, Notifier]


def about(kind: str, setting: str) -> str:
    """Return the text that an encrypted setting of a notifier is bound to."""
    return f"notifier {kind} {setting}"


@cache
def installed() -> InstalledNotifiers:
    """Return the kinds installed when this process first asked, for looking takes milliseconds.

    A broken plugin is left out and reported, and breaks nothing else.
    """
    kinds = {notifier.kind: notifier for notifier in BUILT_IN}
    problems = {}
    for entry in entry_points(group=GROUP):
        if entry.name in kinds:
            problems[entry.name] = f"{entry.value} is left out: the kind {entry.name} is taken"
            continue
        try:
            kinds[entry.name] = _loaded(entry)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code can raise anything
            problems[entry.name] = f"{entry.value} is left out: {type(error).__name__}: {error}"
    return InstalledNotifiers(kinds, problems)


def kinds_that(trait: str) -> frozenset[str]:
    """Return the installed kinds with this optional class variable of the contract, such as `edits`."""
    return frozenset(kind for kind, notifier in installed().kinds.items() if getattr(notifier, trait, False))


def poll_every(kind: str) -> timedelta | None:
    """Return how often this kind asks what became of its messages, None if it does not ask."""
    every: timedelta | None = getattr(installed().kinds.get(kind), "poll_every", None)
    return every


def assemble(
    settings: Mapping[str, Mapping[str, str]],
    http: httpx.AsyncClient,
    kinds: InstalledNotifiers | None = None,
) -> dict[str, Notifier]:
    """Return a notifier of each kind, built from `notifiers: {kind: {setting: value}}`, secrets filled in.

    Kinds without settings are built too if they need none. Raises ValueError with one sentence that names the kind
    if it is unknown or its settings are wrong.
    """
    kinds = kinds or installed()
    if unknown := sorted(settings.keys() - kinds.kinds.keys()):
        raise ValueError(f"notifiers.{unknown[0]}: {_why_unknown(unknown[0], kinds)}")
    built = {kind: _built(kind, kinds, settings.get(kind), http) for kind in kinds.kinds}
    return {kind: notifier for kind, notifier in built.items() if notifier is not None}


def _loaded(entry: EntryPoint) -> type[Notifier]:
    notifier: type[Notifier] = entry.load()
    if missing := [name for name in _CONTRACT if not hasattr(notifier, name)]:
        raise TypeError(f"it is not a notifier: it lacks {', '.join(missing)}")
    if notifier.kind != entry.name:
        raise TypeError(f"its kind is {notifier.kind}, its entry point says {entry.name}")
    return notifier


def _why_unknown(kind: str, kinds: InstalledNotifiers) -> str:
    return kinds.problems.get(kind, f"there is no such kind; the kinds are {', '.join(sorted(kinds.kinds))}")


def _built(
    kind: str, kinds: InstalledNotifiers, settings: Mapping[str, str] | None, http: httpx.AsyncClient
) -> Notifier | None:
    try:
        return kinds.kinds[kind].configured(settings or {}, http)
    except Exception as error:  # Foreign code can raise anything.
        if settings is None:
            return None
        raise ValueError(f"notifiers.{kind}: {error}") from error
