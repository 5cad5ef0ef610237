"""The limit of open files, and the connections that it allows."""

import subprocess
import sys

import pytest

from heartbeat.http.connection import MAX_CONNECTIONS
from heartbeat.operations import open_files


@pytest.mark.parametrize(
    ("files", "connections"),
    [
        (64, 32),
        (256, 128),
        (1_024, 512),
        (4_096, 3_584),
        (5_512, MAX_CONNECTIONS),
        (1_000_000, MAX_CONNECTIONS),
    ],
)
def test_connections_leave_files_for_everything_else(files: int, connections: int) -> None:
    assert open_files.connections(files) == connections
    assert (open_files.shortage(files) is None) is (connections == MAX_CONNECTIONS)


@pytest.mark.parametrize(
    ("soft", "hard", "expected"), [(256, 2_048, 2_048), (300, 300, 300), (256, 20_000, 16_384)]
)
def test_the_limit_is_raised_as_far_as_the_system_allows(soft: int, hard: int, expected: int) -> None:
    program = (
        "import resource; from heartbeat.operations import open_files; "
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard})); "
        "open_files.raise_limit(); print(open_files.limit())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) == expected
