"""The command line: `heartbeat serve`, and the commands of an operator.

The rooms of a command are imported when it runs: a wrong option, or another command, does not wait for the web server.
"""

import argparse
import asyncio
import gc
import locale
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from heartbeat import command_line, logs
from heartbeat import settings as environment
from heartbeat.settings import BadSetting, Settings

PRIVATE = 0o077
"""The permissions that new files do not have: those of other users."""

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status. Print an expected error in words, without a traceback."""
    if argv is None:
        _speak_utf8()
    # What is imported stays: to look for garbage among it would take an eighth of the start.
    gc.set_threshold(100_000, 50, 100)
    arguments = command_line.parser().parse_args(argv)
    # What it writes is for its own user, whatever the folder. Published status pages are the exception.
    os.umask(PRIVATE)
    try:
        environ = _environment(arguments)
        if arguments.command == "doctor":
            from heartbeat.operations import maintain

            # It reports a bad setting like any other finding.
            return asyncio.run(maintain.doctor(environ, send=arguments.send, as_json=arguments.json))
        settings = environment.read(environ)
        logs.begin(settings)
        _warn_of_mistyped(settings)
        status = _run(arguments, settings)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # The reader has seen enough, such as `head`. What Python still holds back goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        if (words := _in_words(error)) is None:
            raise
        print(words, file=sys.stderr)
    return 1


def _in_words(error: Exception) -> str | None:
    """Return what an expected error says, or None for any other."""
    from heartbeat.database import AlreadyServed, Unavailable
    from heartbeat.definitions.file import Wrong
    from heartbeat.operations.backup import Unusable
    from heartbeat.operations.secret_key import NotTheSame
    from heartbeat.operations.serving_process import Failed

    match error:
        case Wrong():
            return "\n".join([*error.problems, *(f"warning: {warning}" for warning in error.warnings)])
        case BadSetting() | AlreadyServed() | NotTheSame() | Unusable() | Failed():
            return str(error)
        case Unavailable():
            return f"The database cannot be reached: {error}"
    return None


def _warn_of_mistyped(settings: Settings) -> None:
    from heartbeat.operations import commands

    for sentence in commands.mistyped_settings(settings):
        log.warning(sentence)


def _environment(arguments: argparse.Namespace) -> Mapping[str, str]:
    """Return the environment of the command. A server and a demonstration have nobody else's."""
    from heartbeat.operations import command_environment

    file: Path | None = arguments.env_file
    if arguments.command in ("serve", "demo", "schema", "come-over"):
        own = os.environ if file is None else os.environ | command_environment.read_file(file)
        first_look = arguments.command == "serve" and arguments.sample and sys.stderr.isatty()
        # On the terminal of a first look, the log would stand between the pages and say the same.
        return {"HEARTBEAT_LOG_LEVEL": "WARNING"} | own if first_look else own
    try:
        environ, warning = command_environment.of(os.environ, file)
    except BadSetting:
        if arguments.command == "doctor" and file is None:
            return os.environ
        raise
    if warning is not None:
        print(f"warning: {warning}", file=sys.stderr)
    return environ


def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    match arguments.command:
        case "serve":
            return _serve(arguments, settings)
        case "demo":
            from heartbeat.operations import demo

            return demo.run(seconds=arguments.seconds)
        case "come-over":
            from heartbeat.operations.come_over import command

            where = arguments.where
            return asyncio.run(
                command.run(arguments.system, where, settings.environment, as_json=arguments.json)
            )
        case "backup" | "restore" | "rearm" | "lost-key" | "rotate-keys":
            return _maintain(arguments, settings)
    return _configure(arguments, settings)


def _serve(arguments: argparse.Namespace, settings: Settings) -> int:
    from heartbeat.operations import serve, workers

    if arguments.workers > 1 and arguments.place is None:
        return workers.run(settings, arguments.workers)
    place = arguments.place and workers.Place.parsed(arguments.place)
    return serve.run(settings, sample=arguments.sample, delete=arguments.delete, place=place)


def _configure(arguments: argparse.Namespace, settings: Settings) -> int:
    from heartbeat.operations import commands

    match arguments.command:
        case "migrate":
            return commands.migrate(settings)
        case "plan":
            return commands.plan_offline(settings) if arguments.offline else commands.plan(settings)
        case "apply":
            return asyncio.run(commands.apply(settings, delete=arguments.delete))
        case "export":
            return commands.export(settings)
        case "crontab":
            return commands.crontab(settings)
        case "herd":
            return commands.spread(settings, arguments.at_least)
        case "rules":
            return commands.try_rule(settings, arguments.check, arguments.rule)
        case "postmortem":
            return commands.postmortem(settings, arguments.number)
        case "report":
            return commands.report(settings, arguments.since, arguments.until)
        case "schema":
            return commands.schema()
        case "test-page":
            return asyncio.run(commands.test_page(settings, arguments.person))
    raise AssertionError(arguments.command)


def _maintain(arguments: argparse.Namespace, settings: Settings) -> int:
    from heartbeat.operations import maintain

    match arguments.command:
        case "backup":
            return maintain.backup(settings, arguments.path, force=arguments.force, keep=arguments.keep)
        case "restore":
            return maintain.restore(
                settings, arguments.path, None if arguments.judge_at_once else arguments.grace
            )
        case "rearm":
            return maintain.rearm(settings, arguments.grace)
        case "lost-key":
            return maintain.lost_key(settings, confirmed=arguments.yes)
        case "rotate-keys":
            return asyncio.run(maintain.rotate_keys(settings))
    raise AssertionError(arguments.command)


def _speak_utf8() -> None:
    """Run Python anew in its UTF-8 mode (PEP 540) if the locale has another encoding.

    Files, variables, output and the names of files are UTF-8 then, as they are on every other machine.
    """
    if not sys.flags.utf8_mode and locale.getencoding().lower() not in ("utf-8", "utf8"):
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606  # the same program


if __name__ == "__main__":
    sys.exit(main())
