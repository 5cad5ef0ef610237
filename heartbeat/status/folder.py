"""The folder of published pages: each file whole or not at all, and a page's index after what it refers to."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from heartbeat.status import edition
from heartbeat.status.edition import Edition

LARGEST = 5_000_000
"""Bytes of a file that is read back; none of ours is larger."""


def write(folder: Path, printed: Edition) -> bool:
    """Put an edition in its place and take away what is no part of it; whether anything but the time has changed."""
    home = folder / printed.slug
    known = _read(home)
    changed = {path: content for path, content in printed.files.items() if known.get(path) != content}
    for path, content in changed.items():
        _put(home / path, content)
    gone = known.keys() - printed.files.keys()
    for path in gone:
        (home / path).unlink(missing_ok=True)
    return bool(gone or changed.keys() - {edition.AS_OF})


def remove(folder: Path, slug: str) -> None:
    """Take a page away."""
    home = folder / slug
    for path in _read(home):
        (home / path).unlink(missing_ok=True)
    for directory in sorted((one for one in home.rglob("*") if one.is_dir()), reverse=True):
        directory.rmdir()
    if home.is_dir():
        home.rmdir()


def read(folder: Path) -> dict[str, Edition]:
    """The editions that lie there, by slug."""
    homes = sorted(home for home in folder.iterdir() if home.is_dir()) if folder.is_dir() else []
    found = (edition.read_back(home.name, _read(home)) for home in homes)
    return {one.slug: one for one in found if one is not None}


def _read(home: Path) -> Mapping[str, bytes]:
    files = (path for path in home.rglob("*") if path.is_file() and not path.is_symlink())
    return {
        path.relative_to(home).as_posix(): path.read_bytes()
        for path in files
        if not path.name.startswith(".") and path.stat().st_size <= LARGEST
    }


def _put(path: Path, content: bytes) -> None:
    """Write beside, onto the disk, then rename: whoever reads sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number, draft = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # A web server of another user reads them too.
        Path(draft).chmod(0o644)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
