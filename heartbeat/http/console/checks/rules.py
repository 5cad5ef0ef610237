"""The screen of a check's rules, with a form that tries another one on its past before it counts."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from alerting.origin import Origin
from heartbeat.actor import Role
from heartbeat.checks import rule_grammar
from heartbeat.checks import store as check_store
from heartbeat.checks.rule import Rule
from heartbeat.definitions import rules as definition_rules
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.pings import rule_trial

LONGEST = 700
"""Characters of a rule with all that it says, at most."""


async def show(request: ConsoleRequest) -> Response:
    """Show the rules of a check, and what another one would have said."""
    text = " ".join(request.http.query_params.get("rule", "").replace("\0", "")[:LONGEST].split())
    rule, problem = _rule(text)

    def read(db: Connection) -> dict[str, Any] | None:
        check = check_store.load(db, request.slug)
        if check is None:
            return None
        said = rule_trial.lines(rule_trial.of(db, check, rule, request.now)) if rule else ()
        return {
            "check": check,
            "own": list(map(rule_grammar.in_words, check.rules)),
            "of_labels": list(map(rule_grammar.in_words, check.label_rules)),
            "said": list(said)[1:],
            "declared": check.origin == Origin.FILE,
        }

    facts = await request.read(read)
    if facts is None:
        return request.not_found(f"There is no check {request.slug}.")
    return request.show("checks/rules.html", text=text, problem=problem, **facts)


def _rule(text: str) -> tuple[Rule | None, str]:
    """Return the rule of a line, or what is wrong with it."""
    if not text:
        return None, ""
    try:
        return definition_rules.of_fields(rule_grammar.of_line(text)), ""
    except ValueError as error:
        return None, str(error)


READING: Mapping[str, Route] = {"/checks/{slug}/rules": (Role.VIEWER, show)}
ACTING: Mapping[str, Route] = {}
