"""The causes for which checks are down: their words, and the incident that each opens or joins. Pure.

Jobs of one host that fall silent together share an incident. A job that reports a failure has one of its own, unless
the configuration groups failures as well. Checks with different policies never share one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

from alerting import times
from alerting.incident import CauseWords
from heartbeat.checks import level
from heartbeat.checks.level import GroupBy, Levels

_DISC = "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1z"
_BAR = "M4.3 7h7.4v2H4.3z"
_CROSS = "M5.7 4.4 8 6.7l2.3-2.3 1.3 1.3L9.3 8l2.3 2.3-1.3 1.3L8 9.3l-2.3 2.3-1.3-1.3L6.7 8 4.4 5.7z"
_WALL = "M3.6 7h4.6v2H3.6zm5.6-2.9h1.9v7.8H9.2z"
_HANDS = "m-.8 2.7h1.6v3.9l2.9 1.8-.8 1.3-3.7-2.2z"
_RING = "M8 4.2a3.8 3.8 0 1 1 0 7.6 3.8 3.8 0 0 1 0-7.6zm0 1.8a2 2 0 1 0 0 4 2 2 0 0 0 0-4z"

_DOTS = "M3.5 7h2.2v2.2H3.5zm3.4 0h2.2v2.2H6.9zm3.4 0h2.2v2.2h-2.2z"
_DOT = "M6.6 6.6h2.8v2.8H6.6z"
_STAIRS = "M3.8 5.2h5.4v1.9H3.8zm3 3.7h5.4v1.9H6.8z"
_HALF = "M8 4.2v7.6a3.8 3.8 0 0 0 0-7.6z"
_ASIDE = "M4.4 4.6h2v6.8h-2zm4.4 2.2h2.6v2.6H8.8z"
_AT_WRONG = "ran at the wrong time"


class Cause(StrEnum):
    """The reason that a check is down."""

    # The one table of causes. Name: in the database and the API. Class: checks of one group and class are one
    # incident. Words: after a count, of a job, and of a job once it is over: "was down" of one bad run, which did not
    # last as long as its check was down. Expects: whether the job goes on running,
    # so that its next deadline stands. Mark: cut out of a disc, 16 by 16 units.
    # The columns: name, class, word, verb, past, expects, mark.
    SILENT = "silent", "silent", "silent", "is silent", "was silent", False, _BAR
    FAILED = "failed", "failed", "failed", "failed", "was failing", True, _CROSS
    OVERRUN = "overrun", "silent", "overran", "overran", "was overrunning", False, _HANDS
    STUCK = "stuck", "silent", "stuck", "is stuck", "was stuck", False, _WALL
    INEFFECTIVE = "ineffective", "failed", "ineffective", "ran badly", "was ineffective", True, _RING
    UNFINISHED = "unfinished", "silent", "unfinished", "is unfinished", "was unfinished", False, _HALF
    TOO_SHORT = "too_short", "failed", "ended too soon", "ended too soon", "was down", True, _DOT
    TOO_OFTEN = "too_often", "failed", "ran too often", "ran too often", "was down", True, _DOTS
    OVERLAP = "overlap", "failed", "ran twice at once", "ran twice at once", "was down", True, _STAIRS
    WRONG_TIME = "wrong_time", "failed", _AT_WRONG, _AT_WRONG, "was down", True, _ASIDE

    class_: str
    words: CauseWords
    expects: bool
    mark: str

    def __new__(cls, name: str, *row: Any) -> Self:
        """Read one row of the table. Raises ValueError if a column is missing."""
        cause = str.__new__(cls, name)
        cause._value_ = name
        cause.class_, word, verb, past, cause.expects, drawing = row
        cause.mark = _DISC + drawing
        cause.words = CauseWords(word, verb, past)
        return cause


LIMIT: Final = "limit"
"""The cause of a symptom that is no check's: the service has reached a limit."""
OF_SERVICE: Final = "this service=heartbeat"
"""The key of the group of such symptoms. No label has a space in its name, so it is no group of checks."""
BLIND: Final = "blind"
"""The cause of a report that pings could not be heard."""
UNCOVERED: Final = "uncovered"
"""The cause of a symptom of a policy that would soon page nobody."""
UNCONFIRMED: Final = "unconfirmed"
"""The cause of a symptom of a person who has not confirmed a test page."""
UNREAD: Final = "unread"
"""The cause of a symptom of a rotation that follows a calendar which cannot be read for long."""
RELIEVED: Final = "relieved"
"""The cause of a report that a rotation has changed hands with incidents open."""
UNUSUAL: Final = "unusual"
"""The cause of a symptom of a check that is not down: its last run was unusual."""
_WORDS: Final = {
    LIMIT: CauseWords("at the limit", "is at the limit", "was at the limit"),
    BLIND: CauseWords("blind", "is blind", "was blind"),
    UNCOVERED: CauseWords("uncovered", "is uncovered", "was uncovered"),
    UNCONFIRMED: CauseWords("unconfirmed", "is unconfirmed", "was unconfirmed"),
    UNREAD: CauseWords("out of date", "is out of date", "was out of date"),
    RELIEVED: CauseWords("handed over", "is handed over", "was handed over"),
    UNUSUAL: CauseWords("unusual", "ran unusually", "was unusual"),
}
OF_NO_CHECK: Final = frozenset(_WORDS)
"""The causes for which no check is down."""
_ALONE = "check="
GROUP_BY: Final = ("host",)
"""The labels that make a group, unless the configuration names others."""

