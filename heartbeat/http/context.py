"""The parts of the system that requests work with. Nothing is global."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from alerting.network import Fence
from alerting.notifiers.push import Identity
from heartbeat.access.oidc import Oidc
from heartbeat.access.sign_in import Gate
from heartbeat.access.ways import Ways
from heartbeat.actor import Actor
from heartbeat.clock import Clock
from heartbeat.database import Database
from heartbeat.definitions.plan import Plan
from heartbeat.http.pages.live import Live
from heartbeat.http.pages.shared import Shared
from heartbeat.metrics import Metrics
from heartbeat.notifier_clients import Receivers
from heartbeat.trial import TestPage, TooSoon
from heartbeat.vault import Vault
from heartbeat.verification import CodeSending


@dataclass(frozen=True, slots=True)
class Context:
    """Everything that a request may need."""

    database: Database
    clock: Clock
    metrics: Metrics
    public_url: str
    admin_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    link_keys: Sequence[str] = field(repr=False)
    """The secret keys whose links are accepted: the current one, which signs, and older ones."""
    vault: Vault = field(repr=False)
    """Encrypts secrets that people enter."""
    fence: Fence
    """Limits the networks that addresses entered by people may reach."""
    wake: Callable[[], None]
    """Makes the ticker look at once."""
    ready: Callable[[], bool]
    """Return whether the ticker has completed a clean tick in time."""
    apply: Callable[[str, Path, Actor, bool], Awaitable[Plan]]
    """Apply a configuration text and return its plan. The last argument allows it to delete checks that were heard.

    Raises `definitions.file.Wrong` and `definitions.plan.WouldDelete`.
    """
    test_page: Callable[[str, Actor], Awaitable[TestPage | TooSoon | None]]
    """Send a test page to the person of this name; None if there is none."""
    send_code: Callable[[str, str, Actor], Awaitable[CodeSending]]
    """Send a code to the contact with this mark of the person of this name."""
    push_identity: Identity = field(repr=False)
    """Returns the key pair with which push messages are signed."""
    gate: Gate = field(repr=False)
    """The limits on sign-ins that this process counts."""
    ways: Ways
    """The enabled ways to sign in."""
    live: Live = field(default_factory=Live)
    """The browsers that listen for changes in this process."""
    shared: Shared = field(default_factory=Shared)
    """What the readers of this process share."""
    oidc: Oidc | None = None
    """The OpenID Connect provider, if there is one."""
    receivers: Receivers = field(default_factory=Receivers)
    """The notifiers whose providers call back."""
