"""A crash loses nothing: what was acknowledged is in the books, and who fell silent is paged."""

from collections.abc import Callable

import pytest

from tests.e2e import ledger
from tests.e2e.conftest import Serve
from tests.e2e.load import Load
from tests.e2e.patience import eventually, pass_time
from tests.e2e.phone import Phone
from tests.e2e.postgres import Postgres
from tests.e2e.service import Service, configuration

pytestmark = pytest.mark.e2e

SPEAKING = 250
SILENT = 30
CRASHES = 3
ANSWER_BOUND = 2.5
"""Two seconds are promised. The rest is for a busy machine, as this is measured at the client."""


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_sigkill_under_load_loses_no_ping_and_no_page(
    kind: str, serve: Serve, phone: Phone, make_url: Callable[[str], str]
) -> None:
    url = make_url(kind)
    service = serve(_configuration(), HEARTBEAT_DATABASE_URL=url, **phone.webhook).start()
    with Load(service.port, _uuids(service)) as load:
        for _ in range(CRASHES):
            pass_time(1)
            service.sigkill()
            service.start()
        pass_time(0.5)
    silent = {f"silent-{n}" for n in range(SILENT)}
    # What could not be heard has a minute to speak. A page whose send was cut off is sent again after 30 s.
    eventually(lambda: silent <= phone.paged_for().keys(), within=120, what="a page for each silent job")
    service.sigterm()

    assert len(load.acknowledged) > SPEAKING * 2
    ledger.reconcile(url, load)
    assert {slug: len(phone.paged_for()[slug]) for slug in silent} == dict.fromkeys(silent, 1)
    assert max(phone.times_rung().values()) <= 1 + CRASHES


def test_postgres_is_killed_hangs_and_comes_back(
    serve: Serve, phone: Phone, postgres_server: Postgres
) -> None:
    url = postgres_server.database()
    service = serve(_configuration(), HEARTBEAT_DATABASE_URL=url, **phone.webhook).start()
    with Load(service.port, _uuids(service)) as load:
        load.await_more(load.acknowledged, 200)
        postgres_server.sigkill()
        load.await_more(load.refused, 50)
        postgres_server.start()
        load.await_more(load.acknowledged, 200)
        postgres_server.freeze()
        load.await_more(load.refused, 100)
        postgres_server.thaw()
        load.await_more(load.acknowledged, 50)
    silent = {f"silent-{n}" for n in range(SILENT)}
    eventually(lambda: silent <= phone.paged_for().keys(), within=120, what="a page for each silent job")
    service.sigterm()

    ledger.reconcile(url, load)
    assert load.broken == 0
    assert {refusal.status for refusal in load.refused} == {503}
    assert all(int(refusal.retry_after) >= 1 for refusal in load.refused)
    assert max(refusal.seconds for refusal in load.refused) <= ANSWER_BOUND
    assert {slug: len(phone.paged_for()[slug]) for slug in silent} == dict.fromkeys(silent, 1)
    # An outage is told when it begins and when it ends, however many pings it turns away.
    assert service.output().count("pings are stored again") <= 10
    assert service.output().count("pings cannot be stored") <= 10


def _configuration() -> str:
    """Many jobs that speak, and some that never do: each its own host, and so its own incident."""
    speaking = {f"speaking-{n}": f"every: 1h, grace: 5m, labels: {{host: s{n}}}" for n in range(SPEAKING)}
    silent = {f"silent-{n}": f"every: {1 + n % 8}s, grace: 1s, labels: {{host: q{n}}}" for n in range(SILENT)}
    return configuration(speaking | silent, ['{webhook: "${PHONE}"}'])


def _uuids(service: Service) -> dict[str, str]:
    """The uuids of the jobs that speak, by slug."""
    return {slug: uuid for slug, uuid in service.uuids().items() if slug.startswith("speaking")}
