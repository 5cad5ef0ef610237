"""The ways to sign in that the settings allow. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address

from heartbeat.access.session import Limits
from heartbeat.actor import Role


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that signs people in, and names them in a header."""

    networks: tuple[IPv4Network | IPv6Network, ...]
    user_header: str
    role_header: str = ""
    sign_out: str = ""
    """The address to sign out at; empty if it is unknown."""

    def trusts(self, peer: str) -> bool:
        """Return True if a connection from this address is the proxy's."""
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        plain = getattr(address, "ipv4_mapped", None) or address
        return any(plain in network for network in self.networks)

    def role(self, name: str) -> Role:
        """Return the role that the proxy names, or the least if it names none that exists."""
        return Role(name) if name in set(Role) else Role.VIEWER


@dataclass(frozen=True, slots=True)
class Provider:
    """An OpenID Connect provider. `roles` maps the values of `role_claim` to roles."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    role_claim: str
    roles: Mapping[str, Role] = field(default_factory=dict)
    default_role: Role | None = None


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways that are open, and the limits of sessions."""

    limits: Limits
    admin_key: bool
    """Allow the admin key to sign in to the console although there are users."""
    metrics_open: bool
    """Serve the metrics without a key."""
    proxy: Proxy | None = None
