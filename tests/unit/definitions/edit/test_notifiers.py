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


def define(db: Connection, kind: str, **given: Any) -> Setup:
    return kinds.define(edit_by_anna(db), NOTIFIER, kind, given).current


def deeds(db: Connection) -> list[str]:
    return [one.action for one in reversed(audit.listed(db, limit=100))]


def test_a_secret_setting_is_encrypted_and_shown_to_nobody(db: Connection) -> None:
    define(db, "email", **MAIL)
    kept = desk.notifier_settings.load(db)["email"]
    assert (kept.origin, kept.changed_at, kept.changed_by) == ("api", NOW, "anna")
    assert kept.settings["smtp"] == MAIL["smtp"]
    assert vault.is_sealed(kept.settings["password"])
    assert KEYS.open(kept.settings["password"], registry.about("email", "password")) == "correct horse"
    (deed,) = audit.listed(db, limit=10)
    assert (deed.action, deed.target, deed.before) == ("notifier.make", "notifier email", None)
    assert deed.after == MAIL | {"password": "(secret)"}


def test_null_keeps_the_secret_that_there_is(db: Connection) -> None:
    before = define(db, "email", **MAIL)
    after = define(db, "email", **MAIL | {"from": "pages@example.com", "password": None})
    assert after.settings["password"] == before.settings["password"]
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
def test_what_is_wrong_is_said(db: Connection, kind: str, given: dict[str, Any], words: str) -> None:
    with pytest.raises(Faulty) as refused:
        define(db, kind, **given)
    assert words in str(refused.value)
    assert deeds(db) == []


def test_what_the_file_sets_up_stays_the_files(db: Connection) -> None:
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
    found = desk.notifier_settings.load(db)
    assert {kind: setup.origin for kind, setup in found.items()} == {"ntfy": "file", "webhook": "api"}
    assert desk.notifiers(db, Origin.FILE) == {"ntfy": {"token": "${NTFY_TOKEN}"}}


def test_what_somebody_is_reached_by_cannot_go(db: Connection) -> None:
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
