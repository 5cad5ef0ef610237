"""Checks of addresses and settings by their text, before anything is sent."""

import re
from collections.abc import Iterable, Mapping

import httpx

_PLACEHOLDER = re.compile(r"\$\{[^{}]+\}")


def stand_in(address: str) -> str:
    """Return the address with a harmless character in place of a secret (`${NAME}`, `${file:PATH}`)."""
    return _PLACEHOLDER.sub("0", address)


def is_secret(address: str) -> bool:
    """Return whether the whole address is one secret, which cannot be checked before it is filled in."""
    return _PLACEHOLDER.fullmatch(address) is not None


def web_address(address: str) -> httpx.URL | None:
    """Return the address as an HTTP URL with a host, or None if it is not one."""
    try:
        url = httpx.URL(stand_in(address))
    except httpx.InvalidURL:
        return None
    return url if url.scheme in ("https", "http") and url.host else None


def refuse_unknown(settings: Mapping[str, str], names: Iterable[str]) -> None:
    """Raise ValueError if a setting is none of `names`: a typing error must not pass in silence."""
    if unknown := sorted(settings.keys() - set(names)):
        allowed = ", ".join(sorted(names)) or "none"
        raise ValueError(f"{unknown[0]} is not a setting here; the settings are: {allowed}")
