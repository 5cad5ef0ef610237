"""An installation from a wheel, away from the checkout: it finds its migrations, its pages and its command."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_wheel_carries_all_that_it_needs(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "alembic", "alerting", "heartbeat"):
        run("cp", "-r", ROOT / name, source / name, cwd=tmp_path)
    run(
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        tmp_path,
        ".",
        cwd=source,
    )
    (wheel,) = tmp_path.glob("heartbeat-*.whl")
    home = tmp_path / "installed"
    venv.create(home, with_pip=True)
    run(home / "bin/python", "-m", "pip", "install", "-q", "--no-deps", wheel, cwd=tmp_path)
    away = tmp_path / "away"
    away.mkdir()
    # What it depends on is taken from where the tests have it; paths of that place's own are not read from there.
    libraries = {"PYTHONPATH": sysconfig.get_path("purelib")}
    where = run(
        home / "bin/python", "-c", "import heartbeat; print(heartbeat.__file__)", cwd=away, **libraries
    )
    assert Path(where.strip()).is_relative_to(home)
    assert "up to date" in run(home / "bin/heartbeat", "migrate", cwd=away, **libraries)
    assert (away / "data/heartbeat.db").exists()
    faces = "from heartbeat.http import page; print(sorted(page._STATIC))"
    assert "theme.css" in run(home / "bin/python", "-c", faces, cwd=away, **libraries)
