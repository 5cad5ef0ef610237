"""Checks that wait for their parents, on both databases, in few statements."""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerting import desk, escalator
from alerting.clock_step import Step
from alerting.desk import Dossier
from alerting.escalation import Policy
from alerting.escalation import Step as PolicyStep
from alerting.person import Contact, Person
from heartbeat.actor import Actor, Role
from heartbeat.checks import (
    actions,
    definition,
    dependency,
    forecast,
    life,
    maintenance_store,
    placing,
    store,
    waiting,
)
from heartbeat.checks.check import Check, Ping, Raised, Signal
from heartbeat.checks.dependency import LONGEST, After
from heartbeat.checks.maintenance import WindowDefinition
from heartbeat.checks.symptoms import Fall
from heartbeat.definitions.edit import maintenance as arranging
from tests.unit.checks.test_placing import counted
from tests.unit.conftest import NOW, a_check

MINUTE = timedelta(minutes=1)
T0 = NOW + 10 * MINUTE
ANN = Actor("Ann", Role.ADMIN, "Ann")
BACKUP = After(("backup",))


def added(db: Connection, *jobs: Check) -> list[Check]:
    numbers = store.insert(db, list(jobs))
    by_slug = {job.slug: job for job in store.lock(db, list(numbers.values()))}
    return [by_slug[job.slug] for job in jobs]


def child(slug: str, after: After = BACKUP, **more: object) -> Check:
    return replace(a_check(slug), after=after, **more)  # type: ignore[arg-type]  # fields of a check


def fall(db: Connection, at: datetime, *slugs: str) -> None:
    """Let checks fall silent together."""
    jobs = [job for slug in slugs if (job := store.load(db, slug)) is not None]
    changes = [(life.fallen_silent(job, at), job) for job in jobs]
    store.save(db, [change.check for change, _ in changes])
    placing.raise_(db, [Fall(change, job) for change, job in changes], at)


def ping(db: Connection, at: datetime, slug: str, signal: Signal = Signal.SUCCESS) -> None:
    job = store.load(db, slug)
    assert job is not None
    change = life.on_ping(job, Ping(signal, at))
    store.save(db, [change.check])
    if isinstance(change.event, Raised):
        placing.raise_(db, [Fall(change, job)], at)
    elif change.event is not None:
        desk.clear(db, {f"check:{job.id}": "heard again"}, at)


def work(db: Connection, at: datetime) -> None:
    """Let the ticker do everything that is due."""
    while (waiting.next_due(db) or at + MINUTE) <= at and waiting.sweep(db, at, 1000):
        pass
    while escalator.sweep(db, at):
        pass
    while (waiting.next_due(db) or at + MINUTE) <= at and waiting.sweep(db, at, 1000):
        pass


def open_ones(db: Connection) -> dict[str, Dossier]:
    found = [desk.dossier(db, one.id) for one in desk.incidents(db, open_only=True)]
    return {dossier.incident.title: dossier for dossier in found if dossier is not None}


def standing(dossier: Dossier) -> list[str]:
    return [symptom.title for symptom in dossier.symptoms if symptom.standing]


def paged(db: Connection) -> list[int]:
    """Return the incidents with pages, in the order of the pages."""
    pages = [page for one in desk.incidents(db) for page in desk.dossier(db, one.id).pages]  # type: ignore[union-attr]  # it exists
    return [page.incident_id for page in sorted(pages, key=lambda page: page.id) if page.kind == "page"]


def test_a_child_of_a_parent_that_is_down_waits_in_its_incident(db: Connection) -> None:
    added(db, a_check("backup"), child("report"))
    fall(db, T0, "backup")
    work(db, T0 + MINUTE)
    fall(db, T0 + 2 * MINUTE, "report")
    work(db, T0 + 4 * MINUTE)
    (dossier,) = open_ones(db).values()
    assert standing(dossier) == ["backup", "report"]
    assert [symptom.facts.parent for symptom in dossier.symptoms] == ["", "backup"]
    assert [entry.words for entry in dossier.timeline if entry.kind == "down"] == [
        "backup: was never heard",
        "report: was never heard; waits for backup",
    ]
    assert paged(db) == [1]


def test_a_parent_and_its_children_that_turn_down_in_one_sweep_are_one_incident(db: Connection) -> None:
    added(db, child("mail", After(("report",))), child("report"), a_check("backup"))
    fall(db, T0, "mail", "report", "backup")
    (dossier,) = open_ones(db).values()
    assert standing(dossier) == ["backup", "report", "mail"]


