"""The settings of those that sign people in beside their passwords: a provider (OpenID Connect), and a proxy. Pure."""

import re
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from alerting.network import Network
from heartbeat import setting_values as values
from heartbeat.actor import Role
from heartbeat.setting_values import BadSetting

_HERE = frozenset({("http", "127.0.0.1"), ("http", "localhost"), ("http", "::1")})


def is_unread(url: str) -> bool:
    """Return True if nobody on the way can read a request to this URL: it uses TLS, or leads to this machine."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme, parts.hostname) in _HERE)
    except ValueError:
        return False


def oidc(environ: Mapping[str, str], role_claim: str) -> dict[str, Any]:
    """Return the settings of a provider that signs people in. An incomplete setup would lock everybody out silently."""
    issuer = values.unquoted(environ.get("HEARTBEAT_OIDC_ISSUER", ""))
    client, secret = (
        environ.get("HEARTBEAT_OIDC_CLIENT_ID", ""),
        environ.get("HEARTBEAT_OIDC_CLIENT_SECRET", ""),
    )
    default = environ.get("HEARTBEAT_OIDC_DEFAULT_ROLE", "")
    pairs = [
        pair.strip().rpartition("=")
        for pair in environ.get("HEARTBEAT_OIDC_ROLES", "").split(",")
        if pair.strip()
    ]
    if issuer and not is_unread(issuer):
        raise BadSetting("HEARTBEAT_OIDC_ISSUER must begin with https:// and name a host.")
    if issuer and not (client and secret):
        raise BadSetting(
            "HEARTBEAT_OIDC_ISSUER needs HEARTBEAT_OIDC_CLIENT_ID and HEARTBEAT_OIDC_CLIENT_SECRET."
        )
    for value, _, role in pairs:
        if not value or role not in set(Role):
            raise BadSetting("HEARTBEAT_OIDC_ROLES must have the form ops=admin, on-call=responder.")
    if default and default not in set(Role):
        raise BadSetting(f"HEARTBEAT_OIDC_DEFAULT_ROLE must be one of {', '.join(Role)}, or empty.")
    if issuer and find_spec("joserfc") is None:
        raise BadSetting("HEARTBEAT_OIDC_ISSUER needs the extra oidc: install heartbeat[oidc].")
    return {
        "oidc_issuer": issuer,
        "oidc_client_id": client,
        "oidc_client_secret": secret,
        "oidc_role_claim": environ.get("HEARTBEAT_OIDC_ROLE_CLAIM") or role_claim,
        "oidc_roles": tuple((value, role) for value, _, role in pairs),
        "oidc_default_role": default,
    }


def proxy(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings of a proxy that signs people in. A header without the proxy's address lets anybody in."""
    trusted, signing = (_trusted(environ, f"HEARTBEAT_{name}") for name in ("TRUSTED_PROXY", "SIGN_IN_PROXY"))
    user = environ.get("HEARTBEAT_PROXY_USER_HEADER", "")
    role = environ.get("HEARTBEAT_PROXY_ROLE_HEADER", "")
    for name, header in (("HEARTBEAT_PROXY_USER_HEADER", user), ("HEARTBEAT_PROXY_ROLE_HEADER", role)):
        if header and not re.fullmatch(r"[A-Za-z0-9-]{1,100}", header):
            raise BadSetting(f"{name} must be the name of a header, such as X-Forwarded-User.")
    way_out = values.unquoted(environ.get("HEARTBEAT_PROXY_SIGN_OUT", ""))
    if way_out and not (way_out.startswith("/") and not way_out.startswith("//")) and not is_unread(way_out):
        raise BadSetting(
            "HEARTBEAT_PROXY_SIGN_OUT must be a path such as /oauth2/sign_out, or begin with https://."
        )
    if user and not signing:
        raise BadSetting(
            "HEARTBEAT_PROXY_USER_HEADER needs HEARTBEAT_SIGN_IN_PROXY: the address of the proxy that signs people in."
        )
    for name, setting in (
        ("PROXY_ROLE_HEADER", role),
        ("PROXY_SIGN_OUT", way_out),
        ("SIGN_IN_PROXY", signing),
    ):
        if setting and not user:
            raise BadSetting(f"HEARTBEAT_{name} needs HEARTBEAT_PROXY_USER_HEADER.")
    return {
        # FORWARDED_ALLOW_IPS is uvicorn's name for it, and was the only one in earlier releases.
        "trusted_proxy": trusted or _trusted(environ, "FORWARDED_ALLOW_IPS"),
        "sign_in_proxy": signing,
        "proxy_user_header": user,
        "proxy_role_header": role,
        "proxy_sign_out": way_out,
    }


def _trusted(environ: Mapping[str, str], name: str) -> tuple[Network, ...]:
    """Return networks of proxies. If every address were trusted, anybody could claim to be anybody."""
    networks = values.networks(environ, name)
    if any(proxies.prefixlen == 0 for proxies in networks):
        raise BadSetting(f"{name} must name the addresses of your proxies, not every address.")
    return networks
