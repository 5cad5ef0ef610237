"""What the faces of the service are given to work with: everything that a request may need, and nothing global."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from alerting.network import Fence
from heartbeat.access.oidc import Oidc
from heartbeat.access.ways import Ways
from heartbeat.actor import Actor
from heartbeat.clock import Clock
from heartbeat.database import Database
from heartbeat.http.pages.live import Live
from heartbeat.metrics import Metrics
from heartbeat.notifier_clients import Receivers
from heartbeat.vault import Vault


@dataclass(frozen=True, slots=True)
class Context:
    """The parts of the system that face the world through HTTP."""

    database: Database
    clock: Clock
    metrics: Metrics
    public_url: str
    admin_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    link_keys: Sequence[str] = field(repr=False)
    """The secret keys whose links are taken: the one that signs, and those before it."""
    vault: Vault = field(repr=False)
    """Encrypts what somebody enters and must never be shown again."""
    fence: Fence
    """How far addresses that somebody enters may reach."""
    wake: Callable[[], None]
    """Something is due now: the ticker should look at once."""
    ready: Callable[[], bool]
    """Whether the ticker has completed a clean tick in time."""
    apply: Callable[[str, Path, Actor], Awaitable[tuple[str, ...]]]
    """Make this configuration text so, as somebody wants it; the changes in words. Raises `config.file.Wrong`."""
    ways: Ways
    """By which ways one may come in."""
    live: Live = field(default_factory=Live)
    """Who listens for changes in this process."""
    oidc: Oidc | None = None
    """A provider that signs people in."""
    receivers: Receivers = field(default_factory=Receivers)
    """The notifiers whose providers call back."""
