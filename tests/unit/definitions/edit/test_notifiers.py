"""Notifiers set up outside of the file: their secrets, and what the file owns."""

import secrets
from typing import Any

import pytest
from sqlalchemy import Connection

from alerting import desk
from alerting.notifiers import registry
from alerting.notifiers.registry import Setup
from alerting.origin import Origin
from heartbeat import audit, vault
from heartbeat.definitions import kind as kinds
from heartbeat.definitions.edit.notifiers import NOTIFIER
from heartbeat.definitions.edit.people import PERSON
from heartbeat.definitions.kind import InUse, OwnedByFile
from heartbeat.definitions.single import Faulty
from tests.unit.conftest import FIRST, NOW
from tests.unit.definitions.edit.conftest import KEYS, OPS, edit_by_anna

MAIL = {
    "smtp": "smtp://mail.example.com",
    "from": "hb@example.com",
    "username": "hb",
    "password": "correct horse",
}


def define(db: Connection, kind: str, **settings: Any) -> Setup:
    return kinds.define(edit_by_anna(db), NOTIFIER, kind, settings).current


def deeds(db: Connection) -> list[str]:
    return [deed.action for deed in reversed(audit.listed(db, limit=100))]


def test_a_secret_setting_is_encrypted_and_shown_to_nobody(db: Connection) -> None:
    define(db, "email", **MAIL)
    setup = desk.notifier_settings.load(db)["email"]
    assert (setup.origin, setup.changed_at, setup.changed_by) == ("api", NOW, "anna")
    assert setup.settings["smtp"] == MAIL["smtp"]
    assert vault.is_sealed(setup.settings["password"])
    assert KEYS.open(setup.settings["password"], registry.about("email", "password")) == "correct horse"
    (deed,) = audit.listed(db, limit=10)
    assert (deed.action, deed.target, deed.before) == ("notifier.make", "notifier email", None)
    assert deed.after == MAIL | {"password": "(secret)"}


def test_null_keeps_the_secret_that_there_is(db: Connection) -> None:
    old = define(db, "email", **MAIL)
    new = define(db, "email", **MAIL | {"from": "pages@example.com", "password": None})
    assert new.settings["password"] == old.settings["password"]
    assert deeds(db) == ["notifier.make", "notifier.change"]


@pytest.mark.parametrize("password", ["correct horse", None])
def test_the_same_again_is_written_down_once(db: Connection, password: str | None) -> None:
    first = define(db, "email", **MAIL)
    assert define(db, "email", **MAIL | {"password": password}) == first
    assert deeds(db) == ["notifier.make"]


@pytest.mark.parametrize(
    ("kind", "given", "words"),
    [
        ("emial", {}, "there is no notifier 'emial'"),
        ("ntfy", {"tokn": "x"}, "tokn is not a setting here; the settings are: token"),
        ("ntfy", {"token": "${NTFY_TOKEN}"}, "stands for a secret only in the configuration file"),
        ("ntfy", {"token": None}, "notifier ntfy.token: there is no value to keep; write one."),
        ("ntfy", {"token": 7}, "token: must be text"),
        ("email", {"smtp": "smtp://mail.example.com"}, "from"),
        ("webhook", {"secret": "abc"}, "secret must be whsec_"),
    ],
)
def test_problems_are_reported(db: Connection, kind: str, given: dict[str, Any], words: str) -> None:
    with pytest.raises(Faulty) as refused:
        define(db, kind, **given)
    assert words in str(refused.value)
    assert deeds(db) == []


def test_settings_of_the_file_stay_with_the_file(db: Connection) -> None:
    desk.install(db, [FIRST], [OPS], {"ntfy": {"token": "${NTFY_TOKEN}"}})
    with pytest.raises(OwnedByFile, match="The configuration file declares notifier ntfy: change it there"):
        define(db, "ntfy", token="tk_other")
    with pytest.raises(OwnedByFile, match="delete it there"):
        kinds.delete(edit_by_anna(db), NOTIFIER, "ntfy")


def test_the_file_replaces_what_it_owns_and_takes_over_what_it_names(db: Connection) -> None:
    define(db, "ntfy", token="tk_one")
    define(db, "webhook", secret="whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3")
    desk.install(db, [FIRST], [OPS], {"ntfy": {"token": "${NTFY_TOKEN}"}, "slack": {}})
    desk.install(db, [FIRST], [OPS], {"ntfy": {"token": "${NTFY_TOKEN}"}})
    setups = desk.notifier_settings.load(db)
    assert {kind: setup.origin for kind, setup in setups.items()} == {"ntfy": "file", "webhook": "api"}
    assert desk.notifiers(db, Origin.FILE) == {"ntfy": {"token": "${NTFY_TOKEN}"}}


def test_a_notifier_in_use_is_not_deleted(db: Connection) -> None:
    define(db, "email", **MAIL)
    define(db, "ntfy", token="tk_one")
    contacts = [{"email": "anna@example.com"}, {"ntfy": "https://ntfy.example.com/anna"}]
    kinds.define(edit_by_anna(db), PERSON, "anna", {"contacts": contacts})
    with pytest.raises(InUse, match="Person anna is reached by email: take that contact away first"):
        kinds.delete(edit_by_anna(db), NOTIFIER, "email")
    # Without its token ntfy still reaches topics that are open.
    assert kinds.delete(edit_by_anna(db), NOTIFIER, "ntfy") is not None
    assert kinds.delete(edit_by_anna(db), NOTIFIER, "ntfy") is None
    assert deeds(db)[-1] == "notifier.delete"


def test_a_key_that_is_gone_is_said_and_the_secret_can_be_entered_anew(db: Connection) -> None:
    define(db, "ntfy", token="tk_one")
    other = vault.with_keys(["another key that is long enough, too"], secrets.token_bytes)
    with pytest.raises(Faulty, match="which is not known here"):
        NOTIFIER.read(edit_by_anna(db, other), "ntfy", {"token": None})
    anew = NOTIFIER.read(edit_by_anna(db, other), "ntfy", {"token": "tk_one"})
    assert other.open(anew.settings["token"], registry.about("ntfy", "token")) == "tk_one"
