"""By which ways one may come in, as the settings of the process say. Pure."""

from dataclasses import dataclass, field

from heartbeat.access.session import Limits


@dataclass(frozen=True, slots=True)
class Ways:
    """What is open, and for how long."""

    limits: Limits = field(default_factory=Limits)
    admin_key: bool = True
    """Whether one may sign in to the console with the admin key although there are users."""
