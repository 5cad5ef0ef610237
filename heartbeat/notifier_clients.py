"""The notifiers of this process, with their settings filled in and their clients behind their fences."""

import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version

import httpx
from py_vapid import Vapid02

from alerting.calendar_layer import CalendarLayer
from alerting.network import Fence, Reach
from alerting.notice import Notice
from alerting.notifiers import registry
from alerting.notifiers.contract import CalledBack, Notifier, Outcome, Receiver
from alerting.notifiers.push import Identity, Push
from alerting.notifiers.registry import InstalledNotifiers, NotifierSet, Setup
from alerting.notifiers.transport import egress
from alerting.notifiers.transport.egress import Fenced
from alerting.origin import Origin
from alerting.person import Contact, Person
from alerting.sending import hand_over
from heartbeat import installation, public_address, push_key, secret, vault
from heartbeat.database import Database
from heartbeat.definitions import rotations
from heartbeat.definitions.model import Configuration
from heartbeat.robot import Robot
from heartbeat.settings import Settings, own_address

USER_AGENT = f"heartbeat/{version('heartbeat')}"
ADVICE = "HEARTBEAT_ALLOW_ADDRESSES can allow it"

log = logging.getLogger(__name__)


def client_for_own(settings: Settings) -> Fenced:
    """Return the client for addresses of the operator: those of the configuration, and the outside heartbeat."""
    return egress.client(fence_of_own(settings), headers={"User-Agent": USER_AGENT}, proxies=settings.proxies)


def client_for_itself(settings: Settings) -> Fenced:
    """Return the client for the service's own address. A proxy for the outside does not lead there."""
    return egress.client(fence_of_own(settings), headers={"User-Agent": USER_AGENT})


def robot(settings: Settings, itself: httpx.AsyncClient, http: httpx.AsyncClient) -> Robot:
    """Return the robot. A process without the role `api` goes to the public address, as people do."""
    return Robot(itself, own_address(settings)) if "api" in settings.roles else Robot(http)


def client_for_entered(settings: Settings) -> Fenced:
    """Return the client for addresses that somebody has entered through the API or the console."""
    return egress.client(fence_of_entered(settings), headers={"User-Agent": USER_AGENT})


def fence_of_own(settings: Settings) -> Fence:
    """Return the fence around addresses of the configuration file."""
    return Fence(Reach.INSIDE, settings.allow_addresses, ADVICE)


def fence_of_entered(settings: Settings) -> Fence:
    """Return the fence around entered addresses."""
    return Fence(Reach.INTERNET, settings.allow_addresses, ADVICE)


def out_of_bounds(settings: Settings, configuration: Configuration) -> Iterator[str]:
    """Yield a sentence for each address of a file that no page may go to, as far as no name must be looked up."""
    fence, fill_in = fence_of_own(settings), filler(settings)
    for person in configuration.people.values():
        for contact in person.all_contacts:
            with suppress(ValueError):
                if fault := egress.literal_fault(fence, fill_in(contact.address, person.about(contact))):
                    yield f"people.{person.id}.contacts: {contact.kind}: {fault}."
    for rotation in configuration.rotations.values():
        for place, layer in enumerate(rotation.layers):
            if isinstance(layer, CalendarLayer):
                with suppress(ValueError):
                    address = rotations.web(fill_in(layer.address, rotation.about_calendar))
                    if fault := egress.literal_fault(fence, address):
                        yield f"rotations.{rotation.name}.layers[{place}].ical: {fault}."
    for kind, setup in configuration.notifiers.items():
        for name, text in setup.items():
            with suppress(ValueError):
                if fault := egress.literal_fault(fence, fill_in(text, registry.about(kind, name))):
                    yield f"notifiers.{kind}.{name}: {fault}."


def vault_of(settings: Settings) -> vault.Vault:
    """Return the vault with this installation's keys. The secret key comes last, so it can be the only one."""
    keys = (*settings.encryption_keys, settings.secret_key, *settings.secret_keys_before)
    return vault.with_keys([key for key in keys if key], secrets.token_bytes)