def test_a_child_waits_for_any_check_with_certain_labels(db: Connection) -> None:
    after = After(matches=({"job": "import", "region": "us"},))
    imports = [
        replace(a_check(f"import-{region}"), labels={"job": "import", "region": region})
        for region in ("us", "eu")
    ]
    added(db, *imports, child("report", after))
    fall(db, T0, "import-eu")
    fall(db, T0 + MINUTE, "report")
    assert open_ones(db).keys() == {"import-eu", "report"}
    ping(db, T0 + 2 * MINUTE, "report")
    work(db, T0 + 5 * MINUTE)
    fall(db, T0 + 6 * MINUTE, "import-us", "report")
    assert standing(open_ones(db)["import-us"]) == ["import-us", "report"]


def test_a_check_that_was_down_before_its_parent_stays_where_it_is_when_its_cause_changes(
    db: Connection,
) -> None:
    added(db, a_check("backup"), child("report"))
    fall(db, T0, "report")
    fall(db, T0 + MINUTE, "backup")
    ping(db, T0 + 2 * MINUTE, "report", Signal.FAIL)
    work(db, T0 + 3 * MINUTE)
    assert standing(open_ones(db)["report"]) == ["report"]
    assert len(set(paged(db))) == 2


def test_a_check_that_flapped_before_its_parent_fell_waits_for_nobody(db: Connection) -> None:
    added(db, a_check("backup"), child("report"))
    fall(db, T0, "report")
    ping(db, T0 + MINUTE / 2, "report")
    fall(db, T0 + MINUTE, "backup")
    fall(db, T0 + 2 * MINUTE, "report")
    (own,) = [s for s in open_ones(db)["report"].symptoms if s.standing]
    assert (own.held_until, own.waits_for) == (None, None)


def test_no_check_waits_for_longer_than_a_day_although_its_parent_is_acknowledged(db: Connection) -> None:
    added(db, a_check("backup"), child("report"))
    fall(db, T0, "backup")
    work(db, T0 + MINUTE)
    desk.acknowledge(db, 1, "Ann", T0 + MINUTE, until=T0 + 2 * LONGEST)
    fall(db, T0 + 2 * MINUTE, "report")
    work(db, T0 + LONGEST)
    assert desk.incidents(db)[0].tell_at == T0 + 2 * MINUTE + LONGEST
    work(db, T0 + 2 * MINUTE + LONGEST)
    (dossier,) = open_ones(db).values()
    assert [symptom.told for symptom in dossier.symptoms] == [("silent",), ("silent",)]
    # Then it is a part of the incident like any other: the end of its parent is not the end of the incident.
    ping(db, T0 + 3 * MINUTE + LONGEST, "backup")
    work(db, T0 + 3 * LONGEST / 2)
    assert standing(open_ones(db)["backup"]) == ["report"]


def test_a_child_moves_to_its_other_parent_that_is_down(db: Connection) -> None:
    added(db, a_check("backup"), a_check("import"), child("report", After(("backup", "import"))))
    fall(db, T0, "backup")
    fall(db, T0 + MINUTE, "import", "report")
    assert standing(open_ones(db)["backup"]) == ["backup", "report"]
    ping(db, T0 + 2 * MINUTE, "backup")
    work(db, T0 + 5 * MINUTE)
    (dossier,) = open_ones(db).values()
    assert (dossier.incident.title, standing(dossier)) == ("import", ["import", "report"])
    # It is the same wait.
    assert dossier.symptoms[-1].held_until == T0 + MINUTE + LONGEST


def test_the_children_of_a_paused_or_deleted_parent_page_at_once(db: Connection) -> None:
    added(db, a_check("backup"), child("report"), a_check("import"), child("mail", After(("import",))))
    fall(db, T0, "backup", "report", "import", "mail")
    work(db, T0 + MINUTE)
    actions.pause(db, "backup", ANN, T0 + 2 * MINUTE)
    actions.delete(db, "import", ANN, T0 + 2 * MINUTE)
    work(db, T0 + 3 * MINUTE)
    work(db, T0 + 4 * MINUTE)
    titles = {one.id: one.title for one in desk.incidents(db)}
    assert sorted(titles[number] for number in paged(db)) == ["backup", "import", "mail", "report"]


def test_a_person_who_resolves_the_incident_expects_the_children_again_too(db: Connection) -> None:
    added(db, a_check("backup"), child("report"))
    fall(db, T0, "backup", "report")
    work(db, T0 + MINUTE)
    actions.resolve(db, 1, ANN, T0 + 2 * MINUTE)
    work(db, T0 + 3 * MINUTE)
    assert open_ones(db) == {}
    report = store.load(db, "report")
    assert report is not None
    assert report.state == "new"


