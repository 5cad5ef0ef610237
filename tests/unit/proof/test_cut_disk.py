"""The disk whose power is cut: it keeps what was synced, and no more than that for sure."""

from random import Random

import pytest

from tests.proof.cut_disk import CHECKPOINT, SECTOR, Disk, Doing, File, PowerCut, Write

LOG, DATABASE = "main.db-wal", "main.db"
OLD, NEW = b"o" * 3 * SECTOR, b"n" * 3 * SECTOR


def left(seed: int, *, synced: bool) -> bytes:
    """What is left of a file that was written twice, and synced once or twice."""
    disk = Disk(Random(seed), {DATABASE: File()})
    disk.write(DATABASE, Write(0, OLD))
    disk.sync(DATABASE)
    disk.write(DATABASE, Write(0, NEW))
    if synced:
        disk.sync(DATABASE)
    return bytes(cut(disk).files[DATABASE].data)


def cut(disk: Disk) -> Disk:
    """What is left of the disk after a cut in a write to another file."""
    disk.open("other")
    disk.cut_after(0)
    with pytest.raises(PowerCut):
        disk.write("other", Write(0, b"x"))
    assert disk.survivors is not None
    return disk.survivors


def test_what_was_synced_survives_every_cut() -> None:
    assert {left(seed, synced=True) for seed in range(50)} == {NEW}


def test_what_was_not_synced_is_lost_kept_or_torn() -> None:
    found = {left(seed, synced=False) for seed in range(50)}
    assert {OLD, NEW} < found
    torn_sectors = [data for data in found if {data[n * SECTOR] for n in range(3)} == set(b"on")]
    torn_within = [data for data in found if len(set(data[:SECTOR])) == 2]
    assert torn_sectors
    assert torn_within


def test_a_file_whose_directory_was_not_synced_may_vanish_or_return() -> None:
    def names(seed: int) -> tuple[str, ...]:
        disk = Disk(Random(seed))
        disk.open(LOG)
        disk.sync(LOG, directory=True)
        disk.delete(LOG, directory=False)
        disk.open(DATABASE)
        disk.sync(DATABASE)
        return tuple(sorted(cut(disk).files.keys() - {"other"}))

    assert {names(seed) for seed in range(50)} == {(), (LOG,), (DATABASE,), (DATABASE, LOG)}


def test_without_power_nothing_is_written() -> None:
    disk = Disk(Random(1))
    cut(disk)
    disk.open(LOG)
    with pytest.raises(PowerCut):
        disk.write(LOG, Write(0, b"x"))
    with pytest.raises(PowerCut):
        disk.sync(LOG)


def test_the_power_goes_in_the_operation_that_was_chosen() -> None:
    disk = Disk(Random(1))
    disk.open(LOG)
    disk.open(DATABASE)
    disk.cut_after(1, CHECKPOINT)
    disk.write(LOG, Write(0, b"x"))
    disk.write(DATABASE, Write(0, b"x"))
    disk.sync(LOG, directory=True)
    with pytest.raises(PowerCut):
        disk.sync(DATABASE)
    assert disk.doing is Doing.DATABASE_SYNC
