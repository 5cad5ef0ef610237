"""The arguments of the command line: each command with its options and its help."""

import argparse
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

from heartbeat import duration

MOST_WORKERS = 64
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="heartbeat",
        description="A dead man's switch for scheduled jobs. It pages the person on call when a job falls silent.",
        epilog="Settings come from the environment (HEARTBEAT_…): see docs/settings.md. "
        "heartbeat COMMAND --help shows the options of a command.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version of heartbeat and exit")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", title="commands")
    _add_serve(subparsers)
    _add(subparsers, "migrate", "migrate the database to the schema of this release")
    _add_configuration(subparsers)
    _add_test_page(subparsers)
    _add_review(subparsers)
    _add_backups(subparsers)
    _add_doctor_and_keys(subparsers)
    _add_come_over(subparsers)
    _add_demo(subparsers)
    return parser


class _Version(argparse.Action):
    """Prints the version, which is looked up only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        print(f"heartbeat {version('heartbeat')}")
        parser.exit()


def _add_serve(subparsers: Commands) -> None:
    serving = _add(subparsers, "serve", "migrate the database, apply the configuration, and serve")
    serving.add_argument(
        "--sample", action="store_true", help="create a sample configuration if there is none"
    )
    serving.add_argument(
        "--workers",
        type=_workers,
        default=1,
        metavar="N",
        help="serve with N processes on one port (default: 1); they need PostgreSQL",
    )
    # What a worker inherits from its parent.
    serving.add_argument("--place", help=argparse.SUPPRESS)
    _add_delete(serving)


def _add_configuration(subparsers: Commands) -> None:
    planning = _add(
        subparsers,
        "plan",
        "show what apply would change, and change nothing",
        "The exit status is 0 without changes, 2 with changes, and 1 after an error.",
    )
    planning.add_argument(
        "--offline",
        action="store_true",
        help="only check the file, without a database; secrets that are not set here are not checked",
    )
    applying = _add(
        subparsers,
        "apply",
        "apply the configuration, in one transaction",
        "If it would delete checks that pinged before, it asks first, or changes nothing without a terminal.",
    )
    _add_delete(applying)
    _add(subparsers, "export", "print the configuration in force")
    _add(
        subparsers,
        "crontab",
        "print a crontab line for every check, with the command that pings it",
        "It prints no secret: the lines take the ping key from HEARTBEAT_PING_KEY.",
    )
    herd = _add(
        subparsers,
        "herd",
        "show the minutes in which many jobs are due at once, and print an even spread of them as YAML",
        "It changes nothing. Jobs stay in their hour. Only minutes move.",
    )
    herd.add_argument(
        "--at-least",
        type=_count,
        default=10,
        metavar="N",
        help="jobs in one minute that are many (default: 10)",
    )
    rules = _add(
        subparsers,
        "rules",
        "show what a rule would have said of a check over the last 90 days",
        "It changes nothing. The rule is as on the console, such as: rows > 0, for 2 runs",
    )
    rules.add_argument("action", choices=["try"], help="try: judge the runs that are kept")
    rules.add_argument("check", help="its slug")
    rules.add_argument("rule", help='such as "remaining < 5000"')
    _add(subparsers, "schema", "print the JSON Schema of the configuration, for editors")


def _add_test_page(subparsers: Commands) -> None:
    trial = _add(
        subparsers,
        "test-page",
        "send a test page to every contact of a person, and print the results",
        "The exit status is 0 if every contact accepted it, otherwise 1.",
    )
    trial.add_argument(
        "person", metavar="PERSON", help="the person's name in the configuration, such as anna", type=_person
    )


def _add_review(subparsers: Commands) -> None:
    postmortem = _add(
        subparsers,
        "postmortem",
        "print the draft of the post-mortem of an incident, in Markdown",
        "It changes nothing. Plots are text, so that they survive in a wiki or a ticket.",
    )
    postmortem.add_argument("number", metavar="NUMBER", help="the incident, such as 12", type=_incident)
    report = _add(
        subparsers,
        "report",
        "show who was paged how often, by day and by night, and what paged most",
        "It changes nothing. Without --until it is about the time up to now, without --since about the 7 days before.",
    )
    report.add_argument(
        "--since", type=_instant, metavar="DAY", help="a day or a time in UTC, such as 2026-05-01"
    )
    report.add_argument("--until", type=_instant, metavar="DAY", help="the end, not included")


def _add_come_over(subparsers: Commands) -> None:
    come_over = _add(
        subparsers,
        "come-over",
        "print the schedules, policies and people of another system as lines of heartbeat.yaml",
        "It changes nothing, here or there. What has no counterpart is listed in comments and on standard error.",
    )
    come_over.add_argument(
        "system", choices=["pagerduty", "opsgenie", "oncall", "goalert"], help="where from"
    )
    come_over.add_argument(
        "where",
        metavar="FILE-or-URL",
        help="a JSON file with the lists of its API, or the address of the API; its token is in COME_OVER_TOKEN",
    )
    come_over.add_argument("--json", action="store_true", help="print the answers of the API, for a file")


def _add_demo(subparsers: Commands) -> None:
    demo = _add(
        subparsers, "demo", "replay a day with a fast clock", "It needs no setup and leaves no files."
    )
    demo.add_argument("--seconds", type=float, default=60.0, help="time to read it in seconds (default: 60)")


def _add_backups(subparsers: Commands) -> None:
    backup = _add(
        subparsers,
        "backup",
        "copy a SQLite database, and check the copy",
        "The service can keep running. Back up the keys too, apart from the copy: see docs/backup.md.",
    )
    backup.add_argument(
        "path", metavar="PATH", type=Path, help="the file to create, or a directory for dated copies"
    )
    backup.add_argument("--force", action="store_true", help="replace an existing file")
    backup.add_argument(
        "--keep",
        type=_count,
        metavar="N",
        help="keep the newest N copies in the directory, and delete older ones",
    )
    restore = _add(
        subparsers,
        "restore",
        "replace a SQLite database with a copy",
        "Stop the service first. The replaced database stays beside the new one.",
    )
    restore.add_argument("path", metavar="PATH", type=Path, help="the copy")
    _add_grace(restore)
    restore.add_argument(
        "--judge-at-once",
        action="store_true",
        help="at the next start, page at once for every check that looks overdue",
    )
    rearm = _add(
        subparsers,
        "rearm",
        "let every check start over at the next start",
        "Use it after you restored a database with other tools, such as pg_restore.",
    )
    _add_grace(rearm)


def _add_doctor_and_keys(subparsers: Commands) -> None:
    doctor = _add(
        subparsers,
        "doctor",
        "examine the installation, and say what to do",
        "It changes nothing. The exit status is 0, 1 or 2: all well, something to look at, something bad.",
    )
    doctor.add_argument(
        "--send", action="store_true", help="also send a test page to every contact of everybody"
    )
    doctor.add_argument("--json", action="store_true", help="print the findings as JSON")
    _add(
        subparsers,
        "rotate-keys",
        "re-encrypt every secret in the database with the first key",
        "The service can keep running. See docs/keys.md.",
    )
    lost_key = _add(
        subparsers,
        "lost-key",
        "show what a lost secret key costs, and replace it with --yes",
        "Stop the service first. See docs/keys.md.",
    )
    lost_key.add_argument(
        "--yes", action="store_true", help="use a new key from the next start on; otherwise nothing changes"
    )


def _add(
    subparsers: Commands,
    command: str,
    effect: str,
    details: str = "",
) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        command, help=effect, description=f"{effect[0].upper()}{effect[1:]}. {details}".rstrip()
    )
    parser.add_argument(
        "--env-file",
        type=Path,
        metavar="FILE",
        help="read settings from this file too, such as systemd's EnvironmentFile: NAME=value lines",
    )
    return parser


def _add_delete(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--delete",
        action="store_true",
        help="delete checks that are no longer in the configuration, even if they pinged before",
    )


def _add_grace(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--grace",
        type=_length,
        default=timedelta(),
        metavar="DURATION",
        help="extra time for every check after the next start, such as 30m (default: none)",
    )


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 10_000:
        raise argparse.ArgumentTypeError("must be a whole number from 1 to 10000")
    return int(text)


def _incident(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) < 2**63:
        raise argparse.ArgumentTypeError("must be the number of an incident")
    return int(text)


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            "must be a day or a time, such as 2026-05-01 or 2026-05-01T08:00"
        ) from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def _workers(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {MOST_WORKERS}")
    return int(text)


def _length(text: str) -> timedelta:
    try:
        return duration.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _person(text: str) -> str:
    if not text or len(text) > 200:
        raise argparse.ArgumentTypeError("a person's name has 1 to 200 characters")
    return text
