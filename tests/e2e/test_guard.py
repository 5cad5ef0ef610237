"""What was entered and leads inside is refused at once, and at night the next contact is tried instead."""

import pytest

from tests.e2e.conftest import Serve
from tests.e2e.patience import eventually
from tests.e2e.phone import Phone
from tests.e2e.service import PING_KEY, configuration

pytestmark = pytest.mark.e2e

WORDS = (
    "the address leads to 127.0.0.1, this machine, where this page may not go; "
    "HEARTBEAT_ALLOW_ADDRESSES can allow it"
)


def test_what_leads_inside_is_refused_and_the_next_contact_is_paged(serve: Serve, phone: Phone) -> None:
    service = serve(
        configuration({"job": "every: 1h"}, ["{console: terminal}"]), HEARTBEAT_ALLOW_ADDRESSES="127.0.0.1"
    ).start()
    anna = {"contacts": [{"webhook": f"{phone.url}/anna"}, {"console": "terminal"}]}
    assert service.ask("PUT", "/v1/people/anna", json=anna).status_code == 201
    assert service.ask(
        "PUT", "/v1/policies/night", json={"steps": [{"page": "anna", "wait": "1h"}]}
    ).is_success
    made = {"every": "1h", "policy": "night"}
    assert service.ask("PUT", "/v1/checks/nightly", json=made).status_code == 201

    # The operator closes what was open when the address was entered.
    service.sigterm()
    service.environment["HEARTBEAT_ALLOW_ADDRESSES"] = ""
    service.start()
    told = service.ask("PUT", "/v1/people/ben", json=anna)
    assert told.status_code == 422
    assert told.json()["problems"] == [f"person ben.contacts[0].webhook: {WORDS}."]
    tried = service.command("test-page", "anna")
    assert f"anna by webhook: REFUSED, another attempt cannot help: {WORDS}" in tried.stdout

    service.ping(f"{PING_KEY}/nightly/fail")
    (incident,) = eventually(lambda: service.get("/v1/incidents")["incidents"], within=10, what="an incident")

    def reached() -> bool:
        words = [one["words"] for one in service.get(f"/v1/incidents/{incident['id']}")["timeline"]]
        return f"page to anna by webhook: refused ({WORDS})" in words and any(
            "page to anna by console: accepted" in one for one in words
        )

    eventually(reached, within=20, what="a page to the next contact")
    assert phone.calls == []
