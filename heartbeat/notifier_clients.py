"""The notifiers of this process: their settings filled in, their clients within their fences."""

import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import httpx

from alerting.courier import hand_over
from alerting.network import Fence, Reach
from alerting.notice import Notice
from alerting.notifiers import registry
from alerting.notifiers.contract import Notifier, Outcome, Receiver
from alerting.notifiers.email import Email
from alerting.notifiers.registry import Outfit, Setup, Shelf
from alerting.notifiers.transport import egress
from alerting.notifiers.transport.egress import Fenced
from alerting.origin import Origin
from alerting.person import Contact, Person
from heartbeat import secret, vault
from heartbeat.definitions.model import Configuration
from heartbeat.settings import Settings

LIMITS = httpx.Limits(max_connections=200, max_keepalive_connections=50)
"""Connections to what the file says; and as many to what was entered."""
USER_AGENT = f"heartbeat/{version('heartbeat')}"
ADVICE = "HEARTBEAT_ALLOW_ADDRESSES can allow it"

log = logging.getLogger(__name__)


def client_for_own(settings: Settings) -> Fenced:
    """The client for what the operator has written: the configuration's addresses and the outside heartbeat."""
    return egress.client(
        fence_of_own(settings), limits=LIMITS, headers={"User-Agent": USER_AGENT}, proxies=True
    )


def client_for_entered(settings: Settings) -> Fenced:
    """The client for addresses that somebody has entered through the API or the console."""
    return egress.client(fence_of_entered(settings), limits=LIMITS, headers={"User-Agent": USER_AGENT})


def fence_of_own(settings: Settings) -> Fence:
    """How far what the file says may reach."""
    return Fence(Reach.INSIDE, settings.allow_addresses, ADVICE)


def fence_of_entered(settings: Settings) -> Fence:
    """How far what somebody has entered may reach."""
    return Fence(Reach.INTERNET, settings.allow_addresses, ADVICE)


def out_of_bounds(settings: Settings, found: Configuration) -> Iterator[str]:
    """What of a file's addresses no page may go to, where that can be told without looking a name up."""
    fence, fill_in = fence_of_own(settings), filler(settings)
    for person in found.people.values():
        for contact in person.contacts:
            with suppress(ValueError):
                if fault := egress.literal_fault(fence, fill_in(contact.address, person.about(contact))):
                    yield f"people.{person.id}.contacts: {contact.kind}: {fault}."
    for kind, given in found.notifiers.items():
        for name, text in given.items():
            with suppress(ValueError):
                if fault := egress.literal_fault(fence, fill_in(text, registry.about(kind, name))):
                    yield f"notifiers.{kind}.{name}: {fault}."


def vault_of(settings: Settings) -> vault.Vault:
    """The vault with this installation's keys. The secret key is the last of them, so that it can be the only one."""
    keys = (*settings.encryption_keys, settings.secret_key, *settings.secret_keys_before)
    return vault.with_keys([key for key in keys if key], secrets.token_bytes)


def filler(settings: Settings) -> Callable[[str, str], str]:
    """Gives what is kept of a secret in clear: encrypted, and then bound to what it is about, or as references."""
    opener = vault_of(settings)

    def fill_in(text: str, about: str) -> str:
        if vault.is_sealed(text):
            return opener.open(text, about)
        return secret.fill_in(text, settings.environment, Path.read_text)

    return fill_in


def sender(
    settings: Settings,
    http: httpx.AsyncClient,
    entered: httpx.AsyncClient,
    written: Mapping[str, Setup],
) -> Callable[[Notice, Person, Contact], Awaitable[Outcome]]:
    """A way to send one notice at once, beside the outbox: for trying contacts out."""
    notifiers, fill_in = assembler(settings, http, entered, {})(written), filler(settings)

    async def send(told: Notice, person: Person, contact: Contact) -> Outcome:
        usable = notifiers.own if person.origin == Origin.FILE else notifiers.entered
        return await hand_over(usable, told, contact, lambda text: fill_in(text, person.about(contact)))

    return send


