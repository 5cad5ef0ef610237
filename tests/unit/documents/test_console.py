"""docs/console.md names the keys and the numbers of the console."""

from alerting import attempts
from heartbeat.http.console.checks import list as check_list
from heartbeat.http.console.on_call import offers, rotation_preview
from heartbeat.http.pages import render as renderer
from tests.unit.documents.documentation import read


def test_the_keys_and_numbers_of_the_console_are_documented() -> None:
    page = read("docs/console.md")
    frame = (renderer.HERE / "templates" / "console.html").read_text()
    for key in ("/", "↓", "j", "↑", "k", "Enter", "x", "a", "?"):
        assert f"`{key}`" in page
        assert f"<kbd>{key}</kbd>" in frame
    assert f"the most urgent {check_list.AT_A_GLANCE} checks" in page
    assert f"the newest {attempts.REMEMBERED:,} attempts" in page
    assert f"more than {offers.TICKED}, their names are written" in page
    assert f"in the coming {rotation_preview.AHEAD.days} days" in page
    assert f"renews itself every {renderer.REFRESH} seconds" in page