def test_a_child_that_is_well_before_its_parent_changes_nothing(db: Connection) -> None:
    added(db, a_check("backup"), child("report"))
    fall(db, T0, "backup", "report")
    work(db, T0 + MINUTE)
    ping(db, T0 + 2 * MINUTE, "report")
    ping(db, T0 + 3 * MINUTE, "backup")
    settles_at = desk.incidents(db)[0].settles_at
    assert settles_at == T0 + 5 * MINUTE
    work(db, T0 + 5 * MINUTE)
    assert open_ones(db) == {}


def test_a_child_that_is_well_while_its_parent_settles_delays_nothing(db: Connection) -> None:
    added(db, a_check("backup"), child("report"))
    fall(db, T0, "backup", "report")
    work(db, T0 + MINUTE)
    ping(db, T0 + 2 * MINUTE, "backup")
    ping(db, T0 + 3 * MINUTE, "report")
    assert desk.incidents(db)[0].settles_at == T0 + 4 * MINUTE


def test_what_waits_keeps_its_rest_when_the_clock_is_set(db: Connection) -> None:
    added(db, a_check("backup"), child("report"))
    fall(db, T0, "backup", "report")
    day = timedelta(days=1)
    desk.retime_incidents(db, Step(T0 + MINUTE, T0 + MINUTE + day, T0), 0, 100)
    (dossier,) = open_ones(db).values()
    assert dossier.symptoms[-1].held_until == T0 + LONGEST + day


def test_the_forecast_of_a_child_says_that_it_would_wait_or_waits(db: Connection) -> None:
    added(db, a_check("backup"), child("report"))
    fall(db, T0, "backup")

    def ahead() -> str:
        report = store.load(db, "report")
        assert report is not None
        return forecast.of(db, report, T0 + MINUTE, "").sentence

    assert ahead() == "If it fell silent now, it would wait for backup in incident 1."
    fall(db, T0, "report")
    assert ahead().startswith("It waits for backup in incident 1, until ")


def test_checks_without_parents_cost_no_statement(db: Connection) -> None:
    added(
        db,
        *(a_check(f"alone-{n}") for n in range(4)),
        a_check("backup"),
        *(child(f"report-{n}") for n in range(50)),
    )
    with counted(db) as without:
        fall(db, T0, "alone-0", "alone-1")
    fall(db, T0, "backup")
    with counted(db) as few:
        fall(db, T0, "report-0", "report-1")
    with counted(db) as many:
        fall(db, T0, *(f"report-{n}" for n in range(2, 50)))
    assert not [one for one in without if "checks.after" in one and "IS NOT NULL" in one]
    of_reading = [[one for one in of_one if not one.startswith("INSERT")] for of_one in (few, many)]
    # `fall` itself loads the checks one by one.
    assert len(of_reading[1]) - len(of_reading[0]) == 46


def test_a_check_of_another_policy_pages_its_own_people(db: Connection) -> None:
    teams = [Policy(name, (PolicyStep(("anna",), 5 * MINUTE),)) for name in ("ops", "office")]
    desk.install(db, [Person("anna", "Anna", (Contact("console", "t"),))], teams, {})
    added(
        db,
        replace(a_check("backup"), policy="ops"),
        child("report", policy="office"),
        child("mail", policy="ops"),
    )
    fall(db, T0, "backup", "report", "mail")
    assert {title: standing(one) for title, one in open_ones(db).items()} == {
        "backup": ["backup", "mail"],
        "report": ["report"],
    }


def test_a_parent_under_maintenance_holds_nobody(db: Connection) -> None:
    added(db, replace(a_check("backup"), labels={"host": "a"}), child("report"))
    window = WindowDefinition("Move", "", {"host": "a"}, T0 - MINUTE, T0 + 60 * MINUTE)
    maintenance_store.add(db, window, "Ann", T0, None)
    fall(db, T0, "backup", "report")
    work(db, T0 + MINUTE)
    titles = {one.id: one.title for one in desk.incidents(db)}
    assert [titles[number] for number in paged(db)] == ["report"]


def test_a_child_under_maintenance_waits_for_the_later_of_both(db: Connection) -> None:
    added(db, a_check("backup"), child("report", labels={"host": "a"}))
    window = WindowDefinition("Move", "", {"host": "a"}, T0 - MINUTE, T0 + 60 * MINUTE)
    arranging.make(db, ANN, window, T0)
    fall(db, T0, "backup", "report")
    (maintained,) = maintenance_store.standing(db, T0)
    # The end of the window does not end the wait.
    arranging.end(db, ANN, maintained.id, T0 + MINUTE)
    work(db, T0 + 2 * MINUTE)
    assert paged(db) == [1]
    ping(db, T0 + 3 * MINUTE, "backup")
    arranging.make(db, ANN, replace(window, ends_at=T0 + 600 * MINUTE), T0 + 4 * MINUTE)
    work(db, T0 + 5 * MINUTE)
    assert desk.incidents(db)[0].next_at == T0 + 600 * MINUTE


