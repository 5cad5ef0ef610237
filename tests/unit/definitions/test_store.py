"""The SQL of the configuration: the facts at its top, its status pages, and everything that one origin has defined."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection, make_url

from alerting import desk
from alerting.origin import Origin
from heartbeat.checks import level_store
from heartbeat.checks.cause import GROUP_BY
from heartbeat.checks.check import Check
from heartbeat.checks.definition import CheckDefinition
from heartbeat.database import engine, transact
from heartbeat.definitions import store
from heartbeat.definitions.model import Configuration
from heartbeat.definitions.status_page import Component, Group, Regions, StatusPage
from heartbeat.definitions.tables import status_pages
from heartbeat.pings import keys as ping_keys
from heartbeat.pings.keys import PingKey
from tests.unit.conftest import FIRST, NOW, a_check, waiting

Insert = Callable[[Connection, list[Check]], dict[str, Check]]
MAIL = Component(
    "Mail",
    {"service": "mail"},
    "In and out",
    False,
    "Messages",
    silent_means="not working",
    progress="repair",
)
PUBLIC = StatusPage(
    "public",
    "Example status",
    (MAIL,),
    groups=(Group("Messages", "Mail and chat"),),
    regions=Regions("region", {"us": "United States"}),
    description="All services",
    url="https://example.com",
    support="mailto:help@example.com",
    timezone="Europe/Berlin",
    logo="data:image/png;base64,AAAA",
    automatic=True,
)
PLAIN = StatusPage("plain", "Plain status", (Component("Mail", {"service": "mail"}),), origin=Origin.API)


def origins(db: Connection) -> dict[str, Origin]:
    return {slug: page.origin for slug, page in store.status_pages_of(db).items()}


def test_a_status_page_comes_back_as_it_was_written(db: Connection) -> None:
    store.put_status_pages(db, [PUBLIC, PLAIN])

    assert store.status_pages_of(db) == {"plain": PLAIN, "public": PUBLIC}
    assert list(store.status_pages_of(db)) == ["plain", "public"]
    assert store.status_pages_of(db, Origin.FILE) == {"public": PUBLIC}
    assert origins(db) == {"plain": Origin.API, "public": Origin.FILE}


def test_a_status_page_that_an_earlier_release_wrote_is_read(db: Connection) -> None:
    components = [{"name": "Mail", "match": {"service": "mail"}, "description": "Messages"}]
    row = {"slug": "early", "title": "Early status", "components": components, "details": None}
    db.execute(status_pages.insert().values(**row))

    component = Component("Mail", {"service": "mail"}, "Messages")
    assert store.status_pages_of(db) == {"early": StatusPage("early", "Early status", (component,))}


def test_a_status_page_is_written_over_the_one_of_its_slug(db: Connection) -> None:
    store.put_status_pages(db, [PUBLIC, PLAIN])
    changed = replace(PUBLIC, title="Other status")
    store.put_status_pages(db, [changed])
    assert store.status_pages_of(db) == {"plain": PLAIN, "public": changed}


def test_status_pages_are_removed_by_slug_and_by_origin(db: Connection) -> None:
    store.put_status_pages(db, [PUBLIC, PLAIN, replace(PLAIN, slug="other")])
    store.remove_status_pages(db, ["plain", "unknown"])
    assert origins(db) == {"other": Origin.API, "public": Origin.FILE}
    store.remove_status_pages(db, origin=Origin.API)
    assert origins(db) == {"public": Origin.FILE}


def test_replacing_the_status_pages_of_the_file_keeps_others_except_under_its_slugs(db: Connection) -> None:
    store.put_status_pages(db, [PUBLIC, PLAIN, replace(PLAIN, slug="other")])
    store.replace_status_pages(db, [replace(PUBLIC, slug="new"), replace(PUBLIC, slug="plain")])
    assert origins(db) == {"new": Origin.FILE, "other": Origin.API, "plain": Origin.FILE}


def test_a_new_database_has_the_default_configuration(db: Connection) -> None:
    assert level_store.group_by(db) == GROUP_BY
    assert store.load(db, []) == Configuration()


def test_the_facts_at_the_top_of_a_configuration_come_back(db: Connection) -> None:
    configuration = Configuration(
        group_by=(),
        gathering=timedelta(),
        acknowledge_for=timedelta(minutes=90),
        policy="ops",
        ping_key_references={"housekeeping": "${HEARTBEAT_PING_KEY}"},
    )
    store.remember_facts(db, Configuration())
    store.remember_facts(db, configuration)
    assert level_store.group_by(db) == ()
    assert store.load(db, []) == configuration


def test_a_configuration_holds_only_the_definitions_of_its_origin(db: Connection, insert: Insert) -> None:
    checks = insert(db, [a_check("declared", origin=Origin.FILE), a_check("made", origin=Origin.API)])
    store.put_status_pages(db, [PUBLIC, PLAIN])
    ping_keys.add(db, PingKey("housekeeping", "hash", Origin.API, NOW, "anna"))

    declared, entered = (store.load(db, checks.values(), origin) for origin in (Origin.FILE, Origin.API))

    assert declared.checks == {"declared": CheckDefinition.of(checks["declared"])}
    assert entered.checks == {"made": CheckDefinition.of(checks["made"])}
    assert (declared.status_pages, entered.status_pages) == ({"public": PUBLIC}, {"plain": PLAIN})
    assert (declared.ping_keys, entered.ping_keys) == ({}, {"housekeeping": "hash"})
    assert (declared.people, entered.people) == ({"first": FIRST}, {})
    assert (declared.policies, entered.policies) == (desk.policies(db), {})


def test_of_two_processes_that_define_the_second_waits_for_its_turn(
    make_database_url: Callable[[str], str],
) -> None:
    writer = engine(make_url(make_database_url("postgres")), writing=True)

    def define(db: Connection) -> list[str]:
        store.wait_for_turn(db)
        return list(store.status_pages_of(db))

    try:
        with ThreadPoolExecutor(1) as thread, writer.connect() as db, db.begin():
            store.wait_for_turn(db)
            second = thread.submit(transact, writer, define)
            assert any(waiting(writer) for _ in range(5_000))
            store.put_status_pages(db, [PUBLIC])
            db.commit()
        assert second.result() == ["public"]
    finally:
        writer.dispose()
