"""What is beside an incident: its group, other incidents there, the same jobs elsewhere, and all other groups."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, event

from alerting import desk
from alerting.incident import Hold, Incident, Pace, RaisedSymptom
from alerting.notice import extent
from alerting.surroundings import Elsewhere, GroupState, LateJob, OtherIncident, Surroundings, also
from heartbeat.checks import cause, check, everywhere, life, store, surroundings, symptoms
from heartbeat.checks.check import Check, Ping, Signal, Tolerance
from tests.unit.conftest import NOW, a_check

MINUTE = timedelta(minutes=1)
DOWN_AT = NOW + 6 * MINUTE


def on(host: str, slug: str, **changes: object) -> Check:
    return replace(a_check(f"{host}-{slug}", labels={"host": host}, **changes), name=slug)


def up(job: Check) -> Check:
    return life.on_ping(job, Ping(Signal.SUCCESS, DOWN_AT)).check


def added(db: Connection, *jobs: Check) -> list[Check]:
    return store.lock(db, list(store.insert(db, jobs).values()))


def silent(db: Connection, *jobs: Check, hold: Hold | None = None) -> None:
    changes = [(life.fallen_silent(job, DOWN_AT), job) for job in added(db, *jobs)]
    raise_(db, changes, hold)


def failed(db: Connection, *jobs: Check) -> None:
    raise_(db, [(life.on_ping(job, Ping(Signal.FAIL, DOWN_AT)), job) for job in added(db, *jobs)])


def raise_(db: Connection, changes: list[tuple[check.Change, Check]], hold: Hold | None = None) -> None:
    store.save(db, [change.check for change, _ in changes])
    falls = [symptoms.Fall(change, job) for change, job in changes]
    raised = symptoms.of_falls(db, falls, DOWN_AT)
    desk.raise_(db, [replace(symptom, hold=hold) for symptom in raised], DOWN_AT)


def the_incident(db: Connection, title: str) -> Incident:
    (incident,) = [incident for incident in desk.incidents(db) if incident.title == title]
    return incident


def around(db: Connection, title: str) -> Surroundings:
    incident = the_incident(db, title)
    raised: dict[int, list[RaisedSymptom]] = desk.symptoms(db, [incident.id])
    return surroundings.of(db, [incident], raised, DOWN_AT)[incident.id]


def test_the_group_of_an_incident_is_counted_without_paused_and_new_checks(db: Connection) -> None:
    added(db, up(on("a", "well")), life.rearmed(on("a", "new"), DOWN_AT))
    added(db, life.paused(on("a", "paused"), NOW, "anna").check)
    silent(db, on("a", "one"), on("a", "two"))
    found = around(db, "a")
    assert (found.total, found.alive, found.newest_at, found.group) == (3, 1, DOWN_AT, "a")


def test_a_late_job_of_the_group_is_named(db: Connection) -> None:
    added(db, on("a", "slow", grace=60 * MINUTE))
    silent(db, on("a", "one"))
    found = around(db, "a")
    assert (found.alive, found.late) == (0, 1)
    assert found.late_jobs == (LateJob("slow", NOW + 5 * MINUTE),)


def test_other_groups_are_counted_and_the_bad_ones_named_with_their_incidents(db: Connection) -> None:
    added(db, up(on("b", "well")), up(on("c", "well")), life.rearmed(on("d", "new"), DOWN_AT))
    silent(db, on("a", "one"), on("e", "reset"))
    bad = the_incident(db, "e").id
    assert around(db, "a").elsewhere == Elsewhere("hosts", 3, 2, (f"e (incident {bad})",))


def test_a_host_that_is_late_or_has_a_tolerated_fault_is_named_and_not_fine(db: Connection) -> None:
    tolerant = life.on_ping(
        up(on("b", "feed", alert_after=Tolerance(failures=3))), Ping(Signal.FAIL, DOWN_AT)
    )
    added(db, tolerant.check, on("c", "slow", grace=60 * MINUTE), up(on("d", "well")))
    silent(db, on("a", "one"))
    assert around(db, "a").elsewhere == Elsewhere("hosts", 3, 1, ("b (tolerated fault)", "c (late)"))


def test_a_host_whose_incident_is_recovering_is_named_and_not_fine(db: Connection) -> None:
    added(db, up(on("b", "well")))
    silent(db, on("a", "one"), on("e", "reset"))
    recover(db, "e-reset")
    bad = the_incident(db, "e").id
    recovering = (f"e (incident {bad})",)
    assert around(db, "a").elsewhere == Elsewhere("hosts", 2, 1, recovering=recovering, settling=1)


def test_another_incident_of_the_host_that_is_recovering_is_named(db: Connection) -> None:
    silent(db, on("a", "one"), on("a", "two"))
    failed(db, on("a", "feed"))
    recover(db, "a-feed")
    assert around(db, "a").incidents == (OtherIncident(the_incident(db, "feed").id, "feed recovering"),)


def recover(db: Connection, slug: str) -> None:
    (job,) = [job for job in store.listed(db, limit=99) if job.slug == slug]
    store.save(db, [up(job)])
    desk.clear(db, {symptoms.key_of(job): "heard again"}, DOWN_AT)


def test_checks_without_a_host_are_counted_as_jobs(db: Connection) -> None:
    added(db, up(a_check("alone")), up(on("b", "well")))
    silent(db, on("a", "one"))
    assert around(db, "a").elsewhere == Elsewhere("hosts and jobs", 2, 2)
    silent(db, a_check("lonely"))
    lonely = around(db, "lonely")
    assert (lonely.total, lonely.group) == (1, "")
    assert lonely.elsewhere is not None
    assert (lonely.elsewhere.total, lonely.elsewhere.alive) == (3, 2)


def test_a_failed_job_and_a_silent_one_of_a_host_name_each_other(db: Connection) -> None:
    added(db, up(on("a", "well")))
    silent(db, on("a", "one"), on("a", "two"))
    failed(db, on("a", "feed"))
    theirs = the_incident(db, "feed").id
    host, job = around(db, "a"), around(db, "feed")
    assert host.incidents == (OtherIncident(theirs, "feed failed"),)
    assert host.down_besides == {"failed": 1}
    assert job.incidents == (OtherIncident(the_incident(db, "a").id, "2 jobs silent"),)
    assert (job.group, job.total, job.alive) == ("a", 4, 1)


def test_a_held_symptom_beside_an_incident_is_named_and_not_counted(db: Connection) -> None:
    failed(db, on("a", "feed"))
    silent(db, on("a", "one"), hold=Hold(DOWN_AT + 60 * MINUTE, "maintenance Move"))
    found = around(db, "feed")
    assert found.down_besides == {}
    assert [other.words for other in found.incidents] == ["one silent, held by maintenance Move"]


def test_more_incidents_than_can_be_named_are_counted(db: Connection) -> None:
    silent(db, on("a", "one"))
    failed(db, *(on("a", f"feed-{n}") for n in range(5)))
    found = around(db, "a")
    assert (len(found.incidents), found.more_incidents) == (everywhere.NAMED, 2)


def test_the_same_jobs_elsewhere_are_told_apart_if_they_are_few(db: Connection) -> None:
    added(db, up(on("eu", "reset")), up(on("eu", "rotate")))
    silent(db, on("us", "reset"))
    assert around(db, "us").same_jobs == (GroupState("eu", 2, 2),)
    added(db, life.rearmed(on("asia", "reset"), DOWN_AT))
    assert around(db, "us").same_jobs == (GroupState("eu", 2, 2),), "nothing is expected of the other yet"
    added(db, *(up(on(f"web-{n}", "reset")) for n in range(surroundings.SAME_JOBS)))
    assert around(db, "us").same_jobs == ()


def test_an_incident_whose_group_is_gone_has_no_surroundings(db: Connection) -> None:
    silent(db, on("a", "one"))
    store.remove(db, [job.id for job in store.listed(db, limit=9)])
    assert around(db, "a").total == 0


def test_incidents_get_the_title_of_their_pages(db: Connection) -> None:
    added(db, up(on("a", "well")))
    silent(db, on("a", "one"), on("a", "two"), on("b", "reset"))
    titles = [titled.title for titled in surroundings.titled(db, desk.incidents(db), DOWN_AT)]
    assert sorted(titles) == ["a", "reset (b)"]


def test_with_very_many_checks_a_page_waits_for_no_count_of_all_groups(
    db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    added(db, up(on("a", "well")), up(on("b", "well")))
    silent(db, on("a", "one"))
    monkeypatch.setattr(surroundings, "MOST_COUNTED", 3)
    assert around(db, "a").elsewhere == Elsewhere("hosts", 1, 1)
    monkeypatch.setattr(surroundings, "MOST_COUNTED", 2)
    told = around(db, "a")
    assert told.elsewhere is None
    assert (told.total, told.alive) == (2, 1)


@pytest.mark.parametrize("count", [1, 20, surroundings.DETAILED_AT_ONCE + 1])
def test_the_number_of_statements_does_not_grow_with_the_incidents(db: Connection, count: int) -> None:
    for number in range(count):
        added(db, up(on(f"host-{number}", "well")))
    silent(db, *(on(f"host-{number}", "one") for number in range(count)))
    failed(db, *(on(f"host-{number}", "feed") for number in range(count)))
    incidents = desk.incidents(db, limit=2 * count)
    raised = desk.symptoms(db, [incident.id for incident in incidents])
    statements: list[str] = []

    def note(*args: object) -> None:
        statements.append(str(args[2]))

    event.listen(db, "before_cursor_execute", note)
    found = surroundings.of(db, incidents, raised, DOWN_AT)
    event.remove(db, "before_cursor_execute", note)
    assert len(found) == 2 * count
    assert len(statements) <= 12


def merged(db: Connection, source: str, target: str) -> None:
    """Put the incident of one title into that of another."""
    desk.merge(db, the_incident(db, source).id, the_incident(db, target).id, "Anna", DOWN_AT, Pace())


def test_an_incident_that_took_in_another_is_about_both_groups(db: Connection) -> None:
    added(db, up(on("b", "well")), up(on("c", "well")))
    silent(db, on("a", "one"), on("b", "two"), on("b", "three"))
    merged(db, "b", "a")
    beside = around(db, "a")
    assert (beside.title, beside.group, beside.total) == ("a and b", "", 0)
    assert beside.elsewhere == Elsewhere("hosts", 1, 1, ()), "its own hosts are not beside it"
    assert not beside.same_jobs
    incident = the_incident(db, "a")
    (titled,) = surroundings.titled(db, [incident], DOWN_AT)
    assert titled.title == "a and b"
    jobs = desk.symptoms(db, [incident.id])[incident.id]
    assert extent(jobs, beside, cause.in_words, DOWN_AT) == "3 jobs silent"


def test_another_incident_of_either_group_is_named_beside_one_that_is_about_both(db: Connection) -> None:
    silent(db, on("a", "one"), on("b", "two"))
    failed(db, on("b", "feed"))
    merged(db, "b", "a")
    beside = around(db, "a")
    assert beside.incidents == (OtherIncident(the_incident(db, "feed").id, "feed failed"),)
    assert beside.down_besides == {}
    assert also(beside) == f"Also: incident {the_incident(db, 'feed').id}, feed failed."
    assert around(db, "feed").incidents[0].words == "two silent"


def test_jobs_that_were_split_off_are_about_their_own_group(db: Connection) -> None:
    added(db, up(on("b", "well")))
    silent(db, on("a", "one"), on("b", "two"), on("b", "three"))
    merged(db, "b", "a")
    whole = the_incident(db, "a")
    keys = [job.key for job in desk.symptoms(db, [whole.id])[whole.id] if job.title in ("two", "three")]
    outcome = desk.split(db, whole.id, keys, "Anna", DOWN_AT, Pace())
    assert isinstance(outcome, tuple)
    number = outcome[1]
    incidents = {incident.id: incident for incident in desk.incidents(db)}
    raised = desk.symptoms(db, list(incidents))
    beside = surroundings.of(db, list(incidents.values()), raised, DOWN_AT)
    own, rest = beside[number], beside[whole.id]
    assert (own.title, own.group, own.total, own.alive) == ("b", "b", 3, 1)
    assert (rest.title, rest.group, rest.total) == ("a", "a", 1)
    assert own.elsewhere == Elsewhere("hosts", 1, 0, (f"a (incident {whole.id})",))


def test_jobs_without_a_group_that_were_merged_are_called_by_their_names(db: Connection) -> None:
    silent(db, *(a_check(name) for name in ("one", "two", "three", "four", "five")))
    for name in ("two", "three", "four", "five"):
        merged(db, name, "one")
    assert around(db, "one").title == "one, two, three and 2 more"


def placed(key: str, slug: str) -> Check:
    """A check in a group of the levels host and scheduler."""
    return replace(a_check(slug), group_key=key)


def silent_as_a_whole(db: Connection, level: str, title: str, *jobs: Check) -> None:
    """Raise the silence of jobs at a level."""
    changes = [(life.fallen_silent(job, DOWN_AT), job) for job in added(db, *jobs)]
    store.save(db, [change.check for change, _ in changes])
    raised = symptoms.of_falls(db, [symptoms.Fall(change, job) for change, job in changes], DOWN_AT)
    key = cause.incident_key("silent", None, level)
    desk.raise_(db, [replace(symptom, cause_key=key, incident_title=title) for symptom in raised], DOWN_AT)


def test_hosts_that_name_no_scheduler_are_not_counted_as_schedulers(db: Connection) -> None:
    added(db, up(placed("host=a>scheduler=cron", "one")), up(placed("host=a>scheduler=timers", "two")))
    added(db, up(placed("host=b>scheduler=", "three")))
    silent(db, placed("host=c>scheduler=cron", "four"))
    assert around(db, "c cron").elsewhere == Elsewhere("schedulers and hosts", 3, 3)
    silent(db, placed("host=d>scheduler=", "five"))
    beside = around(db, "d without scheduler")
    assert (beside.group, beside.beside_job) == ("d without scheduler", "d")
    number = the_incident(db, "c cron").id
    assert beside.elsewhere == Elsewhere("schedulers and hosts", 4, 3, (f"c cron (incident {number})",))
    number = the_incident(db, "d without scheduler").id
    elsewhere = around(db, "c cron").elsewhere
    assert elsewhere == Elsewhere("schedulers and hosts", 4, 3, (f"d (incident {number})",))


def test_an_incident_of_a_level_is_named_once_for_all_groups_in_it(db: Connection) -> None:
    added(db, up(placed("host=b>scheduler=cron", "well")))
    down = ("host=a>scheduler=cron", "host=a>scheduler=timers", "host=a>scheduler=")
    silent_as_a_whole(db, "host=a>=", "a", *(placed(key, f"job-{place}") for place, key in enumerate(down)))
    silent(db, placed("host=c>scheduler=cron", "other"))
    number = the_incident(db, "a").id
    assert around(db, "c cron").elsewhere == Elsewhere(
        "schedulers and hosts", 4, 1, (f"a (incident {number})",), covered=3
    )
    assert around(db, "a").elsewhere == Elsewhere(
        "schedulers", 2, 1, (f"c cron (incident {the_incident(db, 'c cron').id})",)
    ), "all of the level is its own"
