"""Files of the service are for its own user, whatever the folder and the umask of whoever starts it."""

import os
import subprocess
import sys
from pathlib import Path

from heartbeat.status.publish import folder
from heartbeat.status.publish.edition import Edition
from tests.unit.conftest import NOW


def test_new_files_are_private_whatever_the_folder(tmp_path: Path) -> None:
    open_folder = tmp_path / "open"
    open_folder.mkdir()
    open_folder.chmod(0o777)
    environment = {
        "PATH": os.environ["PATH"],
        "HEARTBEAT_DATA_DIR": str(tmp_path / "data"),
        "HEARTBEAT_DATABASE_URL": f"sqlite:///{open_folder / 'heartbeat.db'}",
    }
    command = [sys.executable, "-m", "heartbeat", "migrate"]
    subprocess.run(command, check=True, capture_output=True, env=environment, umask=0)
    modes = {path.name: path.stat().st_mode & 0o777 for path in open_folder.iterdir()}
    assert "heartbeat.db" in modes
    assert set(modes.values()) == {0o600}
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_published_pages_are_readable_for_everybody(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        folder.write(tmp_path / "pages", Edition("public", NOW, {"a/index.html": b"all is well"}))
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "pages").rglob("*") if path.is_dir()}
    assert modes | {(tmp_path / "pages").stat().st_mode & 0o777} == {0o755}
    assert (tmp_path / "pages/public/a/index.html").stat().st_mode & 0o777 == 0o644
