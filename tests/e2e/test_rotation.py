"""Keys are replaced while people are paged: links on phones stay valid, and secrets stay readable, at every step."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from heartbeat import signed_link
from heartbeat.signed_link import Answerer
from tests.e2e.conftest import Serve
from tests.e2e.patience import eventually
from tests.e2e.phone import Phone
from tests.e2e.service import PING_KEY, SECRET_KEY, Service, configuration

pytestmark = pytest.mark.e2e

NEW = "another-secret-key-for-the-tests-of-32-characters"
ENCRYPTION = "an-encryption-key-for-the-tests-of-32-characters"


def test_keys_are_replaced_without_a_gap(serve: Serve, phone: Phone) -> None:
    service = serve(
        configuration({"silent": "every: 1h"}, ["{console: terminal}"]), HEARTBEAT_ALLOW_ADDRESSES="127.0.0.1"
    ).start()
    entered = {"contacts": [{"webhook": f"{phone.url}/anna"}]}
    assert service.ask("PUT", "/v1/people/anna", json=entered).status_code == 201
    secret = {"secret": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"}
    assert service.ask("PUT", "/v1/notifiers/webhook", json=secret).status_code == 201
    assert_paged(service, phone)
    service.ping(f"{PING_KEY}/silent/fail")
    number = service.get("/v1/incidents")["incidents"][0]["id"]
    on_a_phone = signed_link.sign(
        SECRET_KEY, Answerer(number, 1, "first", datetime.now(UTC) + signed_link.LASTS)
    )
    assert_answers(service, on_a_phone, 200)

    changed(service, HEARTBEAT_SECRET_KEY=NEW, refused="HEARTBEAT_SECRET_KEY_PREVIOUS")
    changed(
        service,
        HEARTBEAT_SECRET_KEY=NEW,
        HEARTBEAT_SECRET_KEY_PREVIOUS=SECRET_KEY,
        HEARTBEAT_ENCRYPTION_KEYS=ENCRYPTION,
    )
    assert_answers(service, on_a_phone, 200)
    assert_paged(service, phone)
    assert_rotated(service, "Re-encrypted with the first key: 2. Already encrypted with it: 0.\n")
    assert_rotated(service, "Re-encrypted with the first key: 0. Already encrypted with it: 2.\n")

    changed(service, HEARTBEAT_SECRET_KEY_PREVIOUS="")
    assert_answers(service, on_a_phone, 410)
    assert_paged(service, phone)
    changed(service, HEARTBEAT_ENCRYPTION_KEYS="")
    lost = service.command("rotate-keys")
    assert lost.returncode == 1
    assert "person anna webhook: This secret was encrypted with the key" in lost.stderr
    service.sigterm()
    assert service.command("test-page", "anna").returncode == 1


def test_a_restored_database_is_served_again_although_its_key_is_lost(serve: Serve, tmp_path: Path) -> None:
    service = serve(configuration({"job": "every: 1h"}, ["{console: terminal}"])).start()
    entered = {"contacts": [{"webhook": "https://example.com/anna"}]}
    assert service.ask("PUT", "/v1/people/anna", json=entered).status_code == 201
    assert "secret key" not in service.command("backup", str(tmp_path / "copy.db")).stderr
    service.sigterm()

    anew = serve(
        configuration({"job": "every: 1h"}, ["{console: terminal}"]), name="anew", HEARTBEAT_SECRET_KEY=""
    )
    assert "a secret key that is missing here" in anew.command("restore", str(tmp_path / "copy.db")).stderr
    anew.begin()
    assert anew.exit_status() == 1
    assert "heartbeat lost-key" in anew.output()
    assert "heartbeat lost-key" in anew.command("doctor").stdout
    assert "- person anna webhook: enter it again" in anew.command("lost-key").stdout
    assert not (anew.home / "data" / "secret-key").exists()
    assert anew.command("lost-key", "--yes").returncode == 0
    anew.start()
    assert anew.ask("PUT", "/v1/people/anna", json=entered).status_code == 200


def changed(service: Service, refused: str = "", **environment: str) -> None:
    """Start it again with these settings, or see that it does not start."""
    service.sigterm()
    service.environment |= environment
    if refused:
        told = service.command("serve")
        assert told.returncode == 1
        assert refused in told.stderr
    else:
        service.start()


def assert_paged(service: Service, phone: Phone) -> None:
    before = len(phone.calls)
    # Between two test pages to a person there is a pause.
    eventually(lambda: service.command("test-page", "anna").returncode == 0, within=30, what="a test page")
    (call,) = phone.calls[before:]
    assert call.headers["webhook-signature"].startswith("v1,")


def assert_rotated(service: Service, words: str) -> None:
    done = service.command("rotate-keys")
    assert (done.returncode, done.stdout) == (0, words)


def assert_answers(service: Service, token: str, status: int) -> None:
    assert service.ask("GET", f"/answer/{token}").status_code == status
