"""The contents of a database as `heartbeat doctor` judges them: people, policies, checks, pages and peers. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from alerting import times
from heartbeat.duration import in_words
from heartbeat.operations.finding import Finding, bad, ok, warn

OLD_PAGE = timedelta(minutes=5)
NAMES = 5
"""Names in one line, at most."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """The contents of the database: the names with a problem, and the totals."""

    without_contacts: Sequence[str] = ()
    unusable_contacts: Sequence[str] = ()
    reach_nobody: Sequence[str] = ()
    catch_all: bool = True
    """False if there are policies, and the pages of those who reach nobody go to the terminal alone."""
    idle_catch_all: Sequence[str] = ()
    """The names of a catch-all that reaches nobody."""
    caught: bool = False
    """True if a catch-all reaches somebody."""
    without_policy: Sequence[str] = ()
    """The checks, while there is no policy at all."""
    lost_policy: Sequence[str] = ()
    """The checks whose own policy does not exist, while there are others."""
    default_policy: str = ""
    """The policy that pages for these."""
    never_heard: Sequence[str] = ()
    refused: Sequence[str] = ()
    """Names whose pings are refused: no check has them, or their key is unknown."""
    unproven: Sequence[str] = ()
    unreachable_links: str = ""
    """The reason why links in pages do not open where they are read."""
    zone_questions: Mapping[str, str] = field(default_factory=dict)
    """By check, the question whether its time zone is right."""
    checks: int = 0
    people: int = 0
    oldest_page: timedelta = timedelta()
    canary: timedelta | None = None
    """The age of the last page of the canary that arrived, if there is a canary."""
    canary_missed: bool = False
    """True if its page does not arrive."""
    peers: Mapping[str, timedelta | None] = field(default_factory=dict)
    """By name the time since a peer was last heard, None if it never was."""
    silent_peers: Sequence[str] = ()
    sealed_by_old_keys: int = 0
    unreadable: Sequence[str] = ()


def judge(inventory: Inventory) -> Iterator[Finding]:
    """Yield what is wrong with the contents of the database, and what is well."""
    yield from _named(inventory)
    if not inventory.catch_all:
        yield warn(
            "catch-all",
            "is only the service's own terminal: name people or channels on the console under On call, or under "
            "catch_all in the configuration file.",
        )
    if inventory.unreachable_links:
        yield warn("public address", inventory.unreachable_links)
    for slug, question in list(inventory.zone_questions.items())[:NAMES]:
        yield warn(f"check {slug}", question)
    if inventory.sealed_by_old_keys:
        yield warn(
            "encrypted secrets",
            f"{inventory.sealed_by_old_keys} encrypted with an old key: run heartbeat rotate-keys.",
        )
    if inventory.oldest_page > OLD_PAGE:
        yield bad(
            "pages",
            f"the oldest has waited for {in_words(inventory.oldest_page)}: check that a process with the role pager "
            "runs, and that the providers answer.",
        )
    if inventory.canary is not None:
        length = in_words(inventory.canary)
        yield (
            bad("canary", f"its page has not arrived for {length}: pages to people may not arrive either.")
            if inventory.canary_missed
            else ok("canary", f"its last page arrived {length} ago.")
        )
    yield from _peers(inventory)
    people = "1 person" if inventory.people == 1 else f"{inventory.people:,} people"
    yield ok("checks", f"{times.count(inventory.checks, 'check')} and {people}.")


def _peers(inventory: Inventory) -> Iterator[Finding]:
    for name, silence in inventory.peers.items():
        if silence is None:
            yield warn(f"peer {name}", f"has never pinged: it needs the address of the check {name} here.")
        elif name in inventory.silent_peers:
            yield bad(f"peer {name}", f"was last heard {in_words(silence)} ago: run heartbeat doctor there.")
        else:
            yield ok(f"peer {name}", f"was heard {in_words(silence)} ago.")


def _named(inventory: Inventory) -> Iterator[Finding]:
    """Yield a finding for each problem that somebody or something has, with their names."""
    own_terminal = "the service's own terminal"
    last_resort = f"so their pages go to {'the catch-all' if inventory.caught else own_terminal}"
    for names, weigh, subject, problem in (
        (inventory.without_contacts, bad, "people", "without a contact, so nobody can page them"),
        (inventory.unusable_contacts, bad, "people", "with a contact whose notifier does not work here"),
        (inventory.reach_nobody, bad, "policies", f"that reach nobody, {last_resort}"),
        (
            inventory.idle_catch_all,
            bad,
            "catch-all",
            f"that reaches nobody, so its pages go to {own_terminal}",
        ),
        (inventory.without_policy, warn, "checks", f"without a policy, {last_resort}"),
        (
            inventory.lost_policy,
            warn,
            "checks",
            f"whose policy does not exist, so the policy {inventory.default_policy} pages for them",
        ),
        (inventory.never_heard, warn, "checks", "expected for a week and never pinged"),
        (
            inventory.refused,
            warn,
            "pings",
            "refused, as no check or no key fits; see Unexpected pings on the console",
        ),
        (
            inventory.unproven,
            warn,
            "contacts",
            "without proof of the last six months that a page arrives; run heartbeat test-page, and press I got it, "
            "or send a code on the console",
        ),
        (
            inventory.unreadable,
            bad,
            "encrypted secrets",
            "no key here can decrypt; put the old key back, or enter them again",
        ),
    ):
        if names:
            yield weigh(subject, f"{problem}: {_some(names)}.")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
    return ", ".join(names[:NAMES]) + more
