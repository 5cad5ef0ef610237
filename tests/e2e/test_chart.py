"""The Helm chart, rendered by Helm and run: hooks, pods, probes, Services, network policies, signals and tests.

There is no cluster here: `tests/e2e/cluster` plays Helm and the kubelet, with the image of the Dockerfile.
"""

import errno
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import make_url

from tests.e2e.cluster.network import OUTSIDE, Network
from tests.e2e.cluster.objects import Object, Objects
from tests.e2e.cluster.pod import Machine, Pod
from tests.e2e.cluster.release import Release
from tests.e2e.cluster.world import Names, Relay
from tests.e2e.image import NAME, Buildah
from tests.e2e.meanwhile import Meanwhile
from tests.e2e.patience import eventually
from tests.e2e.phone import Phone
from tests.e2e.postgres import Postgres
from tests.e2e.service import ADMIN_KEY, PING_KEY, SECRET_KEY, configuration

pytestmark = pytest.mark.e2e

NAMESPACE = "watch"
RESOLVER, DATABASE, NTFY = "203.0.113.53", "203.0.113.54", "203.0.113.80"
CHECKS = {"nightly": "every: 1d, labels: {kind: job}", "hourly": "every: 1h"}
STATUS = "status_pages: {public: {title: Example, components: [{name: Jobs, match: {kind: job}}]}}\n"
COMMON: dict[str, Any] = {
    "image": {"repository": NAME, "tag": "edge"},
    "publicUrl": "https://heartbeat.example.com",
    "config": configuration(CHECKS, ['{webhook: "${PHONE}"}'], top="gathering: 1s") + STATUS,
    "extraEnv": [{"name": "PHONE", "value": "http://ntfy.example.com/webhook"}],
    "test": {"check": "nightly"},
}
LIMIT = 512 * 2**20
"""Bytes that a container may use, by the chart's own values."""
DRAIN = 5
"""Seconds for which a pod that is deleted goes on serving, by the same."""
SQLITE = COMMON | {"secret": {"adminKey": ADMIN_KEY, "secretKey": SECRET_KEY, "pingKey": PING_KEY}}

POSTGRESQL = COMMON | {"database": "postgresql", "replicas": 2, "existingSecret": "heartbeat-secrets"}


@pytest.fixture(scope="module")
def unpacked(buildah: Buildah) -> Iterator[Path]:
    """The image's files. All containers share them, since none may write to its root."""
    container = buildah("from", NAME)
    yield Path(buildah("mount", container))
    buildah("rm", container)


@pytest.fixture
def network() -> Iterator[Network]:
    with Network() as made:
        yield made


@pytest.fixture
def release(tmp_path: Path, network: Network, buildah: Buildah, unpacked: Path) -> Iterator[Release]:
    objects = Objects(NAMESPACE)
    search = " ".join([f"{NAMESPACE}.svc.cluster.local", "svc.cluster.local", "cluster.local"])
    machine = Machine(
        tmp_path,
        network,
        objects,
        image=f"{NAME}:edge",
        root=unpacked,
        told=buildah.told(),
        resolver=f"search {search}\nnameserver {RESOLVER}\noptions ndots:5\n",
    )

    def known() -> dict[str, str]:
        services = {f"{name}.{NAMESPACE}.svc.cluster.local": one for name, one in made.addresses.items()}
        return services | {"ntfy.example.com": NTFY, "db.example.com": DATABASE}

    with Release(machine) as made, Names(network, RESOLVER, known):
        yield made


@pytest.fixture
def database(network: Network, postgres_server: Postgres) -> Iterator[Postgres]:
    """PostgreSQL, beyond the cluster."""
    socket = Path(postgres_server.socket_directory) / ".s.PGSQL.5432"
    with Relay(network, (DATABASE, 5432), str(socket)):
        yield postgres_server


@pytest.fixture
def ntfy(network: Network) -> Iterator[Phone]:
    """What pages are sent to, beyond the cluster."""
    network.also(OUTSIDE, NTFY)
    with network.within(OUTSIDE):
        phone = Phone((NTFY, 80))
    with phone:
        yield phone


