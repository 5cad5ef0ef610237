"""The container image, really built from the Dockerfile and really run, without any registry of images.

The base is a minimal Debian with its own Python, put together on the spot by debootstrap, and the builder is buildah:
both are Debian packages, and both must run as root.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.patience import eventually
from tests.e2e.service import ADMIN_KEY, PING_KEY, SECRET_KEY, free_port

ROOT = Path(__file__).parents[2]
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
BUILD_BOUND = 600
BASE = ["python3", "python3-venv", "ca-certificates"]


class Buildah:
    """buildah with a store of its own, which is thrown away."""

    def __init__(self, home: Path) -> None:
        self._command = ["buildah", "--storage-driver", "vfs"]
        self._command += ["--root", str(home / "store"), "--runroot", str(home / "run")]

    def command(self, *arguments: str | Path) -> list[str]:
        return [*self._command, *map(str, arguments)]

    def __call__(self, *arguments: str | Path) -> str:
        done = subprocess.run(
            self.command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=BUILD_BOUND
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    home = tmp_path_factory.mktemp("images")
    made = Buildah(home)
    root = home / "debian"
    bootstrap = ["debootstrap", "--variant=minbase", f"--include={','.join(BASE)}", "bookworm", str(root)]
    done = subprocess.run(bootstrap, capture_output=True, text=True, timeout=BUILD_BOUND)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    # A network may have certificates of its own; the image's build trusts what this machine trusts.
    shutil.copy(CERTIFICATES, root / CERTIFICATES.relative_to("/"))
    (root / "etc/pip.conf").write_text(f"[global]\ncert = {CERTIFICATES}\n")
    container = made("from", "scratch")
    made("add", "-q", container, root, "/")
    made("commit", "-q", container, "localhost/base")
    build = ["bud", "--isolation", "chroot", "--format", "docker", "--build-arg", "BASE=localhost/base"]
    made(*build, "-t", "localhost/heartbeat", ".")
    yield made
    made("rm", "--all")
    made("rmi", "--all", "--force")


@pytest.fixture
def container(buildah: Buildah) -> Iterator[str]:
    made = buildah("from", "localhost/heartbeat")
    yield made
    buildah("rm", made)


def test_the_image_says_how_it_is_run(buildah: Buildah) -> None:
    told = json.loads(buildah("inspect", "--type", "image", "localhost/heartbeat"))["Docker"]["config"]
    assert told["User"] == "10001:10001"
    assert told["Entrypoint"] == ["heartbeat"]
    assert told["Cmd"] == ["serve"]
    assert "/data" in told["Volumes"]
    assert told["StopSignal"] == "SIGTERM"
    assert told["Healthcheck"]["Test"][:2] == ["CMD", "python3"]


def test_a_container_serves_is_healthy_writes_only_its_data_and_stops(
    buildah: Buildah, container: str
) -> None:
    told = json.loads(buildah("inspect", "--type", "image", "localhost/heartbeat"))["Docker"]["config"]
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
