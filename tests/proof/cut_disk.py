"""A disk in memory whose power can be cut: SQLite writes to it, and what was not synced may be lost.

A write is one sector after the other. At a cut, each sector of a write that was not synced lands whole, in part or not
at all, in any order. So do new lengths of files, and deleted and new files whose directory was not synced. Nothing else
changes: `POWERSAFE_OVERWRITE` is what SQLite assumes of disks on Linux too.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

import apsw

SECTOR = 512
NAME = "cut"
"""The name under which SQLite knows the disk."""
_LOGS = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL


class PowerCut(Exception):
    """The power is gone. What is left is in `Disk.survivors`."""


class Doing(StrEnum):
    """What the disk did when the power went."""

    LOG_WRITE = "a write to the log"
    LOG_SYNC = "a sync of the log"
    DATABASE_WRITE = "a checkpoint, a write to the database"
    DATABASE_SYNC = "a checkpoint, a sync of the database"
    REMOVAL = "the removal of the log"


CHECKPOINT = frozenset({Doing.DATABASE_WRITE, Doing.DATABASE_SYNC})


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes that were written and not synced; without bytes, a length that was set."""

    offset: int
    data: bytes | None = None


@dataclass(slots=True)
class File:
    """A file: as the process sees it, as it was synced, and what was written since."""

    data: bytearray = field(default_factory=bytearray)
    synced: bytearray = field(default_factory=bytearray)
    unsynced: list[Write] = field(default_factory=list)

    def write(self, write: Write) -> None:
        _apply(self.data, write.offset, write.data)
        self.unsynced.append(write)

    def sync(self) -> None:
        for write in self.unsynced:
            _apply(self.synced, write.offset, write.data)
        self.unsynced.clear()

    def after_cut(self, random: Random, kept: float) -> "File":
        """What is left of it, when each unsynced sector lands with the probability `kept`."""
        left = bytearray(self.synced)
        for write in self.unsynced:
            if write.data is None:
                if random.random() < kept:
                    _apply(left, write.offset, None)
                continue
            for start, sector in _sectors(write):
                if random.random() < kept:
                    _apply(left, start, sector)
                elif random.random() < kept:
                    _apply(left, start, sector[: random.randrange(len(sector))])
        return File(bytearray(left), left)


class Disk:
    """Files by name. After `cut_after` operations the power goes, and with it everything that was not synced."""

    def __init__(self, random: Random, files: dict[str, File] | None = None) -> None:
        self.files = files or {}
        self.survivors: Disk | None = None
        self.doing = Doing.REMOVAL
        self.operations = 0
        """Operations so far."""
        self._random = random
        self._entries = dict(self.files)
        """The directory as it was synced."""
        self._left: int | None = None
        self._counted: Collection[Doing] = ()

    def cut_after(self, operations: int, counted: Collection[Doing] = frozenset(Doing)) -> None:
        """Cut the power in the operation after so many of those that are counted."""
        self._left, self._counted = operations, counted

    def copy(self, random: Random) -> "Disk":
        """A disk with the same files, all of them synced."""
        files = {name: File(bytearray(file.data), bytearray(file.data)) for name, file in self.files.items()}
        return Disk(random, files)

    def write(self, name: str, write: Write) -> None:
        self._must_have_power()
        self.files[name].write(write)
        self._operate(Doing.LOG_WRITE if name.endswith("-wal") else Doing.DATABASE_WRITE)

    def sync(self, name: str, *, directory: bool = False) -> None:
        """Sync this file, and with it the names of all files."""
        self._must_have_power()
        self._operate(Doing.LOG_SYNC if name.endswith("-wal") else Doing.DATABASE_SYNC)
        self.files[name].sync()
        if directory:
            self._entries = dict(self.files)

    def open(self, name: str) -> bool:
        """Make sure that this file exists. Return whether it is new."""
        is_new = name not in self.files
        self.files.setdefault(name, File())
        return is_new

    def delete(self, name: str, *, directory: bool) -> None:
        """Remove this file; `directory` is as for `sync`."""
        self._must_have_power()
        self._operate(Doing.REMOVAL)
        del self.files[name]
        if directory:
            self._entries = dict(self.files)

    def _operate(self, doing: Doing) -> None:
        self.operations += 1
        if self._left is None or doing not in self._counted:
            return
        if self._left == 0:
            self.doing = doing
            self._cut()
        self._left -= 1

    def _cut(self) -> None:
        kept = self._random.choice((0.0, 1.0, self._random.random()))
        left: dict[str, File] = {}
        for name in self.files.keys() | self._entries.keys():
            entries: Sequence[File | None] = (self.files.get(name), self._entries.get(name))
            file = self._random.choice(entries)
            if file is not None:
                left[name] = file.after_cut(self._random, kept)
        self.survivors = Disk(self._random, left)
        raise PowerCut(self.doing)

    def _must_have_power(self) -> None:
        if self.survivors is not None:
            raise PowerCut(self.doing)


