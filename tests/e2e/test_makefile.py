"""The README's two commands, on a clean copy of this tree."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.e2e.patience import eventually
from tests.e2e.service import bare_environment, free_port

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
INSTALLED_WITHIN = 300


def test_make_run_installs_and_serves(tmp_path: Path) -> None:
    tree = _clean_copy(tmp_path / "tree")
    environment = _fresh_shell(HEARTBEAT_PORT=str(free_port()))
    with _making_run(tree, environment) as said:
        address = f"http://127.0.0.1:{environment['HEARTBEAT_PORT']}"
        assert f"heartbeat is at {address} (sample configuration" in said
        line = said.partition("ping a check: ")[2].splitlines()[0]
        heard = subprocess.run(shlex.split(line), capture_output=True, text=True, timeout=20, check=True)
        assert heard.stdout == "OK"
        eventually(lambda: httpx.get(f"{address}/readyz").status_code == 200, within=20, what="readiness")
    assert "Traceback" not in tree.with_name("said").read_text(), "Ctrl-C is a good end"
    # Git is to see nothing of what a run leaves behind.
    left = subprocess.run(
        ["git", "status", "--porcelain"], cwd=tree, capture_output=True, text=True, check=True
    )
    assert left.stdout == ""

    tests = subprocess.run(
        ["make", "-n", "test"], cwd=tree, env=environment, capture_output=True, text=True, check=True
    )
    assert "-m pytest" in tests.stdout


def _clean_copy(tree: Path) -> Path:
    """What a clone would hold if everything here were committed now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    author = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
    for command in (["init", "-q"], ["add", "."], [*author, "commit", "-q", "-m", "all"]):
        subprocess.run(["git", *command], cwd=tree, check=True)
    return tree


def _fresh_shell(**more: str) -> dict[str, str]:
    """The environment without what this run of make and its virtual environment have put there."""
    environment = bare_environment(**more)
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "VIRTUAL_ENV"):
        environment.pop(name, None)
    environment.setdefault("PYTHON", str(Path(sys.base_prefix) / "bin" / "python3"))
    return environment


@contextmanager
def _making_run(tree: Path, environment: dict[str, str]) -> Iterator[str]:
    """`make run`, ended by Ctrl-C; what it says until it serves."""
    log = tree.with_name("said")
    with log.open("w") as output:
        process = subprocess.Popen(
            ["make", "run"],
            cwd=tree,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def said() -> str:
        assert process.poll() is None, f"make has ended with {process.returncode}:\n{log.read_text()}"
        return log.read_text() if "ping a check: " in log.read_text() else ""

    try:
        yield eventually(said, within=INSTALLED_WITHIN, what="make run to serve")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        process.wait(20)
        print(log.read_text())
