"""The text of heartbeat.yaml, read into a `Configuration`, or all its problems.

Pure: the environment, the reader of files and the notifiers are arguments. A configuration holds no secret: keys are
hashes, every other secret is the reference that was written.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Final, TypeVar

from alerting import escalation
from alerting.answer import ACKNOWLEDGED_FOR
from alerting.crew import CatchAll, Team
from alerting.escalation import Policy, Step
from alerting.incident import GATHERING, SETTLING
from alerting.notifiers.contract import Notifier
from alerting.notifiers.settings import web_address
from alerting.origin import Origin
from alerting.person import OPERATOR, Contact, Person
from alerting.quiet_hours import QuietHours
from alerting.rotation import Rotation
from heartbeat import secret
from heartbeat.checks import level
from heartbeat.checks.cause import GROUP_BY, GROUP_FAILURES_BY
from heartbeat.checks.check import AT_ONCE, Measure
from heartbeat.checks.definition import GRACE, SEVERITY, CheckDefinition
from heartbeat.checks.level import Levels
from heartbeat.definitions import (
    check_fields,
    dependencies,
    document,
    entry,
    file_warnings,
    peer,
    ping_key,
    rotations,
    rules,
    schema,
)
from heartbeat.definitions import status_page as definition_status_page
from heartbeat.definitions.contacts import NotifierReader
from heartbeat.definitions.document import Node, Problems, TooMany, Unjudged
from heartbeat.definitions.expectation import expectation
from heartbeat.definitions.model import Configuration
from heartbeat.definitions.status_page import Look, StatusPage

_PEER_EXAMPLE: Final = '"https://west.example.com/ping/${PEER_KEY}/east".'
T = TypeVar("T")

_USER = re.compile(schema.USER)
_NAME = entry.line(entry.MAX_NAME)
_CONTACT = "{email: anna@example.com}"
_RUNBOOK = entry.line(entry.MAX_RUNBOOK)
_DESCRIPTION = entry.paragraphs(entry.MAX_DESCRIPTION)
# It stands in where what is written is wrong, so that the rest can be judged. It never leaves this room.
_SOME_STEP = Step((OPERATOR.id,), timedelta(minutes=15))


def _user(text: str) -> str:
    if not _USER.fullmatch(text):
        raise ValueError("must be the name with which they sign in, such as anna or anna@example.com.")
    return text


class Wrong(ValueError):
    """All problems of a configuration, in the order of its lines.

    "heartbeat.yaml:12: checks.daily.grace: '15x' is not a duration; write for example 15m, 2h or 1d."
    """

    def __init__(self, problems: list[str], warnings: Sequence[str] = ()) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
        self.warnings = warnings


def parse(
    text: str,
    filename: str,
    *,
    notifiers: Mapping[str, type[Notifier]],
    env: Mapping[str, str],
    read: Callable[[Path], str],
    look: Look | None = None,
    whose: str = "the environment",
    offline: bool = False,
) -> Configuration:
    """Return the configuration that the text declares.

    `notifiers` are the installed kinds. `env` and `read` resolve `${NAME}` and `${file:PATH}`; `look` reads pictures.
    `whose` says whose environment it is. With `offline`, secrets that are not here are a warning and not judged.
    Raises `Wrong` with all problems, each with the file's name, the line, and the remedy.
    """
    warnings = Problems()
    problems = Problems(warnings)
    fill_in: Callable[[str], str] = partial(secret.fill_in, env=env, read=read, whose=whose)
    if offline:
        fill_in = partial(_filled_if_here, fill_in=fill_in)
    configuration = Configuration()
    with suppress(TooMany):
        root = document.read(text, problems)
        configuration = Reading(root, notifiers, fill_in, look=look).configuration()
        file_warnings.add(root, configuration, warnings, whole=not problems)
        if offline and not problems:
            file_warnings.add_unknown_parents(root, configuration, warnings)
    if problems:
        raise Wrong(problems.lines(filename), warnings.lines(filename))
    return replace(configuration, warnings=tuple(warnings.lines(filename)))


def json_schema() -> dict[str, object]:
    """Return the JSON Schema (draft 2020-12) of the file, for editors."""
    return schema.document()


def sample(reference: str) -> str:
    """Return the text of a first heartbeat.yaml, whose ping key is behind `reference`."""
    text = files("heartbeat").joinpath("sample.yaml").read_text(encoding="utf-8")
    return text.replace('"@PING_KEY@"', json.dumps(reference, ensure_ascii=False))


class Reading:
    """One reading of one document, with the defaults and names at its top.

    Single definitions (`single`) are read here too, so that each rule stands once.
    """

    def __init__(
        self,
        root: Node,
        notifiers: Mapping[str, type[Notifier]],
        fill_in: Callable[[str], str],
        in_clear: bool = False,
        look: Look | None = None,
        origin: Origin = Origin.FILE,
    ) -> None:
        self._root = root
        self._origin = origin
        self._users: dict[str, str] = {}
        self._look = look
        self._fill_in = fill_in
        self._installed = NotifierReader(notifiers, fill_in, in_clear)
        self._policies = root.entries("policies")
        self._known_policy = entry.named(self._policies, "policy")
        self._known_person = entry.named(root.entries("people"), "person")
        self._known_target = entry.named(
            [name for section in rotations.NAMED for name in root.entries(section)],
            "person, rotation, team or channel",
        )
        # A wrong default is told once, not again at each check that would have it.
        implied = len(self._policies) == 1 or root.get("policy") is not None
        first = next(iter(self._policies), None) if implied else None
        self._policy = root.read("policy", self._known_policy, first)
        self._timezone = root.read("timezone", entry.zone, "UTC")
        self._grace = root.read("grace", entry.between(entry.GRACE), GRACE)
        self._alert_after = check_fields.tolerance(root.get("alert_after"), AT_ONCE)

    def configuration(self) -> Configuration:
        """Return the whole configuration. Problems are reported, and stand-ins take their place."""
        root = self._root
        root.only(schema.TOP, "the file")
        keys = self._section("ping_keys", entry.MAX_PING_KEYS, self._ping_key)
        ping_key.report_doubles(self._root.entries("ping_keys"), keys)
        checks = self._section("checks", entry.MAX_CHECKS, self.check)
        check_fields.report_taken(self._root.entries("checks"), checks)
        dependencies.report_circles(self._root.entries("checks"), checks)
        rotations.report_shared_names(self._root)
        peers = self._section("peers", entry.MAX_PEERS, self._peer)
        return Configuration(
            timezone=self._timezone,
            group_by=self._group_by(),
            group_failures_by=self._group_labels("group_failures_by", GROUP_FAILURES_BY),
            gathering=root.read("gathering", entry.between(entry.GATHERING), GATHERING),
            settling=root.read("settling", entry.between(entry.SETTLING), SETTLING),
            acknowledge_for=root.read(
                "acknowledge_for", entry.between(entry.ACKNOWLEDGE_FOR), ACKNOWLEDGED_FOR
            ),
            rules=rules.of_labels(root.get("rules")),
            policy=self._policy,
            catch_all=self._catch_all(),
            ping_keys=keys,
            ping_key_references={name: node.as_(str, "") for name, node in root.entries("ping_keys").items()},
            # Before people, whose contacts are judged by whether their notifier has its settings.
            notifiers=self.notifiers(),
            people=self._section("people", entry.MAX_PEOPLE, self.person),
            channels=self._section("channels", entry.MAX_CHANNELS, self.channel),
            rotations=self._section("rotations", entry.MAX_ROTATIONS, self.rotation),
            teams=self._section("teams", entry.MAX_TEAMS, self.team),
            policies=self._section("policies", entry.MAX_POLICIES, self.policy),
            peers=peers,
            # The file may define the check of a peer itself.
            checks=peer.checks_of(peers, self._policy) | checks,
            status_pages=self._section("status_pages", entry.MAX_PAGES, self.status_page),
        )

    def _section(self, name: str, limit: int, read: Callable[[str, Node], T]) -> dict[str, T]:
        """Return the entries of a section by name. A name must fit into an address."""
        section = self._root.get(name)
        if section is None:
            return {}
        entry.at_most(section, limit, "entries")
        for slug, node in section.fields().items():
            entry.right(node, slug, entry.slug)
        return {slug: read(slug, node) for slug, node in section.fields().items()}

    def _group_labels(self, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        node = self._root.get(name)
        if node is None:
            return default
        entry.at_most(node, entry.MAX_GROUP_BY, "labels")
        return tuple(item.as_(entry.label, "") for item in node.items())

    def _group_by(self) -> tuple[str, ...] | Levels:
        node = self._root.get("group_by")
        if node is None or not isinstance(node.value, str) or level.SIGN not in node.value:
            return self._group_labels("group_by", GROUP_BY)
        return node.as_(entry.levels, Levels(GROUP_BY))

    def _ping_key(self, _name: str, node: Node) -> str:
        return node.as_(lambda text: ping_key.hashed(text, self._fill_in), "")

    def _peer(self, _name: str, node: Node) -> str:
        def address(text: str) -> str:
            if web_address(self._fill_in(text)) is None:
                raise ValueError(
                    "must be a URL that begins with https:// or http://, such as " + _PEER_EXAMPLE
                )
            return text

        return node.as_(address, "")

    def check(self, slug: str, node: Node) -> CheckDefinition:
        node.only(schema.CHECK, "a check")
        max_runtime, until_done = node.read("max_runtime", entry.max_runtime, (None, False))
        timezone = node.read("timezone", entry.zone, self._timezone)
        planned = check_fields.planned(node, timezone)
        return CheckDefinition(
            slug=slug,
            name=node.read("name", _NAME, slug),
            description=node.read("description", _DESCRIPTION, ""),
            runbook=node.read("runbook", _RUNBOOK, ""),
            schedule=planned,
            grace=node.read("grace", entry.between(entry.GRACE), self._grace),
            max_runtime=max_runtime,
            until_done=until_done,
            stuck_after=node.read("stuck_after", entry.stuck_after, None),
            labels=entry.labels(node.get("labels")),
            severity=node.read("severity", entry.severity, SEVERITY),
            policy=self._policy_for(node),
            manual_resume=node.read("manual_resume", entry.truth, False),
            alert_after=check_fields.tolerance(node.get("alert_after"), self._alert_after),
            measure=node.read("measure", entry.measure, Measure.JSON),
            expectation=expectation(node, planned, timezone, max_runtime),
            after=dependencies.after(slug, node.get("after")),
            formerly=check_fields.former_slugs(slug, node.get("formerly")),
            rules=rules.of_check(node.get("rules")),
            origin=self._origin,
        )

    def _policy_for(self, check: Node) -> str | None:
        if check.get("policy") is None and self._policy is None and self._policies:
            check.report("names no policy, and there are several; write `policy: NAME` here or at the top.")
        return check.read("policy", self._known_policy, self._policy)

    def notifiers(self) -> dict[str, dict[str, str]]:
        """Return the settings by kind, as written. Contacts are judged by them."""
        return self._installed.settings(self._root.entries("notifiers"))

    def notifier(self, kind: str, node: Node) -> dict[str, str]:
        return self._installed.settings({kind: node}).get(kind, {})

    def person(self, name: str, node: Node) -> Person:
        node.only(schema.PERSON, "a person")
        user = node.read("user", _user, "")
        if user and (other := self._users.setdefault(user, name)) != name:
            node.report(f"is the user {user!r}, and so is {other}; a user is one person.")
        return replace(self._reached(name, node), user="" if user == name else user)

    def channel(self, name: str, node: Node) -> Person:
        node.only(schema.CHANNEL, "a channel")
        return replace(self._reached(name, node), channel=True)

    def _reached(self, name: str, node: Node) -> Person:
        contacts = self._contacts(node.need("contacts", f"[{_CONTACT}]"))
        warnings = node.get("warnings")
        return Person(
            id=name,
            name=node.read("name", _NAME, name),
            contacts=contacts,
            warnings=self._contacts(warnings) if warnings else (),
            quiet_hours=node.read("quiet_hours", QuietHours.parse, None),
            timezone=node.read("timezone", entry.zone, self._timezone),
            origin=self._origin,
        )

    def _contacts(self, node: Node) -> tuple[Contact, ...]:
        items = entry.some(node, entry.MAX_CONTACTS, "contacts", _CONTACT)
        contacts = [(item, self._installed.contact(item)) for item in items]
        latest = None
        for place, (item, contact) in enumerate(contacts):
            if contact is None or contact.after is None:
                continue
            if place == 0:
                item.report("is paged at once; write `after` at a later contact.")
            elif latest is not None and contact.after < latest:
                item.report("is paged before the one above; put contacts in the order of their `after`.")
            latest = contact.after
        return tuple(contact for _, contact in contacts if contact)

    def rotation(self, name: str, node: Node) -> Rotation:
        return replace(
            rotations.rotation(name, node, self._timezone, self._known_person, self._fill_in),
            origin=self._origin,
        )

    def team(self, name: str, node: Node) -> Team:
        return replace(rotations.team(name, node, self._known_person), origin=self._origin)

    def policy(self, name: str, node: Node) -> Policy:
        listed, hours = node, None
        if isinstance(node.value, dict):
            node.only(schema.POLICY, "a policy")
            listed, hours = node.need("steps", "[{page: anna, wait: 5m}]"), node.get("warnings_wait_for")
        steps = entry.some(listed, entry.MAX_STEPS, "steps", "{page: anna, wait: 5m}")
        return Policy(
            name,
            tuple(map(self._step, steps)) or (_SOME_STEP,),
            self._origin,
            rotations.working_hours(hours, self._timezone) if hours else None,
        )

    def status_page(self, slug: str, node: Node) -> StatusPage:
        return replace(
            definition_status_page.status_page(slug, node, self._timezone, self._look), origin=self._origin
        )

    def catch_all(self, node: Node) -> CatchAll:
        return CatchAll(self._targets(node), self._origin)

    def _catch_all(self) -> tuple[str, ...]:
        node = self._root.get("catch_all")
        return self.catch_all(node).names if node is not None else ()

    def _targets(self, node: Node) -> tuple[str, ...]:
        people = [
            item.as_(self._known_target, "") for item in entry.some(node, entry.MAX_PAGED, "people", "anna")
        ]
        if len(people) > len(set(people)):
            node.report("names somebody twice.")
        return tuple(people)

    def _step(self, node: Node) -> Step:
        node.only(schema.STEP, "a step")
        people = self._targets(node.need("page", "anna"))
        wait = node.need("wait", "5m").as_(entry.between(entry.WAIT), _SOME_STEP.wait)
        only = node.get("only")
        condition = rotations.condition(only, self._timezone) if only else escalation.ANY
        in_turn = node.read("round_robin", entry.truth, False)
        if in_turn and len(people) == 1 and people[0] not in self._root.entries("teams"):
            node.fields()["round_robin"].report("needs several to take turns; name more of them, or a team.")
        return Step(people, wait, only=condition, round_robin=in_turn)


def _filled_if_here(text: str, fill_in: Callable[[str], str]) -> str:
    try:
        return fill_in(text)
    except secret.Absent as absent:
        raise Unjudged(f"{absent.reference} is not known here, so it was not checked.") from None