def filler(settings: Settings) -> Callable[[str, str], str]:
    """Return a function that turns a stored secret into clear text: `fill_in(text, about)`.

    A stored secret is encrypted and bound to its subject `about`, or has references.
    """
    opener = vault_of(settings)

    def fill_in(text: str, about: str) -> str:
        if vault.is_sealed(text):
            return opener.open(text, about)
        return secret.fill_in(text, settings.environment, secret.read_file)

    return fill_in


def push_identity(settings: Settings, database: Database) -> Callable[[], Awaitable[Vapid02]]:
    """Return a function that returns the key pair for push messages, read once."""
    keys, known = vault_of(settings), list[Vapid02]()

    async def identity() -> Vapid02:
        if not known:
            # Reading must work while nothing can be written.
            is_there = await database.read(push_key.stored)
            transact = database.read if is_there else database.write
            known.append(await transact(lambda db: push_key.take(db, keys)))
        return known[0]

    return identity


def peers(settings: Settings, database: Database) -> Callable[[], Awaitable[Mapping[str, str]]]:
    """Return a function that reads the addresses of peers by name, with their secrets. Unusable ones are left out."""
    fill_in = filler(settings)

    async def read() -> Mapping[str, str]:
        usable = {}
        for name, url in (await database.read(installation.peers)).items():
            try:
                usable[name] = fill_in(url, f"peer {name}")
            except ValueError as error:
                log.error("the peer %s is not pinged: %s", name, error)
        return usable

    return read


def sender(
    settings: Settings, assemble: Callable[[Mapping[str, Setup]], NotifierSet]
) -> Callable[[Mapping[str, Setup], Notice, Person, Contact], Awaitable[Outcome]]:
    """Return a function that sends one notice at once, without the outbox, to try out a contact."""
    fill_in = filler(settings)

    async def send(written: Mapping[str, Setup], notice: Notice, person: Person, contact: Contact) -> Outcome:
        notifiers = assemble(written)
        usable = notifiers.own if person.origin == Origin.FILE else notifiers.entered
        return await hand_over(usable, notice, contact, lambda text: fill_in(text, person.about(contact)))

    return send


def assembler(
    settings: Settings,
    http: httpx.AsyncClient,
    entered: httpx.AsyncClient,
    instead: Mapping[str, Notifier],
    drilled: Robot | None = None,
    identity: Identity | None = None,
) -> Callable[[Mapping[str, Setup]], NotifierSet]:
    """Return a function that builds the notifiers of a setup, and builds them again only when the setup changes.

    `instead` replaces the notifiers of its kinds. `drilled` gets the pages of drills. `identity` signs push messages,
    which always go where a device has said. Raises ValueError for a kind that is not installed.
    """
    shelf = registry.installed()
    if unknown := sorted(instead.keys() - shelf.kinds.keys()):
        raise ValueError(f"{unknown[0]} is not an installed kind of notifier")
    for name, problem in shelf.problems.items():
        log.error("the notifier %s cannot be used: %s", name, problem)
    built: dict[str, NotifierSet] = {}
    robots = {Robot.kind: drilled} if drilled else {}
    home = settings.public_url
    devices = {Push.kind: Push(http=entered, home=home, identity=identity)} if identity else {}
    replaced = {**devices, **instead}

    def assemble(written: Mapping[str, Setup]) -> NotifierSet:
        key = json.dumps(
            {kind: [setup.origin, dict(setup.settings)] for kind, setup in written.items()}, sort_keys=True
        )
        if key not in built:
            built.clear()
            outfit = _assembled(settings, written, http, entered, shelf)
            built[key] = NotifierSet({**outfit.own, **replaced, **robots}, {**outfit.entered, **replaced})
        return built[key]

    return assemble


