"""The command line: `heartbeat serve`, and what an operator does beside it."""

import argparse
import asyncio
import json
import logging
import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from heartbeat import duration, logs, settings
from heartbeat.database import AlreadyServed, Unavailable
from heartbeat.definitions import file as configuration_file
from heartbeat.definitions.file import Wrong
from heartbeat.operations import commands, maintain, serve
from heartbeat.operations.backup import Unusable
from heartbeat.operations.secret_key import NotTheSame
from heartbeat.settings import BadSetting, Settings

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status. What goes wrong in an expected way is told in one sentence a problem."""
    given = _parser().parse_args(argv)
    try:
        if given.command == "doctor":
            # Wrong settings are a finding like others.
            return asyncio.run(maintain.doctor(os.environ, send=given.send, as_json=given.json))
        with_settings = settings.read(os.environ)
        logs.begin(with_settings)
        for sentence in maintain.mistyped_settings(with_settings):
            log.warning(sentence)
        return _run(given, with_settings)
    except Wrong as wrong:
        print("\n".join(wrong.problems), file=sys.stderr)
    except (BadSetting, AlreadyServed, NotTheSame, Unusable, commands.Failed) as problem:
        print(problem, file=sys.stderr)
    except Unavailable as away:
        print(f"The database cannot be reached: {away}", file=sys.stderr)
    return 1


def _run(given: argparse.Namespace, with_settings: Settings) -> int:
    match given.command:
        case "serve":
            return serve.run(with_settings, sample=given.sample)
        case "migrate":
            return commands.migrate(with_settings)
        case "plan":
            return commands.plan(with_settings)
        case "apply":
            return asyncio.run(commands.apply(with_settings))
        case "export":
            return commands.export(with_settings)
        case "schema":
            print(json.dumps(configuration_file.json_schema(), indent=2))
            return 0
        case "test-page":
            return asyncio.run(commands.test_page(with_settings, given.person))
        case "backup":
            return maintain.backup(with_settings, given.path, force=given.force, keep=given.keep)
        case "restore":
            return maintain.restore(with_settings, given.path, None if given.judge_at_once else given.grace)
        case "rearm":
            return maintain.rearm(with_settings, given.grace)
        case "lost-key":
            return maintain.lost_key(with_settings, certain=given.yes)
        case "rotate-keys":
            return asyncio.run(maintain.rotate_keys(with_settings))
        case "demo":
            from heartbeat.operations import demo

            return demo.run(seconds=given.seconds)
    raise AssertionError(given.command)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="heartbeat",
        description="A dead man's switch for scheduled jobs, which pages the person on call.",
        epilog="Settings come from the environment (HEARTBEAT_…): see docs/settings.md.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serving = commands.add_parser("serve", help="migrate, apply the configuration, and serve")
    serving.add_argument(
        "--sample", action="store_true", help="write a sample configuration if there is none"
    )
    commands.add_parser("migrate", help="bring the database up to date")
    commands.add_parser("plan", help="show what apply would change; changes nothing")
    commands.add_parser("apply", help="make the configuration so, in one transaction")
    commands.add_parser("export", help="write the configuration in force to standard output")
    commands.add_parser("schema", help="print the JSON Schema of the configuration, for editors")
    trial = commands.add_parser("test-page", help="page a person through every contact and say what happened")
    trial.add_argument("person", help="the person's name in the configuration", type=_short)
    _add_upkeep(commands)
    demo = commands.add_parser("demo", help="replay an incident with a fast clock")
    demo.add_argument("--seconds", type=float, default=60.0, help="how long the replay takes (60)")
    return parser


def _add_upkeep(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    backing = commands.add_parser(
        "backup", help="copy a SQLite database while it is served, and check the copy"
    )
    backing.add_argument("path", type=Path, help="the file to make, or a directory to make one in")
    backing.add_argument("--force", action="store_true", help="replace the file if it is there")
    backing.add_argument(
        "--keep",
        type=_count,
        metavar="N",
        help="keep the newest N copies in the directory, delete the others",
    )
    restoring = commands.add_parser("restore", help="put a copy in the place of a SQLite database")
    restoring.add_argument("path", type=Path, help="the copy")
    _add_grace(restoring)
    restoring.add_argument(
        "--judge-at-once",
        action="store_true",
        help="page at once for every check whose time has passed since the copy was made",
    )

    looking = commands.add_parser(
        "doctor", help="examine the installation: what is well, what is not, what to do"
    )
    looking.add_argument("--send", action="store_true", help="send a test page to every contact of everybody")
    looking.add_argument("--json", action="store_true", help="print the findings as JSON")
    commands.add_parser("rotate-keys", help="encrypt every secret in the database anew with the first key")
    losing = commands.add_parser(
        "lost-key", help="say what is lost with a secret key that is lost, and go on with a new one"
    )
    losing.add_argument("--yes", action="store_true", help="go on with a new one; without it nothing changes")
    rearming = commands.add_parser("rearm", help="expect every check afresh from the next start on")
    _add_grace(rearming)


def _add_grace(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--grace",
        type=_length,
        default=timedelta(),
        metavar="DURATION",
        help="how much longer than usual every check has from the next start on, such as 30m (0s)",
    )


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 10_000:
        raise argparse.ArgumentTypeError("must be a whole number from 1 to 10000")
    return int(text)


def _length(text: str) -> timedelta:
    try:
        return duration.parse(text)
    except ValueError as wrong:
        raise argparse.ArgumentTypeError(str(wrong)) from None


def _short(text: str) -> str:
    if not text or len(text) > 200:
        raise argparse.ArgumentTypeError("a person's name has 1 to 200 characters")
    return text


if __name__ == "__main__":
    sys.exit(main())
