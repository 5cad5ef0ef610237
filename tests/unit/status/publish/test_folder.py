"""Published files: whole or not at all, read back after a restart, and removed with their page."""

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from heartbeat.status.publish import edition, folder
from tests.unit.conftest import NOW
from tests.unit.status.conftest import a_snapshot


def test_written_files_are_read_back(tmp_path: Path) -> None:
    page_edition = edition.render(a_snapshot())
    assert folder.write(tmp_path, page_edition)
    assert folder.read(tmp_path) == {"public": page_edition}


def test_only_changed_files_are_written(tmp_path: Path) -> None:
    first = edition.render(a_snapshot())
    folder.write(tmp_path, first)
    written = {path: path.stat().st_ino for path in (tmp_path / "public").rglob("*")}
    assert not folder.write(tmp_path, first)
    later = edition.render(a_snapshot(at=NOW + timedelta(minutes=1)))
    assert folder.write(tmp_path, later)
    rewritten = {path: path.stat().st_ino for path in (tmp_path / "public").rglob("*")}
    home = tmp_path / "public"
    assert {str(p.relative_to(home)) for p in rewritten if p.is_file() and rewritten[p] != written[p]} == {
        path for path, content in later.files.items() if first.files[path] != content
    }


def test_obsolete_files_are_removed(tmp_path: Path) -> None:
    page_edition = edition.render(a_snapshot())
    folder.write(tmp_path, replace(page_edition, files={**page_edition.files, "logo-00000000.png": b"old"}))
    folder.write(tmp_path, page_edition)
    assert folder.read(tmp_path) == {"public": page_edition}


def test_a_deleted_page_is_removed(tmp_path: Path) -> None:
    page_edition = edition.render(a_snapshot())
    folder.write(tmp_path, replace(page_edition, files={**page_edition.files, "api/v2/deep.json": b"{}"}))
    folder.remove(tmp_path, "public")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page_edition = edition.render(a_snapshot())
    folder.write(tmp_path, page_edition)

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        folder.write(tmp_path, edition.render(a_snapshot(at=NOW + timedelta(minutes=1))))
    assert folder.read(tmp_path) == {"public": page_edition}
    assert not list(tmp_path.rglob(".new-*"))


def test_an_incomplete_edition_is_not_served(tmp_path: Path) -> None:
    page_edition = edition.render(a_snapshot())
    for missing in ("index.html", edition.AS_OF):
        folder.write(
            tmp_path,
            replace(page_edition, files={k: v for k, v in page_edition.files.items() if k != missing}),
        )
        assert folder.read(tmp_path) == {}
    (tmp_path / "public" / edition.AS_OF).write_text('{"as_of": "2024-05-03"}')
    (tmp_path / "public" / "index.html").write_text("<!doctype html>")
    assert folder.read(tmp_path) == {}
    assert folder.read(tmp_path / "nowhere") == {}