@dataclass(frozen=True, slots=True)
class Receivers:
    """The notifiers that read what their providers call back: the installed kinds, and how to build them."""

    kinds: frozenset[str] = frozenset()
    assemble: Callable[[Mapping[str, Setup]], NotifierSet] = lambda _: NotifierSet({}, {})
    fill_in: Callable[[str, str], str] = lambda text, _about: text

    def contacts_at(
        self, kind: str, address: str, people: Mapping[str, Person]
    ) -> list[tuple[Person, Contact]]:
        """Return the contacts of a kind with this address, in clear, and their people."""
        wanted = address.strip().casefold()
        return [
            (person, contact)
            for person in people.values()
            for contact in person.all_contacts
            if wanted and contact.kind == kind and self._address(person, contact).casefold() == wanted
        ]

    def _address(self, person: Person, contact: Contact) -> str:
        try:
            return self.fill_in(contact.address, person.about(contact))
        except ValueError:
            return ""

    def of(self, kind: str, written: Mapping[str, Setup]) -> Receiver | None:
        """Return the notifier of this kind, or None if it cannot be used or reads no callbacks."""
        outfit = self.assemble(written)
        notifier = outfit.own.get(kind) or outfit.entered.get(kind)
        return notifier if isinstance(notifier, Receiver) else None


def receivers(settings: Settings, assemble: Callable[[Mapping[str, Setup]], NotifierSet]) -> Receivers:
    """Return the installed notifiers that read callbacks."""
    kinds = registry.installed().kinds.items()
    reading = frozenset(kind for kind, notifier in kinds if hasattr(notifier, "received"))
    return Receivers(reading, assemble, filler(settings))


def judged(settings: Settings, written: Mapping[str, Setup]) -> tuple[dict[str, str], set[str]]:
    """Return the faults of the notifiers that cannot be used, by kind, and the kinds that can be. Nothing is sent."""
    shelf, fill_in, faults = registry.installed(), filler(settings), dict[str, str]()
    nowhere = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(503)))
    for kind, setup in written.items():
        clear = dict[str, str]()
        try:
            clear = _filled_in(kind, setup, fill_in)
            registry.assemble({kind: clear}, nowhere, shelf)
        except ValueError as error:
            names = {value: f"({name})" for name, value in clear.items() if value != setup.settings[name]}
            faults[kind] = _without_secrets(str(error), names)
    return faults, (registry.assemble({}, nowhere, shelf).keys() | written.keys()) - faults.keys()


def _called_back(settings: Settings, notifier: Notifier) -> Notifier:
    """Return the notifier with the address of its callbacks, if it asks for it and the internet can call us."""
    if isinstance(notifier, CalledBack) and public_address.opens_anywhere(settings.public_url):
        return notifier.called_back_at(f"{settings.public_url}/callbacks/{notifier.kind}")
    return notifier


def _filled_in(kind: str, setup: Setup, fill_in: Callable[[str, str], str]) -> dict[str, str]:
    return {name: fill_in(value, registry.about(kind, name)) for name, value in setup.settings.items()}


def _without_secrets(sentence: str, names: Mapping[str, str]) -> str:
    for value, name in names.items():
        sentence = sentence.replace(value, name)
    return sentence


def _assembled(
    settings: Settings,
    written: Mapping[str, Setup],
    http: httpx.AsyncClient,
    entered: httpx.AsyncClient,
    known: InstalledNotifiers,
) -> NotifierSet:
    filled, fill_in = {}, filler(settings)
    for kind, setup in written.items():
        try:
            clear = _filled_in(kind, setup, fill_in)
            registry.assemble({kind: clear}, http, known)
            filled[kind] = clear
        except ValueError as error:
            # Its contacts are refused with a reason, so each page goes on to the next contact.
            log.error("notifiers: %s", error)
    usable = [kind for kind in known.kinds if kind in filled or kind not in written]
    own, fenced = (
        {
            kind: _called_back(settings, notifier)
            for kind, notifier in registry.assemble(filled, client, known).items()
            if kind in usable
        }
        for client in (http, entered)
    )
    # Entered settings can hold an address of their own, so their notifier stays behind the fence everywhere.
    theirs = {
        kind: fenced[kind]
        for kind, setup in written.items()
        if setup.origin != Origin.FILE and kind in fenced
    }
    for kind in own.keys() - theirs.keys():
        if getattr(own[kind], "server_in_settings", False):
            # A mail address leads nowhere by itself. The origin of the mail server decides how far mail may go.
            fenced[kind] = own[kind]
    # What makes its own connections stays within no fence.
    fenced = {
        kind: notifier for kind, notifier in fenced.items() if not getattr(notifier, "file_only", False)
    }
    return NotifierSet({**own, **theirs}, fenced)
