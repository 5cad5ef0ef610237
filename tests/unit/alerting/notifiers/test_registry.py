"""The shelf: what is built in, what plugins bring, and that a broken plugin takes nothing down."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from alerting.notice import Notice
from alerting.notifiers import registry
from alerting.notifiers.contract import Accepted, Contact
from alerting.notifiers.registry import assemble

PLUGIN = Path(__file__).parents[3] / "plugin"
NEED_SETTINGS = {"email", "matrix", "pushover", "signal", "slack_bot", "sms", "telegram", "voice"}
SMTP = {"smtp": "smtp://mail.example.com", "from": "heartbeat@example.com"}


@pytest.fixture
def carrier_pigeon(plug_in: Callable[[Path], None]) -> Iterator[None]:
    """The distribution of the plugin, as if it were installed."""
    plug_in(PLUGIN)
    yield
    sys.modules.pop("carrier_pigeon", None)


Install = Callable[..., Path]


@pytest.fixture
def install(plug_in: Callable[[Path], None], tmp_path: Path) -> Install:
    """Installs a distribution that announces notifiers by these lines."""

    def add(*lines: str) -> Path:
        metadata = tmp_path / "broken-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text("\n".join(["[heartbeat.notifiers]", *lines]))
        plug_in(tmp_path)
        return tmp_path

    return add


def test_what_is_built_in() -> None:
    kinds = [notifier.kind for notifier in registry.BUILT_IN]
    assert list(registry.installed().kinds) == kinds == sorted(kinds)
    assert registry.installed().problems == {}
    assert all(kind == notifier.kind for kind, notifier in registry.installed().kinds.items())


@pytest.mark.usefixtures("carrier_pigeon")
async def test_a_plugin_is_found_built_and_sent_by(
    http: httpx.AsyncClient, notice: Notice, tmp_path: Path
) -> None:
    notifier = assemble({"carrier-pigeon": {}}, http)["carrier-pigeon"]
    roof = tmp_path / "roof.txt"
    assert await notifier.send(notice, Contact("carrier-pigeon", str(roof))) == Accepted("landed")
    assert roof.read_text() == "CRITICAL us-housekeeping: 4 of 11 jobs silent\n"


@pytest.mark.usefixtures("carrier_pigeon")
def test_a_plugins_settings_are_judged_like_our_own(http: httpx.AsyncClient) -> None:
    with pytest.raises(ValueError, match=r"^notifiers.carrier-pigeon: seed is not a setting of a pigeon$"):
        assemble({"carrier-pigeon": {"seed": "corn"}}, http)


def test_broken_plugins_are_left_out_and_reported(install: Install, http: httpx.AsyncClient) -> None:
    folder = install(
        "gone = no_such_module:Notifier",
        "hollow = broken_plugin:Hollow",
        "leaving = broken_leaving:Notifier",
        "other = alerting.notifiers.slack:Slack",
        "slack = alerting.notifiers.webhook:Webhook",
    )
    (folder / "broken_plugin.py").write_text("class Hollow:\n    kind = 'hollow'\n    digests = True\n")
    (folder / "broken_leaving.py").write_text("import sys\nsys.exit('no licence')\n")
    notifiers = registry.installed()
    assert list(notifiers.kinds) == [notifier.kind for notifier in registry.BUILT_IN]
    assert notifiers.kinds["slack"].__name__ == "Slack"
    assert notifiers.problems == {
        "gone": "no_such_module:Notifier is left out: ModuleNotFoundError: No module named 'no_such_module'",
        "hollow": "broken_plugin:Hollow is left out: TypeError: it is not a notifier: "
        "it lacks secret_settings, secret_address, configured, wrong_address, send",
        "leaving": "broken_leaving:Notifier is left out: SystemExit: no licence",
        "other": "alerting.notifiers.slack:Slack is left out: TypeError: its kind is slack, "
        "its entry point says other",
        "slack": "alerting.notifiers.webhook:Webhook is left out: the kind slack is taken",
    }
    assert "slack" in assemble({}, http)
    with pytest.raises(ValueError, match=r"^notifiers.gone: no_such_module:Notifier is left out: "):
        assemble({"gone": {}}, http)


def test_what_needs_no_setting_is_there_without_a_word(http: httpx.AsyncClient) -> None:
    assert registry.installed().kinds.keys() - assemble({}, http).keys() == NEED_SETTINGS
    assert "email" in assemble({"email": SMTP}, http)


def test_an_unknown_kind_is_refused_with_the_known_ones(http: httpx.AsyncClient) -> None:
    with pytest.raises(
        ValueError, match=r"^notifiers.slak: there is no such kind; the kinds are alertmanager, apprise, "
    ):
        assemble({"slak": {}}, http)


def test_wrong_settings_are_refused_with_their_kind(http: httpx.AsyncClient) -> None:
    with pytest.raises(ValueError, match=r"^notifiers.email: from must be the sender's address"):
        assemble({"email": {}}, http)