GROUP_FAILURES_BY: Final[tuple[str, ...]] = ()
"""The labels by which failures are grouped, unless the configuration names some."""

_GROUPED_AS_SILENT: Final = "silent"
"""The class of causes whose incidents are those of the check's group."""


@dataclass(frozen=True, slots=True)
class IncidentIdentity:
    """The key of an open incident, its title, and the cause that its members share."""

    key: str
    title: str
    cause: str


def in_words(cause: str) -> CauseWords:
    """Return the words of a stored cause. A cause that this version does not know gets its name as words."""
    if cause in _WORDS:
        return _WORDS[cause]
    try:
        return Cause(cause).words
    except ValueError:
        return CauseWords(word=cause, verb=f"is {cause}", past=f"was {cause}")


def group_key(slug: str, labels: Mapping[str, str], group_by: GroupBy) -> str:
    """Return the key of a check's group: its values of the `group_by` labels, or its slug if one is missing.

    Of levels, the key has those that the check names: see `level.key`.
    """
    if isinstance(group_by, Levels):
        return level.key(labels, group_by) or f"{_ALONE}{slug}"
    if not group_by or any(label not in labels for label in group_by):
        return f"{_ALONE}{slug}"
    return ",".join(f"{label}={level.quoted(labels[label])}" for label in group_by)


def slug_of(key: str) -> str | None:
    """Return the slug of the check that is a group by itself; None if the key is that of several checks."""
    return key.removeprefix(_ALONE) if key.startswith(_ALONE) else None


def plural_of(keys: Sequence[str]) -> str:
    """Return what groups with such keys are called: "hosts", "jobs", "hosts and jobs"."""
    nouns = []
    for key in keys:
        *wider, last = level.parts(key)
        # What names no scheduler is one of the hosts.
        named = wider[-1] if wider and level.lacks(key) else last
        labels = [part.partition("=")[0] for part in named.split(",")]
        noun = "jobs" if slug_of(key) is not None else f"{labels[0]}s" if len(labels) == 1 else "groups"
        nouns.append(noun)
    return times.names(list(dict.fromkeys(nouns)))


def key_title(key: str) -> str:
    """Return the title of the group with this key: its label values."""
    if level.is_nested(key):
        return level.title(key)
    return " ".join(level.unquoted(part.partition("=")[2]) for part in key.split(","))


def place_title(key: str) -> str:
    """Return the title of a group as it stands beside one of its jobs: without the level that it lacks."""
    return level.place_title(key) if level.is_nested(key) else key_title(key)


@dataclass(frozen=True, slots=True)
class Membership:
    """The facts about a check that decide about its incident. `policy` is the one in force, None without any."""

    slug: str
    name: str
    labels: Mapping[str, str]
    group_key: str
    policy: str | None


def of(cause: Cause, member: Membership, group_failures_by: Sequence[str]) -> IncidentIdentity:
    """Return the incident of a check that is down for `cause`.

    The title is the label values of its group, or its own name if it stands alone.
    """
    silent = cause.class_ == _GROUPED_AS_SILENT
    key = member.group_key if silent else group_key(member.slug, member.labels, group_failures_by)
    # A renamed check that stands alone keeps the key of its former slug, and has its own name all the same.
    title = member.name if slug_of(key) is not None else key_title(key)
    return IncidentIdentity(incident_key(cause.class_, member.policy, key), title, cause.class_)


def incident_key(class_: str, policy: str | None, group: str) -> str:
    """Return the key of the incident of a class of causes, a policy and a group."""
    return f"{class_}:{policy or ''}:{group}"


def policy_of(incident_key: str) -> str | None:
    """Return the policy in the key of an incident, empty without any. None if the key is from before 0.4."""
    policy = incident_key.partition(":")[2].partition(":")[0]
    return None if "=" in policy else policy


def group_of(incident_key: str) -> str:
    """Return the key of the group that an incident is about, from the incident's key.

    Keys from before 0.4 name no policy.
    """
    rest = incident_key.partition(":")[2]
    policy, _, group = rest.partition(":")
    return rest if "=" in policy else group
