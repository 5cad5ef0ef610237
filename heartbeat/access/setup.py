"""The ways to sign in, built from the settings."""

import httpx

from heartbeat.access.oidc import Oidc
from heartbeat.access.session import Limits
from heartbeat.access.ways import Provider, Proxy, Ways
from heartbeat.actor import Role
from heartbeat.settings import Settings


def ways(settings: Settings) -> Ways:
    """Return the ways to sign in that the settings allow."""
    return Ways(
        limits=Limits(settings.sign_in_idle, settings.sign_in_longest),
        admin_key=settings.admin_key_sign_in,
        metrics_open=settings.metrics_open,
        proxy=_proxy(settings),
    )


def oidc(settings: Settings, http: httpx.AsyncClient) -> Oidc | None:
    """Return the client of the OpenID Connect provider, or None if no provider is set."""
    if not settings.oidc_issuer:
        return None
    roles = {value: Role(role) for value, role in settings.oidc_roles}
    default = Role(settings.oidc_default_role) if settings.oidc_default_role else None
    provider = Provider(
        settings.oidc_issuer,
        settings.oidc_client_id,
        settings.oidc_client_secret,
        settings.oidc_role_claim,
        roles,
        default,
    )
    return Oidc(provider, http, f"{settings.public_url}/sign-in/oidc/back")


def _proxy(settings: Settings) -> Proxy | None:
    if not settings.proxy_user_header:
        return None
    return Proxy(
        settings.sign_in_proxy,
        settings.proxy_user_header,
        settings.proxy_role_header,
        settings.proxy_sign_out,
    )
