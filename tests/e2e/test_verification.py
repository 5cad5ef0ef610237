"""A code proves the contact of a text message: real processes, and a provider on the loopback."""

import re
from typing import Any

import pytest

from tests.e2e.conftest import Serve
from tests.e2e.phone import Phone
from tests.e2e.service import Service, configuration

pytestmark = pytest.mark.e2e

NUMBER, OTHER_NUMBER = "+15005550001", "+15005550002"
TWILIO = "notifiers: {{sms: {{account_sid: AC{sid}, auth_token: '${{TWILIO}}', from: '+15005550006', url: '{url}'}}}}\n"


def reached_by(phone: Phone, number: str) -> str:
    """A configuration with one person, who is reached by text messages through this provider."""
    return configuration({}, [f"{{sms: '{number}'}}"]) + TWILIO.format(sid="a" * 32, url=phone.url)


def contact_of(service: Service) -> dict[str, Any]:
    """The contact of the person, as the API shows it."""
    (contact,) = service.get("/v1/people/first")["contacts"]
    found: dict[str, Any] = contact
    return found


def test_a_text_message_proves_its_number_and_no_other(serve: Serve, phone: Phone) -> None:
    service = serve(reached_by(phone, NUMBER), TWILIO="t0ken").start()
    contact = contact_of(service)
    at = f"/v1/people/first/contacts/{contact['id']}"
    sent = service.ask("POST", f"{at}/verify")
    assert (sent.status_code, sent.json()["outcome"]) == (200, "accepted")
    (message,) = [call.said for call in phone.calls if "Body" in call.said]
    assert message["To"] == NUMBER
    found = re.match(
        r"(\d{6}) is the code for First responder\nType it in heartbeat within 10 min", message["Body"]
    )
    assert found is not None
    code = found[1]
    assert code not in service.output()

    service.sigkill()
    service.start()
    wrong = f"{(int(code) + 1) % 10**6:06}"
    refused = service.ask("POST", f"{at}/confirm", json={"code": wrong})
    assert (refused.status_code, refused.json()["detail"]) == (
        422,
        "code: this is not the one that was sent last. Nothing was changed: 4 tries are left.",
    )
    assert contact_of(service)["proven_at"] is None
    confirmed = service.ask("POST", f"{at}/confirm", json={"code": code})
    assert confirmed.status_code == 200
    assert contact_of(service)["proven_at"] == confirmed.json()["proven_at"]
    entries = service.get("/v1/audit")["audit"]
    assert [entry["action"] for entry in entries if entry["target"] == "person first"][:2] == [
        "person.prove",
        "person.verify",
    ]

    (service.home / "heartbeat.yaml").write_text(reached_by(phone, OTHER_NUMBER))
    assert service.command("apply").returncode == 0
    corrected = contact_of(service)
    assert (corrected["address"], corrected["proven_at"]) == (OTHER_NUMBER, None)
    assert corrected["id"] != contact["id"]
    assert service.ask("POST", f"{at}/confirm", json={"code": code}).status_code == 404
