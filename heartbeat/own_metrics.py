"""The metrics of the service about itself: its ticks, its storage, its canary, its limits and its blindness."""

from collections.abc import Collection

from prometheus_client import CollectorRegistry, Counter, Histogram

from heartbeat.metric_values import SEND_RESULTS, TIMES, begin_at_zero, gauge

FORGOTTEN = (
    "transitions",
    "attempts",
    "pages",
    "symptoms",
    "timeline",
    "incidents",
    "digests",
    "overrides",
    "swaps",
)


class Ticking:
    """Ticks, and pings to the outside heartbeat."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.ready = gauge(
            registry,
            "heartbeat_ready",
            "livemostrecent",
            "1 if a clean tick ended in this process lately, else 0.",
        )
        self.last = gauge(
            registry, "heartbeat_last_tick_timestamp_seconds", "livemin", "When the last clean tick ended."
        )
        self.seconds = Histogram(
            "heartbeat_tick_seconds",
            "Duration of a tick.",
            buckets=(*TIMES, 5, 10, 30),
            registry=registry,
        )
        self.failures = Counter(
            "heartbeat_tick_failures", "Failures of a tick by stage.", ["stage"], registry=registry
        )
        self.clock_skew = gauge(
            registry,
            "heartbeat_clock_skew_seconds",
            "livemax",
            "How far the database's clock is ahead of this machine's.",
        )
        self.clock_steps = Counter(
            "heartbeat_clock_steps",
            "Steps of the clock that were noticed, by direction.",
            ["direction"],
            registry=registry,
        )
        self.clock_step = gauge(
            registry,
            "heartbeat_clock_last_step_seconds",
            "livemostrecent",
            "Length of the last step of the clock in this process, negative if it was set back; 0 if there was none.",
        )
        begin_at_zero(self.clock_steps, ("back", "forward"))
        self.outside = Counter(
            "heartbeat_outside_beats",
            "Pings to the outside heartbeat by result.",
            ["result"],
            registry=registry,
        )
        begin_at_zero(self.outside, SEND_RESULTS)

        self.peers = Counter(
            "heartbeat_peer_beats", "Pings to peers by result.", ["peer", "result"], registry=registry
        )

    def begin(self, stages: Collection[str]) -> None:
        """Start the failures of these stages at 0."""
        begin_at_zero(self.failures, stages)


class StorageMetrics:
    """The proofs that the storage can be written, and the messages if it cannot."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.failing = gauge(
            registry,
            "heartbeat_storage_failing",
            "livemax",
            "1 if the last proof that the storage can be written failed, or damage was found, else 0.",
        )
        self.told = Counter(
            "heartbeat_storage_messages",
            "Messages about a failing storage by result.",
            ["result"],
            registry=registry,
        )
        begin_at_zero(self.told, SEND_RESULTS)


class CanaryMetrics:
    """The canary, and the messages if its page does not arrive."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.failing = gauge(
            registry, "heartbeat_canary_failing", "livemax", "1 if the canary's page does not arrive, else 0."
        )
        self.age = gauge(
            registry,
            "heartbeat_canary_age_seconds",
            "livemostrecent",
            "Time since the canary's page last arrived, 0 without a canary.",
        )
        self.told = Counter(
            "heartbeat_canary_messages",
            "Messages that the canary's page does not arrive by result.",
            ["result"],
            registry=registry,
        )
        begin_at_zero(self.told, SEND_RESULTS)


class LimitMetrics:
    """The limits of the service, as the process that watches them has seen them last."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.reached = gauge(
            registry, "heartbeat_limit_reached", "livemax", "1 if this limit is reached, else 0.", ["limit"]
        )
        self.created_checks = gauge(
            registry,
            "heartbeat_checks_created_by_pings",
            "livemax",
            "Checks that their first pings created and that nobody has defined since.",
        )
        self.bodies = gauge(
            registry,
            "heartbeat_kept_bodies_bytes",
            "livemax",
            "Bytes of the bodies of pings that are kept, at most.",
        )
        self.removed_bodies = Counter(
            "heartbeat_removed_bodies",
            "Bodies of pings removed to keep their limit.",
            registry=registry,
        )


class Forgetting:
    """Rows that the deletion by age deletes."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.rows = Counter(
            "heartbeat_forgotten_rows", "Old rows deleted, by table.", ["table"], registry=registry
        )
        self.failures = Counter(
            "heartbeat_janitor_failures", "Failed rounds of deleting old rows.", registry=registry
        )
        begin_at_zero(self.rows, FORGOTTEN)


class BlindnessMetrics:
    """The signs of life of processes that take pings, and the times without any."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.last_beat = gauge(
            registry,
            "heartbeat_last_beat_timestamp_seconds",
            "livemostrecent",
            "When this process last proved that it can store pings, if it takes any.",
        )
        self.spans = Counter(
            "heartbeat_blind_spans",
            "Times in which pings could not be heard, noticed by this process when sight returned.",
            registry=registry,
        )
        self.seconds = Counter("heartbeat_blind_seconds", "Length of these times.", registry=registry)
        self.told = Counter(
            "heartbeat_blind_messages",
            "Messages that no process takes pings by result.",
            ["result"],
            registry=registry,
        )
        begin_at_zero(self.told, SEND_RESULTS)


class OnCallMetrics:
    """Who is on call, as the process that watches it has seen it last."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.covered = gauge(
            registry,
            "heartbeat_covered_seconds",
            "livemin",
            "Seconds for which pages of all policies are sure to reach somebody: 0 if not now, 14 days at most.",
        )
        self.calendars_failing = gauge(
            registry,
            "heartbeat_calendars_failing",
            "livemax",
            "Calendars that layers of rotations follow and that cannot be fetched or read now.",
        )
        self.unconfirmed = gauge(
            registry,
            "heartbeat_unconfirmed_people",
            "livemax",
            "People who have confirmed no contact a day after a test page.",
        )
