"""Ping keys that the service makes: shown once, kept as a hash, gone when revoked."""

from dataclasses import replace
from hashlib import sha256

import pytest
from sqlalchemy import Connection

from alerting.origin import Origin
from heartbeat import audit
from heartbeat.definitions import kind as kinds
from heartbeat.definitions.edit import ping_keys as edit
from heartbeat.definitions.edit.ping_keys import PING_KEY, make
from heartbeat.definitions.kind import InUse, OwnedByFile
from heartbeat.definitions.ping_key import SHORTEST_KEY
from heartbeat.definitions.single import Faulty
from heartbeat.pings import keys
from tests.unit.conftest import NOW
from tests.unit.definitions.edit.conftest import edit_by_anna


def test_a_key_is_made_once_and_revoked(db: Connection) -> None:
    made, clear = make(edit_by_anna(db), "house")
    hashed = sha256(clear.encode()).hexdigest()
    assert len(clear) >= SHORTEST_KEY
    assert (made.name, made.hash, made.origin, made.made_at, made.made_by) == (
        "house",
        hashed,
        "api",
        NOW,
        "anna",
    )
    assert keys.names(db, [hashed]) == {hashed: "house"}
    with pytest.raises(
        InUse, match=r"^There is a ping key house already: revoke it first, or choose another"
    ):
        make(edit_by_anna(db), "house")
    assert kinds.delete(edit_by_anna(db), PING_KEY, "house") == made
    assert kinds.delete(edit_by_anna(db), PING_KEY, "house") is None
    assert keys.names(db, [hashed]) == {}
    deeds = audit.listed(db, limit=10)
    assert [one.action for one in deeds] == ["ping_key.revoke", "ping_key.make"]
    assert clear not in repr(deeds)
    assert hashed not in repr(deeds)


def test_two_keys_differ(db: Connection) -> None:
    assert make(edit_by_anna(db), "one")[1] != make(edit_by_anna(db), "two")[1]


def test_a_key_of_the_file_is_revoked_in_the_file(db: Connection) -> None:
    keys.replace(db, {"house": "00"}, Origin.FILE)
    with pytest.raises(
        OwnedByFile, match=r"^The configuration file declares ping key house: delete it there\.$"
    ):
        kinds.delete(edit_by_anna(db), PING_KEY, "house")


def test_a_key_needs_a_name_and_there_can_be_only_so_many(
    db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Faulty, match=r"^name: 'A b' cannot be a name"):
        make(edit_by_anna(db), "A b")
    monkeypatch.setattr(edit, "PING_KEY", replace(PING_KEY, limit=1))
    make(edit_by_anna(db), "one")
    with pytest.raises(
        Faulty, match=r"^ping key two: there are 1 ping keys already, the most there can be\.$"
    ):
        make(edit_by_anna(db), "two")
