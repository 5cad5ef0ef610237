"""Mistyped settings: variables of the environment that look like settings and are none. Pure."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from heartbeat import settings

PREFIX = "HEARTBEAT_"

_LINK = re.compile(
    r"HEARTBEAT_(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)"
)
"""Variables that Kubernetes sets for a Service whose name begins with heartbeat."""
_LINKED = re.compile(r"(?:tcp|udp|sctp)://")


def unknown(environ: Mapping[str, str], configuration: str) -> list[str]:
    """Return a sentence for each. Variables that the text of the configuration refers to are left out."""
    names = _setting_names()
    return [
        f"{name} is not a setting and has no effect{_suggestion(name, names)}"
        for name in sorted(environ)
        if name.startswith(PREFIX)
        and name not in names
        and not _is_link(name, environ[name])
        and not re.search(rf"\$\{{{re.escape(name)}\b", configuration)
    ]


def _suggestion(name: str, names: frozenset[str]) -> str:
    # Without the common prefix, or all names would be alike.
    rests = sorted(setting.removeprefix(PREFIX) for setting in names)
    close = get_close_matches(name.removeprefix(PREFIX)[:100], rests, n=1, cutoff=0.7)
    return f"; did you mean {PREFIX}{close[0]}?" if close else "; docs/settings.md lists all settings."


def _is_link(name: str, value: str) -> bool:
    is_address = name.endswith("_PORT") and _LINKED.match(value) is not None
    return is_address or _LINK.fullmatch(name) is not None


def _setting_names() -> frozenset[str]:
    environ = _RecordingEnvironment()
    settings.read(environ)
    return frozenset({"HEARTBEAT_PING_KEY", *environ.names})


class _RecordingEnvironment(Mapping[str, str]):
    """An empty environment that records the names that are read."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0
