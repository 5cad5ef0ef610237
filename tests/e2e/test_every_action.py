"""Everything that can be done by a form in a browser is done by a walk."""

from importlib import import_module
from pathlib import Path

from heartbeat.http import app as http_app
from tests.e2e import acting, office
from tests.e2e.walk import MARKS, Place

pytestmark = MARKS
place = office.place


async def test_every_form_is_sent_by_a_walk(place: Place) -> None:
    for module in Path(__file__).parent.glob("test_*_walk.py"):
        import_module(f"tests.e2e.{module.stem}")
    every = set(acting.forms(http_app.build(place.system.context)))
    assert every - acting.done() == set(), "no walk sends these: see the head of acting.py"
    assert acting.done() - every == set(), "these are forms no more"