def test_a_chain_waits_in_the_incident_of_its_first_check_and_then_for_the_next(db: Connection) -> None:
    added(db, a_check("backup"), child("report"), child("mail", After(("report",))))
    fall(db, T0, "backup", "report", "mail")
    assert standing(open_ones(db)["backup"]) == ["backup", "report", "mail"]
    ping(db, T0 + MINUTE, "backup")
    work(db, T0 + 3 * MINUTE)
    (dossier,) = open_ones(db).values()
    assert standing(dossier) == ["report", "mail"]
    assert [symptom.facts.parent for symptom in dossier.symptoms] == ["backup", "report"]
    chance = dependency.chance_until(
        a_check("report").schedule, a_check("report").grace, T0 + 3 * MINUTE, MINUTE
    )
    assert dossier.incident.next_at == chance


def test_a_chain_moves_from_its_beginning_however_few_move_at_once(db: Connection) -> None:
    chain = [child(f"n{n}", After((f"n{n - 1}" if n else "backup",))) for n in range(5)]
    added(db, *reversed(chain), a_check("backup"))
    fall(db, T0, "backup", *(job.slug for job in chain))
    ping(db, T0 + MINUTE, "backup")
    rounds = 0
    while (waiting.next_due(db) or T0 + 9 * MINUTE) <= T0 + 3 * MINUTE:
        assert waiting.sweep(db, T0 + 3 * MINUTE, 1) == 1
        rounds += 1
    assert rounds == 5
    work(db, T0 + 3 * MINUTE)
    (dossier,) = open_ones(db).values()
    assert standing(dossier) == ["n0", "n1", "n2", "n3", "n4"]
    assert paged(db) == []


def test_children_on_the_host_of_their_parent_page_in_an_incident_of_their_own(db: Connection) -> None:
    jobs = [a_check("backup"), child("report"), child("mail")]
    hosted = [
        definition.redefined(replace(job, labels={"host": "a"}), None, ("host",), (), NOW) for job in jobs
    ]
    added(db, *hosted)
    fall(db, T0, "backup")
    work(db, T0 + MINUTE)
    desk.acknowledge(db, 1, "Ann", T0 + MINUTE, until=T0 + LONGEST)
    fall(db, T0 + 2 * MINUTE, "report", "mail")
    ping(db, T0 + 3 * MINUTE, "backup")
    work(db, T0 + 6 * MINUTE)
    (dossier,) = open_ones(db).values()
    assert (dossier.incident.id, dossier.incident.state, standing(dossier)) == (2, "open", ["report", "mail"])
    due = dossier.incident.next_at
    assert due is not None
    work(db, due)
    assert paged(db) == [1, 2]


def test_children_leave_in_bounded_batches(db: Connection) -> None:
    added(db, a_check("backup"), *(child(f"report-{n}") for n in range(60)))
    fall(db, T0, "backup", *(f"report-{n}" for n in range(60)))
    ping(db, T0 + MINUTE, "backup")
    moved = [waiting.sweep(db, T0 + 3 * MINUTE, 25) for _ in range(4)]
    assert moved == [25, 25, 10, 0]


def held_until(db: Connection, slug: str) -> datetime | None:
    (held,) = [
        symptom.held_until
        for dossier in open_ones(db).values()
        for symptom in dossier.symptoms
        if symptom.standing and symptom.title == slug
    ]
    return held


def test_neither_another_cause_nor_another_parent_lets_a_check_wait_for_longer(db: Connection) -> None:
    parents = ("backup", "dump", "extract")
    added(db, *map(a_check, parents), child("report", After(parents)))
    for parent in parents:
        fall(db, T0, parent)
    fall(db, T0 + MINUTE, "report")
    work(db, T0 + 2 * MINUTE)
    bound = T0 + MINUTE + LONGEST
    assert held_until(db, "report") == bound
    at = T0 + timedelta(hours=20)
    ping(db, at, "report", Signal.FAIL)  # Down since then for another cause.
    for parent in parents[:2]:
        ping(db, at + MINUTE, parent)
        at += timedelta(hours=1)
        work(db, at)
        assert held_until(db, "report") == bound
