"""Test pages of the command line, sent from here because nobody serves the database."""

import secrets
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection

from alerting import desk
from alerting.notifiers import push
from alerting.person import Contact, Person
from heartbeat import vault
from heartbeat.database import Database, transact
from heartbeat.operations import trials
from heartbeat.settings import Settings
from tests.push_service import SubscribedBrowser
from tests.unit.conftest import NOW

SECRET = "a-secret-key-for-tests-that-is-long"
ANNA = Person("anna", "Anna", (Contact("console", "terminal"),))


async def test_a_device_gets_its_test_page_signed_and_only_the_address_guard_stops_it(
    make_database_url: Callable[[str], str], tmp_path: Path
) -> None:
    def add(db: Connection) -> None:
        inside = push.subscription(SubscribedBrowser("https://127.0.0.1:9/send/1").subscription)
        keys = vault.with_keys([SECRET], secrets.token_bytes)
        desk.install(db, [ANNA], [], {})
        sealed = keys.seal(inside.address, "person anna push")
        desk.add_device(db, "anna", "Chrome on Android", sealed, "hash", NOW)

    database = Database(make_database_url("sqlite"))
    transact(database.writer, add)
    database.close()
    settings = Settings(data_dir=tmp_path, database_url=str(database.writer.url), secret_key=SECRET)
    device, console = await trials.send(settings, "anna")
    assert (device.kind, device.outcome) == ("push", "refused")
    assert "127.0.0.1" in device.said
    assert (console.kind, console.outcome) == ("console", "accepted")