def test_on_sqlite_it_is_installed_tested_paged_by_and_upgraded(release: Release, ntfy: Phone) -> None:
    release.install(SQLITE)
    (first,) = release.of("heartbeat")
    assert first.started_after < 30, "the budget of the startup probe is for a large database"
    assert "/ping/KEY/nightly/log 200" in release.test()
    _has_no_rights(first)
    _calls_only_where_it_may(first)
    _is_well(first)

    assert call(release, f"/ping/{PING_KEY}/nightly").text == "OK"
    assert call(release, f"/ping/{PING_KEY}/hourly/3").status_code == 200
    page = ntfy.await_kind("page")
    assert page.symptoms == {"hourly"}
    assert page.data["ack_url"].startswith("https://heartbeat.example.com/")

    changed = SQLITE["config"].replace("nightly: {every: 1d", "nightly: {every: 2d")
    release.install(SQLITE | {"config": changed}, again=True)
    (second,) = release.of("heartbeat")
    assert release.said.index(f"{first.name} ended with 0") < release.said.index(f"{second.name} began")
    assert release.took[first.name] < first.spec["terminationGracePeriodSeconds"] / 2
    assert first.most_memory < LIMIT
    told = call(release, "/v1/checks/nightly", headers={"Authorization": f"Bearer {ADMIN_KEY}"}).json()
    assert told["schedule"]["words"] == "every 2 days"
    assert told["pings"] == 2, "the volume stays: the ping of the test of the release, and one more"


def test_on_postgresql_pings_are_answered_while_it_is_upgraded(release: Release, database: Postgres) -> None:
    release.machine.objects.put(_secret_for(database))
    release.install(POSTGRESQL)
    assert release.said[:2] == ["heartbeat-migrate began", "heartbeat-migrate ended with 0"]
    first = release.of("heartbeat")
    assert len(first) == 2
    assert "/ping/KEY/nightly/log 200" in release.test()
    _has_no_rights(first[0])

    with Pings(release) as pings:
        release.install(POSTGRESQL | {"readiness": "checking"}, again=True)
    assert sum(pings.answers.values()) > 50
    assert set(pings.answers) == {"200"}
    second = release.of("heartbeat")
    assert not set(first) & set(second)
    grace = first[0].spec["terminationGracePeriodSeconds"]
    assert all(DRAIN <= release.took[one.name] < grace - 3 for one in first)
    assert all(0 < one.most_memory < LIMIT for one in first)

    # As the operator wanted it now, a pod that does not check is not called.
    database.sigkill()
    eventually(lambda: not any(one.ready for one in second), within=30, what="readiness to end")
    # The Service learns of it a moment later.
    eventually(lambda: _is_refused(release), within=10, what="the Service to call nobody")
    assert all(one.alive and not one.condemned for one in second)


def test_while_postgresql_is_away_pings_are_told_to_come_back_and_status_pages_stay(
    release: Release, database: Postgres, ntfy: Phone
) -> None:
    release.machine.objects.put(_secret_for(database))
    release.install(POSTGRESQL)
    pods = release.of("heartbeat")
    eventually(lambda: call(release, "/status/public/").status_code == 200, within=30, what="a status page")

    database.sigkill()
    eventually(lambda: call(release, "/readyz").status_code == 503, within=20, what="unreadiness")
    # The readiness probe is given the time to find that out as well, were it to ask there.
    asked = {one: one.asked() for one in pods}
    eventually(lambda: all(one.asked() > asked[one] + 2 for one in pods), within=40, what="three probes")
    refused = call(release, f"/ping/{PING_KEY}/nightly")
    assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)
    assert call(release, "/status/public/").status_code == 200
    assert all(one.ready and one.alive and not one.condemned for one in pods)

    database.start()
    eventually(lambda: call(release, "/readyz").status_code == 200, within=30, what="readiness")
    assert call(release, f"/ping/{PING_KEY}/hourly/3").status_code == 200
    assert ntfy.await_kind("page").symptoms == {"hourly"}


