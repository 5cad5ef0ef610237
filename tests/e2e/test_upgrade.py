"""A rolling upgrade on PostgreSQL: the release before and this one serve side by side while the database is migrated.

The release before is the code as it stood just before the first migration of this release was added; git has it.
"""

import io
import subprocess
import tarfile
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.e2e.conftest import Serve
from tests.e2e.patience import eventually
from tests.e2e.phone import Phone
from tests.e2e.postgres import Postgres
from tests.e2e.service import PING_KEY, configuration

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
FIRST = "alembic/versions/0002_access.py"
"""The first migration of this release. To be moved on with each release."""
BEFORE = "0001"
"""The revision of the release before."""


@pytest.fixture(scope="module")
def release_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code of the release before, unpacked."""
    added = _git("log", "--format=%H", "--diff-filter=A", "--", FIRST).split()
    assert added, f"the history that this checkout has does not reach back to when {FIRST} was added"
    home = tmp_path_factory.mktemp("before")
    packed = subprocess.run(
        ["git", "archive", f"{added[-1]}^", "heartbeat", "alerting", "alembic"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(home, filter="data")
    return home


def test_the_release_before_and_this_one_are_one_service_while_one_takes_over(
    serve: Serve, phone: Phone, postgres_server: Postgres, release_before: Path
) -> None:
    url = postgres_server.database()
    checks = {
        "early": "every: 4s, grace: 1s",
        "late": "every: 1h, grace: 1s",
        "steady": "every: 1h",
    }
    text = configuration(checks, ['{webhook: "${PHONE}"}'], top="gathering: 1s")
    given = {"HEARTBEAT_DATABASE_URL": url, **phone.webhook}
    old = serve(text, name="before", PYTHONPATH=str(release_before), **given).start()
    assert _revision(url) == BEFORE, "what serves is the release before"
    assert old.ping("steady").status_code == 200
    new = serve(text, name="after", **given).start()
    assert _revision(url) != BEFORE

    # Both hear, and what one has heard the other knows.
    assert [one.ping("steady").status_code for one in (old, new)] == [200, 200]
    assert old.get("/v1/checks/steady")["pings"] == new.get("/v1/checks/steady")["pings"] == 3

    # A silence is noticed once and paged once, whoever of the two does it.
    eventually(lambda: phone.of("page"), within=30, what="a page for the early job")
    (page,) = phone.of("page")
    assert page.symptoms == {"early"}
    incident = f"/v1/incidents/{page.data['incident']}"

    # The link that either has signed, the other takes.
    link = httpx.URL(page.data["ack_url"]).raw_path.decode()
    for one in (new, old):
        assert httpx.get(f"{one.url}{link}", trust_env=False).status_code == 200
    assert httpx.post(f"{old.url}{link}", trust_env=False).status_code == 200
    assert new.get(incident)["state"] == "acknowledged"

    # A failure that the old one is told of is paged for once more, and the old one goes.
    assert old.ping(f"{PING_KEY}/late/fail").status_code == 200
    eventually(lambda: len(phone.of("page")) > 1, within=30, what="a page for the late job")
    assert old.sigterm() < 10
    assert new.ping("early").status_code == 200
    assert new.ping("late").status_code == 200
    eventually(lambda: new.get(incident)["state"] == "resolved", within=20, what="the incident to end")
    assert set(phone.times_rung().values()) == {1}
    assert "Traceback" not in old.output() + new.output()


def _revision(url: str) -> str:
    with psycopg.connect(url) as db:
        row = db.execute("SELECT version_num FROM alembic_version").fetchone()
    assert row is not None
    return str(row[0])


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout
