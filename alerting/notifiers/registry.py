"""The shelf of notifiers: the built-in kinds, and those that plugins bring by an entry point."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import EntryPoint, entry_points

import httpx

from alerting.notifiers.console import Console
from alerting.notifiers.contract import Notifier
from alerting.notifiers.email import Email
from alerting.notifiers.ntfy import Ntfy
from alerting.notifiers.pagerduty import PagerDuty
from alerting.notifiers.slack import Slack
from alerting.notifiers.webhook import Webhook
from alerting.origin import Origin

GROUP = "heartbeat.notifiers"
"""The group of entry points; a plugin's name in it is the kind, its value the class."""

BUILT_IN: tuple[type[Notifier], ...] = (Console, Email, Ntfy, PagerDuty, Slack, Webhook)

_CONTRACT = ("digests", "secret_settings", "secret_address", "configured", "wrong_address", "send")


@dataclass(frozen=True, slots=True)
class InstalledNotifiers:
    """The kinds that can be used, and by name one sentence on each plugin that cannot."""

    kinds: Mapping[str, type[Notifier]]
    problems: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Setup:
    """How one notifier is set up, as it is kept: secrets are references, or encrypted.

    `origin` says who owns it. When and by whom it was changed is known of what somebody has entered.
    """

    settings: Mapping[str, str]
    origin: Origin = Origin.FILE
    changed_at: datetime | None = None
    changed_by: str | None = None


@dataclass(frozen=True, slots=True)
class NotifierSet:
    """The notifiers that can be used, by kind: `own` reach what the file says, `entered` what somebody has entered."""

    own: Mapping[str, Notifier]
    entered: Mapping[str, Notifier]


def about(kind: str, setting: str) -> str:
    """What an encrypted setting of a notifier is bound to."""
    return f"notifier {kind} {setting}"


def installed() -> InstalledNotifiers:
    """Everything that is installed. A broken plugin is left out and reported: it takes nothing down."""
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


def assemble(
    settings: Mapping[str, Mapping[str, str]],
    http: httpx.AsyncClient,
    shelf: InstalledNotifiers | None = None,
) -> dict[str, Notifier]:
    """One notifier of each kind, built from `notifiers: {kind: {setting: value}}`, secrets filled in.

    A kind that is not mentioned is there as well where it needs no setting. Raises ValueError with one
    sentence that names the kind, where it is not known or its settings are wrong.
    """
    shelf = shelf or installed()
    if unknown := sorted(settings.keys() - shelf.kinds.keys()):
        raise ValueError(f"notifiers.{unknown[0]}: {_why_unknown(unknown[0], shelf)}")
    built = {kind: _built(kind, shelf, settings.get(kind), http) for kind in shelf.kinds}
    return {kind: notifier for kind, notifier in built.items() if notifier is not None}


def _loaded(entry: EntryPoint) -> type[Notifier]:
    notifier: type[Notifier] = entry.load()
    if missing := [name for name in _CONTRACT if not hasattr(notifier, name)]:
        raise TypeError(f"it is no notifier, it lacks {', '.join(missing)}")
    if notifier.kind != entry.name:
        raise TypeError(f"its kind is {notifier.kind}, its entry point says {entry.name}")
    return notifier


def _why_unknown(kind: str, shelf: InstalledNotifiers) -> str:
    known_kinds = ", ".join(sorted(shelf.kinds))
    return shelf.problems.get(kind, f"there is no such kind; there are {known_kinds}")


def _built(
    kind: str, shelf: InstalledNotifiers, settings: Mapping[str, str] | None, http: httpx.AsyncClient
) -> Notifier | None:
    try:
        return shelf.kinds[kind].configured(settings or {}, http)
    except Exception as error:  # Foreign code can raise anything.
        if settings is None:
            return None
        raise ValueError(f"notifiers.{kind}: {error}") from error
