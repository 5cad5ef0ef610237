"""The rules of edits that hold for every kind of definition."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest
from sqlalchemy import Connection

from alerting.origin import Origin
from heartbeat import audit
from heartbeat.definitions import kind as kinds
from heartbeat.definitions.kind import Edit, InUse, Kind, OwnedByFile
from heartbeat.definitions.single import Faulty
from tests.unit.definitions.edit.conftest import db, edit_by_anna

__all__ = ["db"]


@dataclass(frozen=True)
class Song:
    """A definition of one line."""

    line: str
    origin: Origin = Origin.API


@dataclass
class Book:
    """A store of songs."""

    songs: dict[str, Song] = field(default_factory=dict)

    def kind(self) -> Kind[Song]:
        """Songs as a kind of definition."""

        def read(_edit: Edit, _name: str, fields: Mapping[str, object]) -> Song:
            if "line" not in fields:
                raise Faulty(["line: must be given."])
            return Song(str(fields["line"]))

        def put(_db: Connection, name: str, song: Song) -> None:
            self.songs[name] = song

        return Kind(
            name="folk song",
            plural="folk songs",
            read=read,
            load=lambda _db: dict(self.songs),
            put=put,
            remove=lambda _db, name: self.songs.__delitem__(name),
            written=lambda _name, song: {"line": song.line},
        )


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def edit(db: Connection) -> Edit:  # The fixture that is imported.
    return edit_by_anna(db)


def deeds(edit: Edit) -> list[tuple[str, object, object]]:
    return [(deed.action, deed.before, deed.after) for deed in reversed(audit.listed(edit.db, limit=10))]


def test_a_definition_is_added_changed_and_deleted_with_a_record_of_each(edit: Edit, book: Book) -> None:
    added = kinds.define(edit, book.kind(), "rose", {"line": "a"})
    changed = kinds.define(edit, book.kind(), "rose", {"line": "b"})
    assert (added.is_new, added.changed) == (True, True)
    assert (changed.previous, changed.current, changed.is_new) == (Song("a"), Song("b"), False)
    assert kinds.delete(edit, book.kind(), "rose") == Song("b")
    assert kinds.delete(edit, book.kind(), "rose") is None
    assert deeds(edit) == [
        ("folk_song.make", None, {"line": "a"}),
        ("folk_song.change", {"line": "a"}, {"line": "b"}),
        ("folk_song.delete", {"line": "b"}, None),
    ]
    assert {deed.target for deed in audit.listed(edit.db, limit=10)} == {"folk song rose"}


def test_equal_fields_change_nothing(edit: Edit, book: Book) -> None:
    kinds.define(edit, book.kind(), "rose", {"line": "a"})
    assert not kinds.define(edit, book.kind(), "rose", {"line": "a"}).changed
    shouted = replace(book.kind(), same=lambda previous, current: previous.line == current.line.lower())
    assert kinds.define(edit, shouted, "rose", {"line": "A"}).current == Song("a")
    assert len(deeds(edit)) == 1


def test_a_definition_of_the_file_is_neither_changed_nor_deleted(edit: Edit, book: Book) -> None:
    book.songs["rose"] = Song("a", Origin.FILE)
    with pytest.raises(OwnedByFile, match=r"folk song rose"):
        kinds.define(edit, book.kind(), "rose", {"line": "b"})
    with pytest.raises(OwnedByFile, match=r"folk song rose"):
        kinds.delete(edit, book.kind(), "rose")
    assert book.songs == {"rose": Song("a", Origin.FILE)}
    assert deeds(edit) == []


def test_a_definition_that_is_used_is_not_deleted(edit: Edit, book: Book) -> None:
    kinds.define(edit, book.kind(), "rose", {"line": "a"})
    used = replace(book.kind(), used_by=lambda _db, name: f"A choir sings {name}.")
    with pytest.raises(InUse, match=r"^A choir sings rose\.$"):
        kinds.delete(edit, used, "rose")
    assert "rose" in book.songs


def test_a_full_kind_takes_changes_but_no_new_definition(edit: Edit, book: Book) -> None:
    full = replace(book.kind(), limit=1)
    kinds.define(edit, full, "rose", {"line": "a"})
    with pytest.raises(Faulty, match=r"^folk song oak: there are 1 folk songs"):
        kinds.define(edit, full, "oak", {"line": "a"})
    assert kinds.define(edit, full, "rose", {"line": "b"}).changed


@pytest.mark.parametrize("stored", [{}, {"rose": Song("a")}])
def test_the_precondition_sees_the_previous_definition_before_anything_is_read(
    edit: Edit, stored: dict[str, Song]
) -> None:
    book = Book(dict(stored))
    previous: list[Song | None] = []

    def refuse(song: Song | None) -> None:
        previous.append(song)
        raise LookupError

    with pytest.raises(LookupError):
        kinds.define(edit, book.kind(), "rose", {}, refuse)
    assert previous == [stored.get("rose")]
    assert book.songs == stored
