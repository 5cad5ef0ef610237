"""The screen of a check's rules, with a form that tries another one on its past, and a button that adds it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection
from starlette.responses import Response

from alerting.origin import Origin
from heartbeat.actor import Role
from heartbeat.checks import rule_grammar
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check
from heartbeat.checks.definition import CheckDefinition
from heartbeat.checks.rule import Rule
from heartbeat.definitions import export
from heartbeat.definitions import rules as definition_rules
from heartbeat.definitions.edit import checks as edit
from heartbeat.definitions.single import Faulty
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.http.pages import render
from heartbeat.pings import rule_trial

LONGEST = 700
"""Characters of a rule with all that it says, at most."""


async def show(request: ConsoleRequest) -> Response:
    """Show the rules of a check, and what another one would have said."""
    return await _screen(request, _line(request.http.query_params.get("rule", "")))


async def add(request: ConsoleRequest) -> Response:
    """Add a rule to a check, or show why it cannot be added."""
    text = _line(str(request.form.get("rule", "")))
    rule, problem = _rule(text)
    if rule is None:
        return await _screen(request, text, problem or "Enter a rule.")
    try:
        known = await request.write(lambda db: _add(db, request, rule))
    except Faulty as faulty:
        return await _screen(request, text, " ".join(faulty.problems))
    if not known:
        return _no_such(request)
    return render.see_other(f"/checks/{quote(request.slug)}/rules?rule={quote(text)}")


async def _screen(request: ConsoleRequest, text: str, refusal: str = "") -> Response:
    rule, problem = _rule(text)

    def read(db: Connection) -> dict[str, Any] | None:
        check = check_store.load(db, request.slug)
        return None if check is None else _facts(db, request, check, rule)

    facts = await request.read(read)
    if facts is None:
        return _no_such(request)
    status = 422 if refusal else 200
    return request.show("checks/rules.html", status=status, text=text, problem=refusal or problem, **facts)


def _facts(db: Connection, request: ConsoleRequest, check: Check, rule: Rule | None) -> dict[str, Any]:
    said = rule_trial.lines(rule_trial.of(db, check, rule, request.now)) if rule else ()
    return {
        "check": check,
        "own": list(map(rule_grammar.in_words, check.rules)),
        "of_labels": list(map(rule_grammar.in_words, check.label_rules)),
        "said": list(said)[1:],
        "declared": check.origin == Origin.FILE,
        "known": rule in check.rules,
        "line": export.rule_line(rule) if rule else "",
    }


def _add(db: Connection, request: ConsoleRequest, rule: Rule) -> bool:
    """Add a rule that the check does not have yet. Return False if there is no such check."""
    check = edit.locked(db, request.slug)
    if check is not None and rule not in check.rules:
        more = replace(CheckDefinition.of(check), rules=(*check.rules, rule))
        definition = edit.read(db, check.slug, edit.written(more))
        edit.define(db, request.actor, check.slug, definition, request.now)
    return check is not None


def _line(text: str) -> str:
    return " ".join(text.replace("\0", "")[:LONGEST].split())


def _rule(text: str) -> tuple[Rule | None, str]:
    """Return the rule of a line, or what is wrong with it."""
    if not text:
        return None, ""
    try:
        return definition_rules.of_line(text), ""
    except ValueError as error:
        return None, str(error)


def _no_such(request: ConsoleRequest) -> Response:
    return request.not_found(f"There is no check {request.slug}.")


READING: Mapping[str, Route] = {"/checks/{slug}/rules": (Role.VIEWER, show)}
ACTING: Mapping[str, Route] = {"/checks/{slug}/rules": (Role.ADMIN, add)}
