"""An installation from a wheel, away from the checkout: it finds its migrations, its pages and its command."""

import os
import re
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.patience import eventually
from tests.e2e.service import Service, bare_environment

ROOT = Path(__file__).parents[2]
INSTALL_BOUND = 600


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, timeout=INSTALL_BOUND
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    source, dist = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in ("pyproject.toml", "README.md", "LICENSE", "alembic", "alerting", "heartbeat"):
        run("cp", "-r", ROOT / name, source / name, cwd=source)
    building = ("wheel", "-q", "--no-deps", "--no-build-isolation", "-w", dist, ".")
    run(sys.executable, "-m", "pip", *building, cwd=source)
    (built,) = dist.glob("heartbeat-*.whl")
    return built


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty virtual environment."""
    venv.create(tmp_path / "installed", with_pip=True)
    return tmp_path / "installed"


@pytest.fixture
def away(tmp_path: Path) -> Path:
    """An empty folder."""
    (tmp_path / "away").mkdir()
    return tmp_path / "away"


def test_a_wheel_carries_all_that_it_needs(wheel: Path, home: Path, away: Path) -> None:
    run(home / "bin/python", "-m", "pip", "install", "-q", "--no-deps", wheel, cwd=away)
    # What it depends on is taken from where the tests have it; paths of that place's own are not read from there.
    libraries = {"PYTHONPATH": sysconfig.get_path("purelib")}
    where = run(
        home / "bin/python", "-c", "import heartbeat; print(heartbeat.__file__)", cwd=away, **libraries
    )
    assert Path(where.strip()).is_relative_to(home)
    assert "up to date" in run(home / "bin/heartbeat", "migrate", cwd=away, **libraries)
    assert (away / "data/heartbeat.db").exists()
    faces = "from heartbeat.http.pages import render; print(sorted(render._STATIC))"
    assert "theme.css" in run(home / "bin/python", "-c", faces, cwd=away, **libraries)


@pytest.fixture
def installed(wheel: Path, home: Path, away: Path) -> Iterator[Service]:
    """The wheel with its dependencies, in the versions of the lock, and an empty folder to serve in."""
    # Only the versions: with hashes beside them, pip would install nothing but what the lock lists.
    pins = re.findall(r"^[\w.-]+==[^\\\n]+", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    constraints = home / "constraints.txt"
    constraints.write_text("\n".join(pins))
    run(home / "bin/python", "-m", "pip", "install", "-q", "-c", constraints, wheel, cwd=away, PYTHONPATH="")
    environment = bare_environment(PYTHONPATH="")
    service = Service(away, command=[home / "bin/heartbeat"], environment=environment)
    yield service
    service.end()


def test_a_wheel_installs_into_an_empty_environment_and_serves(installed: Service) -> None:
    installed.start()
    assert "heartbeat is at" in installed.output()
    installed.admin_key = (installed.home / "data/admin-key").read_text().strip()
    made = installed.ask("PUT", "/v1/checks/nightly-backup", json={"every": "1h"})
    address = f"/ping/{made.json()['uuid']}"

    assert installed.ask("POST", address).text == "OK"
    assert installed.get("/v1/checks/nightly-backup")["state"] == "up"
    assert installed.ask("POST", f"{address}/fail", content=b"disk full").text == "OK"

    page = r"╭─ ERROR nightly-backup failed\n(│.*\n)*│  Last said: disk full\n"
    eventually(lambda: re.search(page, installed.output()), within=60, what="a page on the console")
    installed.sigterm()
    assert installed.process.returncode == 0
    assert "Traceback" not in installed.output()
