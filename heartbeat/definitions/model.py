"""The declarations of one configuration. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from alerting.answer import ACKNOWLEDGED_FOR
from alerting.crew import Team
from alerting.escalation import Policy
from alerting.incident import GATHERING, SETTLING, Pace
from alerting.person import Person
from alerting.rotation import Rotation
from heartbeat.checks.cause import GROUP_BY, GROUP_FAILURES_BY
from heartbeat.checks.definition import CheckDefinition
from heartbeat.checks.level import Levels
from heartbeat.checks.rule import LabelRule
from heartbeat.definitions.sources import Sources
from heartbeat.definitions.status_page import StatusPage


@dataclass(frozen=True, slots=True)
class Configuration:
    """The declarations of one file. `warnings` and `sources` are about the file and declare nothing."""

    timezone: str = "UTC"
    """The time zone of checks and people that name none."""
    group_by: tuple[str, ...] | Levels = GROUP_BY
    group_failures_by: tuple[str, ...] = GROUP_FAILURES_BY
    gathering: timedelta = GATHERING
    settling: timedelta = SETTLING
    acknowledge_for: timedelta = ACKNOWLEDGED_FOR
    rules: tuple[LabelRule, ...] = ()
    """The rules for checks with certain labels."""
    policy: str | None = None
    """The policy of checks that name none: the one named at the top, or the only one there is."""
    catch_all: tuple[str, ...] = ()
    """Those who are paged where nobody of a policy can be reached; without any, the terminal of the service is."""
    ping_keys: dict[str, str] = field(default_factory=dict)
    """By name the SHA-256, in hex, of the key."""
    ping_key_references: dict[str, str] = field(default_factory=dict)
    """By name the reference to the key, as written."""
    peers: dict[str, str] = field(default_factory=dict)
    """By name the address that tells another installation of heartbeat that this one works, as written."""
    checks: dict[str, CheckDefinition] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    channels: dict[str, Person] = field(default_factory=dict)
    rotations: dict[str, Rotation] = field(default_factory=dict)
    teams: dict[str, Team] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)
    notifiers: dict[str, dict[str, str]] = field(default_factory=dict)
    """By kind the settings, as written."""
    status_pages: dict[str, StatusPage] = field(default_factory=dict)
    warnings: tuple[str, ...] = field(default=(), compare=False)
    sources: Sources | None = field(default=None, compare=False)
    """What the file was read from, unless secrets were missing."""

    @property
    def nouns(self) -> dict[str, str]:
        """All that a step can name, each with its noun."""
        kinds: dict[str, Iterable[str]] = {
            "person": self.people,
            "channel": self.channels,
            "rotation": self.rotations,
            "team": self.teams,
        }
        return {name: noun for noun, named in kinds.items() for name in named}

    @property
    def pace(self) -> Pace:
        """The times for which incidents gather and settle."""
        return Pace(self.gathering, self.settling)
