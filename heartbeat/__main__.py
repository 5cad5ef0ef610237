"""The command line: `heartbeat serve`, and what an operator does beside it."""

import argparse
import asyncio
import json
import logging
import os
import sys
from collections.abc import Sequence

from heartbeat import commands, config, serve, settings
from heartbeat.database import AlreadyServed, Unavailable
from heartbeat.settings import BadSetting, Settings


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status. What goes wrong in an expected way is told in one sentence a problem."""
    given = _parser().parse_args(argv)
    try:
        with_settings = settings.read(os.environ)
        logging.basicConfig(
            level=with_settings.log_level,
            format="%(asctime)s %(levelname)s %(name)s: %(message)s",
            stream=sys.stderr,
        )
        logging.getLogger("httpx").setLevel(logging.WARNING)
        logging.getLogger("alembic").setLevel(logging.WARNING)
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
        return _run(given, with_settings)
    except config.Wrong as wrong:
        print("\n".join(wrong.problems), file=sys.stderr)
    except (BadSetting, AlreadyServed, commands.Failed) as problem:
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
            print(json.dumps(config.json_schema(), indent=2))
            return 0
        case "test-page":
            return asyncio.run(commands.test_page(with_settings, given.person))
        case "demo":
            from heartbeat import demo

            return demo.run(seconds=given.seconds)
    raise AssertionError(given.command)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="heartbeat",
        description="A dead man's switch for scheduled jobs, which pages the person on call.",
        epilog="Settings come from the environment (HEARTBEAT_…): see docs/operating.md.",
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
    demo = commands.add_parser("demo", help="replay an incident with a fast clock")
    demo.add_argument("--seconds", type=float, default=60.0, help="how long the replay takes (60)")
    return parser


def _short(text: str) -> str:
    if not text or len(text) > 200:
        raise argparse.ArgumentTypeError("a person's name has 1 to 200 characters")
    return text


if __name__ == "__main__":
    sys.exit(main())
