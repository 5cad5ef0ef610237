"""Which incident a check that is down belongs to. Pure.

Jobs that fall silent together on one host have one cause; a job that runs and says that it failed has another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from heartbeat.check import Cause, Check

_CLASS = {Cause.SILENT: "silent", Cause.OVERRUN: "silent", Cause.FAILED: "failed"}


@dataclass(frozen=True, slots=True)
class Belonging:
    """The incident's identity while it is open, what people call it, and what its members are said to be."""

    key: str
    title: str
    cause: str


def group_key(slug: str, labels: Mapping[str, str], group_by: Sequence[str]) -> str:
    """Which checks share a fate: those with the same values of the `group_by` labels, else the check alone."""
    if not group_by or any(label not in labels for label in group_by):
        return f"check={slug}"
    return ",".join(f"{label}={_quoted(labels[label])}" for label in group_by)


def group_title(check: Check) -> str:
    """What people call the group: its label values, or the check's own name."""
    if check.group_key == f"check={check.slug}":
        return check.name
    return key_title(check.group_key)


def key_title(key: str) -> str:
    """What people call the group of this key: its label values."""
    return " ".join(_unquoted(part.partition("=")[2]) for part in key.split(","))


def of(check: Check, cause: Cause) -> Belonging:
    """The incident that a check belongs to when it is down for `cause`."""
    kind = _CLASS[cause]
    return Belonging(f"{kind}:{check.group_key}", group_title(check), kind)


def _quoted(value: str) -> str:
    return value.replace("%", "%25").replace(",", "%2C").replace("=", "%3D")


def _unquoted(value: str) -> str:
    return value.replace("%3D", "=").replace("%2C", ",").replace("%25", "%")