def assembler(
    settings: Settings, http: httpx.AsyncClient, entered: httpx.AsyncClient, instead: Mapping[str, Notifier]
) -> Callable[[Mapping[str, Setup]], Outfit]:
    """Notifiers by how they are set up, built anew only when that changes. `instead` stand in for their kinds."""
    known = registry.known()
    for name, problem in known.problems.items():
        log.error("the notifier %s cannot be used: %s", name, problem)
    built: dict[str, Outfit] = {}

    def assemble(written: Mapping[str, Setup]) -> Outfit:
        key = json.dumps(
            {kind: [one.origin, dict(one.settings)] for kind, one in written.items()}, sort_keys=True
        )
        if key not in built:
            built.clear()
            made = _assembled(settings, written, http, entered, known)
            built[key] = Outfit({**made.own, **instead}, {**made.entered, **instead})
        return built[key]

    return assemble


@dataclass(frozen=True, slots=True)
class Receivers:
    """The notifiers that read what their providers call back: the installed kinds, and how to build them."""

    kinds: frozenset[str] = frozenset()
    assemble: Callable[[Mapping[str, Setup]], Outfit] = lambda _: Outfit({}, {})

    def of(self, kind: str, written: Mapping[str, Setup]) -> Receiver | None:
        """The notifier of this kind as it is set up, or None where it cannot be used or reads nothing."""
        outfit = self.assemble(written)
        notifier = outfit.own.get(kind) or outfit.entered.get(kind)
        return notifier if isinstance(notifier, Receiver) else None


def receivers(
    assemble: Callable[[Mapping[str, Setup]], Outfit], instead: Mapping[str, Notifier]
) -> Receivers:
    """The receivers among what is installed. `instead` stand in for their kinds."""
    installed = {**registry.known().kinds, **instead}
    return Receivers(
        frozenset(kind for kind, notifier in installed.items() if hasattr(notifier, "received")), assemble
    )


def judged(settings: Settings, written: Mapping[str, Setup]) -> tuple[dict[str, str], set[str]]:
    """By kind why a notifier that is set up cannot be used; and the kinds that can be. Nothing is sent."""
    known, fill_in, faults = registry.known(), filler(settings), dict[str, str]()
    nowhere = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(503)))
    for kind, setup in written.items():
        one = dict[str, str]()
        try:
            one = {name: fill_in(value, registry.about(kind, name)) for name, value in setup.settings.items()}
            registry.assemble({kind: one}, nowhere, known)
        except ValueError as wrong:
            filled = {value: f"({name})" for name, value in one.items() if value != setup.settings[name]}
            faults[kind] = _discreet(str(wrong), filled)
    return faults, (registry.assemble({}, nowhere, known).keys() | written.keys()) - faults.keys()


def _discreet(words: str, secrets: Mapping[str, str]) -> str:
    """The words with each secret put back to its name."""
    for value, name in secrets.items():
        words = words.replace(value, name)
    return words


def _assembled(
    settings: Settings,
    written: Mapping[str, Setup],
    http: httpx.AsyncClient,
    entered: httpx.AsyncClient,
    known: Shelf,
) -> Outfit:
    filled, fill_in = {}, filler(settings)
    for kind, setup in written.items():
        try:
            one = {name: fill_in(value, registry.about(kind, name)) for name, value in setup.settings.items()}
            registry.assemble({kind: one}, http, known)
            filled[kind] = one
        except ValueError as wrong:
            # Its contacts are refused with a reason, and so each page goes on to the next contact.
            log.error("notifiers: %s", wrong)
    usable = [kind for kind in known.kinds if kind in filled or kind not in written]
    own, fenced = (
        {kind: one for kind, one in registry.assemble(filled, client, known).items() if kind in usable}
        for client in (http, entered)
    )
    # Where the settings themselves were entered, an address may stand in them.
    theirs = {
        kind: fenced[kind]
        for kind, setup in written.items()
        if setup.origin != Origin.FILE and kind in fenced
    }
    if Email.kind in own and Email.kind not in theirs:
        # A mail address leads nowhere by itself: how far mail may go is a matter of who has written the mail server.
        fenced[Email.kind] = own[Email.kind]
    return Outfit({**own, **theirs}, fenced)