def test_roles_in_pods_of_their_own_page_and_are_scraped(
    release: Release, database: Postgres, ntfy: Phone
) -> None:
    secret = SQLITE["secret"] | {"databaseUrl": _address_of(database)}
    one_each = {"enabled": True, "api": 1, "checker": 1, "pager": 1}
    monitor = {"enabled": True, "secret": "heartbeat", "secretKey": "admin-key"}
    release.install(
        POSTGRESQL | {"existingSecret": "", "secret": secret, "split": one_each, "serviceMonitor": monitor}
    )
    roles = {name: release.of(f"heartbeat-{name}") for name in ("api", "checker", "pager")}
    assert all(len(pods) == 1 for pods in roles.values())
    assert "/ping/KEY/nightly/log 200" in release.test()
    assert call(release, f"/ping/{PING_KEY}/hourly/3").status_code == 200
    assert ntfy.await_kind("page").symptoms == {"hourly"}
    scraped = release.scrape()
    assert set(scraped) == {one.name for pods in roles.values() for one in pods}
    assert all("heartbeat_last_tick" in one.text for one in scraped.values())


def _secret_for(database: Postgres) -> Object:
    contents = {
        "admin-key": ADMIN_KEY,
        "secret-key": SECRET_KEY,
        "ping-key": PING_KEY,
        "database-url": _address_of(database),
    }
    return {"kind": "Secret", "metadata": {"name": "heartbeat-secrets"}, "stringData": contents}


def _address_of(database: Postgres) -> str:
    return f"postgresql://postgres@db.example.com/{make_url(database.database()).database}"


class Pings(Meanwhile):
    """Somebody who pings the Service all the time, each time on a connection of its own, and never twice."""

    def __init__(self, release: Release) -> None:
        self.answers: Counter[str] = Counter()
        self._release = release
        super().__init__(self._ping)

    def _ping(self) -> None:
        while not self.over.wait(0.02):
            try:
                answer = str(call(self._release, f"/ping/{PING_KEY}/nightly").status_code)
            except httpx.TransportError as error:
                answer = repr(error)
            self.answers[answer] += 1


def call(release: Release, path: str, method: str = "GET", **more: Any) -> httpx.Response:
    """A call of the Service, from outside of the cluster."""
    address = release.addresses["heartbeat"]
    with release.machine.network.within(OUTSIDE):
        return httpx.request(method, f"http://{address}{path}", timeout=10, trust_env=False, **more)


def _is_refused(release: Release) -> bool:
    try:
        call(release, "/livez")
    except httpx.ConnectError:
        return True
    return False


def _has_no_rights(one: Pod) -> None:
    status = dict(line.split(":\t", 1) for line in one.run("cat", "/proc/1/status").stdout.splitlines())
    assert status["Uid"].split() == ["10001"] * 4
    assert {status[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    for place in (
        "/opt/heartbeat/x",
        "/etc/heartbeat/heartbeat.yaml",
        "/etc/x",
        "/run/x",
        "/proc/sys/kernel/hostname",
    ):
        tried = one.run("sh", "-c", f"echo > {place}")
        assert "Read-only file system" in tried.stderr, place


def _calls_only_where_it_may(one: Pod) -> None:
    for port, outcome in ((80, 0), (8080, errno.EHOSTUNREACH)):
        reach = f"import socket; print(socket.socket().connect_ex(('{NTFY}', {port})))"
        assert one.run("python3", "-c", reach).stdout == f"{outcome}\n", f"{port}, by the network policy"


def _is_well(one: Pod) -> None:
    lines = one.run("heartbeat", "doctor").stdout.splitlines()
    # The address that people use is not to be had here.
    assert [line for line in lines if line.startswith("bad") and "serving" not in line] == []
    assert any(line.startswith("ok    configuration: /etc/heartbeat/heartbeat.yaml") for line in lines)
