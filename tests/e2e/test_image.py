"""The container image, built from the Dockerfile and run."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.image import NAME, Buildah
from tests.e2e.patience import eventually
from tests.e2e.service import ADMIN_KEY, PING_KEY, SECRET_KEY, free_port


@pytest.fixture
def container(buildah: Buildah) -> Iterator[str]:
    made = buildah("from", NAME)
    yield made
    buildah("rm", made)


def test_the_image_says_how_it_is_run(buildah: Buildah) -> None:
    told = buildah.told()
    assert told["User"] == "10001:10001"
    assert told["Entrypoint"] == ["heartbeat"]
    assert told["Cmd"] == ["serve"]
    assert "/data" in told["Volumes"]
    assert told["StopSignal"] == "SIGTERM"
    assert told["Healthcheck"]["Test"][:2] == ["CMD", "python3"]


def test_a_container_serves_is_healthy_writes_only_its_data_and_stops(
    buildah: Buildah, container: str
) -> None:
    told = buildah.told()
    root = Path(buildah("mount", container))
    before = root / "tmp/before"
    before.touch()
    port = free_port()
    environment = {
        "HEARTBEAT_PORT": str(port),
        "HEARTBEAT_HOST": "127.0.0.1",
        "HEARTBEAT_ADMIN_KEY": ADMIN_KEY,
        "HEARTBEAT_PING_KEY": PING_KEY,
        "HEARTBEAT_SECRET_KEY": SECRET_KEY,
        "HEARTBEAT_CONFIG": "/data/heartbeat.yaml",
    }
    given = [word for name, value in environment.items() for word in ("--env", f"{name}={value}")]
    run = buildah.command(
        "run", "--isolation", "chroot", *given, container, "--", "heartbeat", "serve", "--sample"
    )
    process = subprocess.Popen(run, start_new_session=True)
    try:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: _answers(url), within=60, what="the container to be ready")
        answer = httpx.post(f"{url}/ping/{PING_KEY}/example-job", content=b"done", trust_env=False)
        assert (answer.status_code, answer.text) == (200, "OK")
        check = buildah.command("run", "--isolation", "chroot", "--env", f"HEARTBEAT_PORT={port}", container)
        healthy = subprocess.run([*check, "--", *told["Healthcheck"]["Test"][1:]], timeout=30)
        assert healthy.returncode == 0
        written = subprocess.run(
            ["find", root, "-xdev", "-newer", before, "-type", "f", "-not", "-path", f"{root}/data/*"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        ours = [
            path for path in written if not path.startswith((f"{root}/run/", f"{root}/etc/", f"{root}/tmp/"))
        ]
        assert ours == [], "it must run on a read-only root"
        assert buildah("run", "--isolation", "chroot", container, "--", "id", "-u") == "10001"
    finally:
        began = time.monotonic()
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)
    assert time.monotonic() - began < 10


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