class CutVfs(apsw.VFS):
    """The way of SQLite to the disk that is put in. One connection uses it at a time, so it knows no locks."""

    def __init__(self) -> None:
        super().__init__(NAME, "")
        self.disk = Disk(Random(0))

    def xOpen(  # type: ignore[override]  # whatever has the methods of a file will do
        self, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> "OpenFile":
        assert name is not None, "SQLite keeps its temporary files in memory"
        path = name if isinstance(name, str) else name.filename()
        flags[1] = flags[0]
        return OpenFile(self.disk, path, flags[0])

    def xFullPathname(self, name: str) -> str:
        return name

    def xAccess(self, pathname: str, flags: int) -> bool:
        return pathname in self.disk.files

    def xDelete(self, filename: str, syncdir: bool) -> None:
        self.disk.delete(filename, directory=syncdir)


class OpenFile:
    """A file as SQLite uses it."""

    def __init__(self, disk: Disk, name: str, flags: int) -> None:
        self._disk = disk
        self._name = name
        # With the first sync of a new log, SQLite syncs the directory.
        self._syncs_directory = disk.open(name) and bool(flags & _LOGS)

    def xRead(self, amount: int, offset: int) -> bytes:
        return bytes(self._disk.files[self._name].data[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.write(self._name, Write(offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:
        self._disk.write(self._name, Write(newsize))

    def xSync(self, _flags: int) -> None:
        self._disk.sync(self._name, directory=self._syncs_directory)
        self._syncs_directory = False

    def xFileSize(self) -> int:
        return len(self._disk.files[self._name].data)

    def xSectorSize(self) -> int:
        return SECTOR

    def xDeviceCharacteristics(self) -> int:
        return apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE

    def xFileControl(self, _op: int, _pointer: int) -> bool:
        return False

    def xLock(self, _level: int) -> None: ...

    def xUnlock(self, _level: int) -> None: ...

    def xCheckReservedLock(self) -> bool:
        return False

    def xClose(self) -> None: ...


def _apply(data: bytearray, offset: int, written: bytes | None) -> None:
    """Write there, or set the length where nothing is written."""
    if written is None:
        if offset < len(data):
            del data[offset:]
        else:
            data.extend(bytes(offset - len(data)))
        return
    if offset > len(data):
        data.extend(bytes(offset - len(data)))
    data[offset : offset + len(written)] = written


def _sectors(write: Write) -> list[tuple[int, bytes]]:
    """The parts of a write that lie in one sector each, with their offsets."""
    assert write.data is not None
    first = write.offset // SECTOR * SECTOR
    end = write.offset + len(write.data)
    parts = []
    for sector in range(first, end, SECTOR):
        start = max(sector, write.offset)
        parts.append((start, write.data[start - write.offset : sector + SECTOR - write.offset]))
    return parts
