"""The files by which heartbeat is deployed: what they promise, as far as it can be seen without running them."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
OURS = [service for name, service in COMPOSE["services"].items() if name != "database"]


def test_the_dockerfile_is_clean() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [hadolint, "--failure-threshold", "style", "Dockerfile"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_image_takes_only_what_is_locked_and_runs_without_rights() -> None:
    text = (ROOT / "Dockerfile").read_text()
    installs = re.findall(r"pip install [^&\n]*", text)
    assert installs
    assert all("--require-hashes" in one or "--no-deps --no-build-isolation" in one for one in installs)
    last = text.rpartition("\nFROM ")[2]
    assert "USER 10001:10001" in last
    assert "mkdir --mode=0770 /data" in text
    assert "--chown=10001:0 /data" in last, "any user id with the group 0 may write"
    assert '"heartbeat.operations.healthcheck"' in last
    assert "HEARTBEAT_HOST=*" in last, "every address, IPv6 included"
    assert "RUN" not in last, "nothing is made where it is kept"


def test_an_image_is_given_every_folder_that_the_package_needs() -> None:
    copied = set(re.findall(r"^COPY (?!--)(\S+) ", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {"alembic", "alerting", "heartbeat", "pyproject.toml", "requirements.lock"} <= copied <= sent


OPTIONAL = {"HEARTBEAT_OUTSIDE_URL", "HEARTBEAT_TRUSTED_PROXY"}
"""What compose may leave empty, and is no secret."""


def test_compose_has_no_default_for_any_secret() -> None:
    text = (ROOT / "compose.yaml").read_text()
    for name, rest in re.findall(r"\$\{(\w+)([^}]*)\}", text):
        assert rest.startswith(":?") or name in OPTIONAL, name
    secrets = {"HEARTBEAT_SECRET_KEY", "HEARTBEAT_ADMIN_KEY", "HEARTBEAT_DATABASE_URL"}
    for service in OURS:
        environment = service["environment"]
        assert secrets <= set(environment), "both processes must share them"
        assert all("${" in environment[name] for name in secrets)


def test_compose_waits_for_the_database_and_writes_nowhere_else() -> None:
    assert len(OURS) == 2
    for service in OURS:
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["depends_on"] == {"database": {"condition": "service_healthy"}}
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        (file,) = (volume for volume in service["volumes"] if isinstance(volume, dict))
        assert (file["read_only"], file["bind"]) == (True, {"create_host_path": False})
    database = COMPOSE["services"]["database"]
    assert "pg_isready" in database["healthcheck"]["test"][1]
    assert (database["read_only"], database["cap_drop"], database["user"]) == (True, ["ALL"], "999:999")
    written = {
        place.partition(":")[0] for place in [*database["tmpfs"], database["volumes"][0].partition(":")[2]]
    }
    assert written == {"/run/postgresql", "/tmp", "/var/lib/postgresql/data"}
    assert all("no-new-privileges:true" in one["security_opt"] for one in COMPOSE["services"].values())


def test_the_units_for_jobs_are_those_of_the_documentation() -> None:
    page = (ROOT / "docs/pinging.md").read_text()
    for name in ("ping-success@.service", "ping-fail@.service"):
        shown = re.search(rf"# /etc/systemd/system/{re.escape(name)}\n(.*?)```", page, re.DOTALL)
        assert shown
        assert shown[1] == (ROOT / "docs/systemd" / name).read_text()


def test_the_service_lasts_longer_than_its_own_bounds() -> None:
    unit = dict(
        line.split("=", 1)
        for line in (ROOT / "docs/systemd/heartbeat.service").read_text().splitlines()
        if "=" in line and not line.startswith("#")
    )
    assert unit["Type"] == "notify"
    assert unit["Restart"] == "always"
    assert int(unit["WatchdogSec"]) >= 60, "a send, or a database that is away, takes its time"
    assert int(unit["TimeoutStopSec"]) > 2
