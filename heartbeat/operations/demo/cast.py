"""Who and what is in the replay: the jobs, the people, their configuration, and the times of the original incident."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

START: Final = datetime(2024, 5, 3, 1, 58, tzinfo=UTC)
SILENT_AT: Final = START.replace(hour=3, minute=0)
WITHOUT: Final = (timedelta(hours=24), timedelta(hours=24), timedelta(hours=47))
"""The time until somebody noticed, took it on and had repaired it, in the original incident."""

PING_KEY: Final = "a-key-for-the-demonstration"
ADMIN_KEY: Final = "demonstration"
HOME: Final = "https://heartbeat.example.com"
PAGE: Final = "public"
PHONES: Final = {"+1": "Anna", "+2": "Ben"}
ANNA, BEN = PHONES

RESET: Final = "us-daily-cpu-reset"
EDGE: Final = "edge-probe"
DYING: Final = "eu-mail-queue"
STOPPING: Final = ("daily-cpu-reset", "log-rotation", "quota-report", "stale-session-sweep")
OTHERS: Final = (
    "backup-check",
    "certificate-renewal",
    "disk-report",
    "mail-queue",
    "metrics-rollup",
    "node-probe",
    "tmp-clean",
)
US_STOPPING: Final = tuple(f"us-{slug}" for slug in STOPPING)
US_OTHERS: Final = tuple(f"us-{slug}" for slug in OTHERS)
EU: Final = tuple(f"eu-{slug}" for slug in (*STOPPING, *OTHERS))
MINUTES: Final = {(0,): US_STOPPING, (1,): US_OTHERS, (5, 35): EU, (40,): (EDGE,)}
"""The jobs, by the minutes of each hour at which they run."""


@dataclass(frozen=True, slots=True)
class Says:
    """What a run reports: its numbers and its output."""

    measured: Mapping[str, float]
    output: bytes


def reset(processed: int, remaining: int) -> Says:
    """Return what a run of the CPU reset reports."""
    output = f"reset {processed:,} of {processed + remaining:,} accounts"
    return Says({"processed": processed, "remaining": remaining}, output.encode())


ACCOUNTS: Final = 18_230
"""Accounts whose reset is overdue in the end."""
SAYS: Final = {RESET: reset(764, 0), f"eu-{STOPPING[0]}": reset(512, 0)}
"""The reports of jobs on a good day. Others report nothing."""
REPAIR_TAKES: Final = timedelta(hours=14)
ALL_RESET_AFTER: Final = timedelta(hours=13, minutes=58)
"""The time after which every account of the repair is done. Then it looks at each once more."""

_TOP: Final = """
group_by: region > host
acknowledge_for: 1d
ping_keys: {demo: "${DEMO_PING_KEY}"}
people:
  anna: {name: Anna, contacts: [{console: "+1"}]}
  ben: {name: Ben, contacts: [{console: "+2"}]}
policies:
  ops:
    - {page: anna, wait: 10m}
    - {page: ben, wait: 15m}
status_pages:
  public:
    title: Example status
    regions: {label: region, columns: {us: the United States, eu: Europe}}
    components:
      - name: CPU allowance
        match: {component: cpu-allowance}
        progress: us-daily-cpu-reset
        progress_says: Resets are catching up
      - {name: Websites, match: {component: websites}}
checks:
"""
_RESET: Final = (
    "rules: [{rule: remaining falls over 3 runs, for: 2 runs}], "
    "max_runtime: 'until done, at most 20h', stuck_after: 30m"
)


def configuration() -> str:
    """Return the configuration file of the replay."""
    lines = [_TOP.strip()]
    for minutes, slugs in MINUTES.items():
        schedule = f'schedule: "{",".join(map(str, minutes))} * * * *", grace: 15m, severity: critical'
        lines += [f"  {slug}: {_check(slug, schedule)}" for slug in slugs]
    return "\n".join(lines) + "\n"


def _check(slug: str, schedule: str) -> str:
    if slug == EDGE:
        labels = "host: edge-proxy, region: edge, component: websites"
        return f"{{name: Edge probe, {schedule}, labels: {{{labels}}}}}"
    region, _, name = slug.partition("-")
    labels = f"host: {region}-housekeeping, region: {region}"
    if name != STOPPING[0]:
        return f"{{name: {name}, {schedule}, labels: {{{labels}}}}}"
    return f"{{name: {name}, {schedule}, labels: {{{labels}, component: cpu-allowance}}, {_RESET}}}"
