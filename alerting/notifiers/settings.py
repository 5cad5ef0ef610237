"""What the configuration gives a notifier, judged by its text, before anything is sent."""

import re
from collections.abc import Iterable, Mapping

import httpx

_PLACEHOLDER = re.compile(r"\$\{[^{}]+\}")


def stand_in(address: str) -> str:
    """The address with a harmless character where a secret (`${NAME}`, `${file:PATH}`) will be filled in."""
    return _PLACEHOLDER.sub("0", address)


def is_secret(address: str) -> bool:
    """Whether the whole address is one secret, of which nothing can be told before it is filled in."""
    return _PLACEHOLDER.fullmatch(address) is not None


def web_address(address: str) -> httpx.URL | None:
    """The address as a URL with a host that can be posted to, or None where it is not one."""
    try:
        url = httpx.URL(stand_in(address))
    except httpx.InvalidURL:
        return None
    return url if url.scheme in ("https", "http") and url.host else None


def refuse_unknown(settings: Mapping[str, str], known: Iterable[str]) -> None:
    """Raise ValueError where a setting's name is none of `known`: a typing error must not pass in silence."""
    if unknown := sorted(settings.keys() - set(known)):
        right = ", ".join(sorted(known)) or "none"
        raise ValueError(f"{unknown[0]} is not a setting here; the settings are: {right}")
