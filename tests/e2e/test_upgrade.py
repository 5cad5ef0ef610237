"""A rolling upgrade on PostgreSQL: the release before and this one serve side by side while the database is migrated.

The release before is the newest that the changelog gives a date and that this tree is not itself. Its code is that of
the commit by which it was given this date, which git has. So nothing has to be moved on with a new release.
"""

import io
import re
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
RELEASED = re.compile(r"^## \d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d\)$", re.MULTILINE)
"""The heading of a release in the changelog; what is not released yet has none with a date."""


@pytest.fixture(scope="module")
def release_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code of the release before, unpacked."""
    heading = _heading_before((ROOT / "CHANGELOG.md").read_text())
    dated = _git("log", "--format=%H", f"-S{heading}", "--", "CHANGELOG.md").split()
    assert dated, (
        f"the history that this checkout has does not reach back to where the changelog got {heading!r}"
    )
    home = tmp_path_factory.mktemp("before")
    packed = subprocess.run(
        ["git", "archive", dated[-1], "heartbeat", "alerting", "alembic"],
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
    assert _revision(url) == _newest(release_before), "what serves is the release before"
    assert old.ping("steady").status_code == 200
    # The release before knows no settling time.
    new = serve(f"settling: 0s\n{text}", name="after", **given).start()
    assert _revision(url) == _newest(ROOT)

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


@pytest.mark.parametrize(
    ("headings", "before"),
    [
        (("Unreleased", "0.3.0 (2027-01-02)", "0.2.0 (2026-11-25)"), "0.3.0 (2027-01-02)"),
        (("0.3.0 (unreleased)", "0.2.0 (2026-11-25)"), "0.2.0 (2026-11-25)"),
        (("0.3.0 (2027-01-02)", "0.2.0 (2026-11-25)"), "0.2.0 (2026-11-25)"),
    ],
)
def test_the_release_before_is_the_newest_that_this_tree_is_not(
    headings: tuple[str, ...], before: str
) -> None:
    text = "# Changelog\n\n" + "\n\n".join(f"## {heading}" for heading in headings) + "\n"
    assert _heading_before(text) == f"## {before}"


def _heading_before(changelog: str) -> str:
    first = re.search("^## .*$", changelog, re.MULTILINE)
    released = RELEASED.findall(changelog)
    assert first
    # At the commit of a release, the newest that has a date is this tree itself.
    return str(released[1] if first[0] == released[0] else released[0])


def _newest(code: Path) -> str:
    return max(path.name.partition("_")[0] for path in (code / "alembic/versions").glob("[0-9]*.py"))


def _revision(url: str) -> str:
    with psycopg.connect(url) as db:
        row = db.execute("SELECT version_num FROM alembic_version").fetchone()
    assert row is not None
    return str(row[0])


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout
