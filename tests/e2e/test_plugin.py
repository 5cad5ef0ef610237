"""A notifier that somebody else has written: it is installed, and somebody is paged through it."""

from pathlib import Path

import pytest

from tests.e2e.conftest import Serve
from tests.e2e.patience import eventually
from tests.e2e.service import configuration

pytestmark = pytest.mark.e2e

PLUGIN = Path(__file__).parents[1] / "plugin"


def test_somebody_is_paged_through_a_plugin(serve: Serve, tmp_path: Path) -> None:
    letters = tmp_path / "letters"
    text = configuration({"job": "every: 1s, grace: 1s"}, [f"{{carrier-pigeon: {letters}}}"])
    service = serve(text, PYTHONPATH=str(PLUGIN)).start()
    eventually(letters.exists, within=30, what="a letter")
    assert letters.read_text().splitlines()[0] == "ERROR job silent"
    attempts = eventually(
        lambda: service.get("/v1/incidents/1")["pages"][0]["attempts"], within=10, what="a record of it"
    )
    assert [(one["via"], one["outcome"], one["said"]) for one in attempts] == [
        ("carrier-pigeon", "accepted", "landed")
    ]


def test_without_the_plugin_its_contact_is_refused_in_words(serve: Serve) -> None:
    told = serve(configuration({}, ["{carrier-pigeon: /tmp/letters}"])).command("plan")
    assert told.returncode == 1
    assert "there is no notifier 'carrier-pigeon'" in told.stderr
