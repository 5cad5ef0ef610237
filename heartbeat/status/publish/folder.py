"""The folder of published pages. Each file is written whole, and a page's index after the files it refers to."""

import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from heartbeat.status.publish import edition
from heartbeat.status.publish.edition import Edition

LARGEST = 5_000_000
"""The largest file in bytes that is read back. None of ours is larger."""


def write(folder: Path, new: Edition) -> bool:
    """Write an edition and remove other files. Return True if anything but the time has changed."""
    home = folder / new.slug
    existing = _read(home)
    changed = {path: content for path, content in new.files.items() if existing.get(path) != content}
    for path, content in changed.items():
        _put(home / path, content)
    removed = existing.keys() - new.files.keys()
    for path in removed:
        (home / path).unlink(missing_ok=True)
    return bool(removed or changed.keys() - {edition.AS_OF})


def remove(folder: Path, slug: str) -> None:
    """Remove a page."""
    home = folder / slug
    for path in _read(home):
        (home / path).unlink(missing_ok=True)
    for directory in sorted((path for path in home.rglob("*") if path.is_dir()), reverse=True):
        directory.rmdir()
    if home.is_dir():
        home.rmdir()


def read(folder: Path) -> dict[str, Edition]:
    """Return the editions in the folder, by slug."""
    homes = sorted(home for home in folder.iterdir() if home.is_dir()) if folder.is_dir() else []
    editions = (edition.read_back(home.name, _read(home)) for home in homes)
    return {page_edition.slug: page_edition for page_edition in editions if page_edition is not None}


def stamp(folder: Path) -> Mapping[str, int]:
    """Return when the newest file of each page was written, in nanoseconds of the file system's clock."""
    newest: dict[str, int] = {}
    for path in folder.glob("*/**/*"):
        with suppress(FileNotFoundError):
            slug = path.relative_to(folder).parts[0]
            newest[slug] = max(newest.get(slug, 0), path.stat().st_mtime_ns)
    return newest


def _read(home: Path) -> Mapping[str, bytes]:
    files = (path for path in home.rglob("*") if path.is_file() and not path.is_symlink())
    return {
        path.relative_to(home).as_posix(): path.read_bytes()
        for path in files
        if not path.name.startswith(".") and path.stat().st_size <= LARGEST
    }


def _make(directory: Path) -> None:
    """Make a directory that everybody can look into, with those above it."""
    if not directory.is_dir():
        _make(directory.parent)
        directory.mkdir(exist_ok=True)
        directory.chmod(0o755)


def _put(path: Path, content: bytes) -> None:
    """Write a new file, sync it, and rename it: readers see either the old file or the new one."""
    _make(path.parent)
    number, draft = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # A web server that runs as another user reads them too.
        Path(draft).chmod(0o644)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
