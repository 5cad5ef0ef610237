"""Variables of the environment that look like settings and are none: most were mistyped. Pure."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from heartbeat import settings

PREFIX = "HEARTBEAT_"

_LINK = re.compile(
    r"HEARTBEAT_(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)"
)
"""What Kubernetes says of a Service whose name begins with heartbeat."""
_LINKED = re.compile(r"(?:tcp|udp|sctp)://")


def unknown(environ: Mapping[str, str], written: str) -> list[str]:
    """A sentence for each. What the configuration (`written`) refers to is no setting, and meant nevertheless."""
    known = _known()
    return [
        f"{name} is no setting{_meant(name, known)}, and is passed over."
        for name in sorted(environ)
        if name.startswith(PREFIX)
        and name not in known
        and not _is_link(name, environ[name])
        and not re.search(rf"\$\{{{re.escape(name)}\b", written)
    ]


def _meant(name: str, known: frozenset[str]) -> str:
    # By what they do not all begin with, or every name would be like every other.
    rests = sorted(one.removeprefix(PREFIX) for one in known)
    close = get_close_matches(name.removeprefix(PREFIX)[:100], rests, n=1, cutoff=0.7)
    return f" (is {PREFIX}{close[0]} meant?)" if close else " (docs/settings.md has all)"


def _is_link(name: str, value: str) -> bool:
    linked = name.endswith("_PORT") and _LINKED.match(value) is not None
    return linked or _LINK.fullmatch(name) is not None


def _known() -> frozenset[str]:
    """The settings are those that are asked for."""
    asked = _Asked()
    settings.read(asked)
    return frozenset({"HEARTBEAT_PING_KEY", *asked.names})


class _Asked(Mapping[str, str]):
    """An environment in which nothing is set, and which remembers what was looked for."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0
