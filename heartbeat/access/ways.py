"""By which ways one may come in, as the settings of the process say. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address

from heartbeat.access.session import Limits
from heartbeat.who import Role


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that has signed people in already, and says in a header who they are."""

    networks: tuple[IPv4Network | IPv6Network, ...]
    user_header: str
    role_header: str = ""
    sign_out: str = ""
    """Where people sign out there; empty where that is not known."""

    def trusts(self, peer: str) -> bool:
        """Whether a connection from this address is the proxy's."""
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        plain = getattr(address, "ipv4_mapped", None) or address
        return any(plain in network for network in self.networks)

    def role(self, given: str) -> Role:
        """The role that the proxy says; the least where it says none that there is."""
        return Role(given) if given in set(Role) else Role.VIEWER


@dataclass(frozen=True, slots=True)
class Provider:
    """An OpenID Connect provider, and which role who has by it: `roles` by the values of `role_claim`."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    role_claim: str
    roles: Mapping[str, Role] = field(default_factory=dict)
    default_role: Role | None = None


@dataclass(frozen=True, slots=True)
class Ways:
    """What is open, and for how long."""

    limits: Limits
    admin_key: bool
    """Whether one may sign in to the console with the admin key although there are users."""
    metrics_open: bool
    """Whether the metrics want no key."""
    proxy: Proxy | None = None
