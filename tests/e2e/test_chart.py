"""The Helm chart, rendered by Helm and run: hooks, pods, probes, Services, network policies, signals and tests.

There is no cluster here: `tests/e2e/cluster` plays Helm and the kubelet, with the image of the Dockerfile.
"""

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.cluster.network import OUTSIDE, Network
from tests.e2e.cluster.objects import Objects
from tests.e2e.cluster.pod import Machine, Pod
from tests.e2e.cluster.release import Release
from tests.e2e.cluster.world import Names
from tests.e2e.image import NAME, Buildah
from tests.e2e.phone import Phone
from tests.e2e.service import ADMIN_KEY, PING_KEY, SECRET_KEY, configuration

pytestmark = pytest.mark.e2e

NAMESPACE = "watch"
RESOLVER, NTFY = "203.0.113.53", "203.0.113.80"
CHECKS = {"nightly": "every: 1d", "hourly": "every: 1h"}
COMMON: dict[str, Any] = {
    "image": {"repository": NAME, "tag": "edge"},
    "publicUrl": "https://heartbeat.example.com",
    "config": configuration(CHECKS, ['{webhook: "${PHONE}"}'], top="gathering: 1s"),
    "extraEnv": [{"name": "PHONE", "value": "http://ntfy.example.com/webhook"}],
    "test": {"check": "nightly"},
}
LIMIT = 512 * 2**20
"""Bytes that a container may use, by the chart's own values."""
SQLITE = COMMON | {"secret": {"adminKey": ADMIN_KEY, "secretKey": SECRET_KEY, "pingKey": PING_KEY}}


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
        return services | {"ntfy.example.com": NTFY}

    with Release(machine) as made, Names(network, RESOLVER, known):
        yield made


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


def call(release: Release, path: str, method: str = "GET", **more: Any) -> httpx.Response:
    """A call of the Service, from outside of the cluster."""
    address = release.addresses["heartbeat"]
    with release.machine.network.within(OUTSIDE):
        return httpx.request(method, f"http://{address}{path}", timeout=10, trust_env=False, **more)


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
    for port, outcome in ((80, 0), (8080, errno.EHOSTUNREACH)):
        reach = f"import socket; print(socket.socket().connect_ex(('{NTFY}', {port})))"
        assert one.run("python3", "-c", reach).stdout == f"{outcome}\n", f"{port}, by the network policy"


def _is_well(one: Pod) -> None:
    lines = one.run("heartbeat", "doctor").stdout.splitlines()
    # The address that people use is not to be had here.
    assert [line for line in lines if line.startswith("bad") and "serving" not in line] == []
    assert any(line.startswith("ok    configuration: /etc/heartbeat/heartbeat.yaml") for line in lines)
