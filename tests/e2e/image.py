"""The container image, really built from the Dockerfile without any registry of images.

The base is a minimal Debian with its own Python, put together on the spot by debootstrap, and the builder is buildah:
both are Debian packages, and both must run as root.
"""

import fcntl
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
BUILD_BOUND = 600
BASE = ["python3", "python3-venv", "ca-certificates"]
NAME = "localhost/heartbeat"


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

    def told(self) -> dict[str, Any]:
        """What the image says of how it is to be run."""
        found: dict[str, Any] = json.loads(self("inspect", "--type", "image", NAME))["Docker"]["config"]
        return found


@contextmanager
def built(home: Path) -> Iterator[Buildah]:
    """buildah with the image `NAME` in its store: built by the first process that asks, removed by the last one."""
    home.mkdir(exist_ok=True)
    made, done = Buildah(home), home / "built"
    with (home / "turn").open("w") as turn, (home / "use").open("w") as use:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not done.exists():
            _build(made, home)
            done.touch()
        fcntl.flock(use, fcntl.LOCK_SH)
        fcntl.flock(turn, fcntl.LOCK_UN)
        yield made
        fcntl.flock(turn, fcntl.LOCK_EX)
        # Refused while another process uses the image.
        with suppress(BlockingIOError):
            fcntl.flock(use, fcntl.LOCK_EX | fcntl.LOCK_NB)
            done.unlink()
            made("rm", "--all")
            made("rmi", "--all", "--force")


def _build(made: Buildah, home: Path) -> None:
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
    made(*build, "-t", NAME, ".")
