"""How many customers a second one process tells how things stand: from memory, whatever the database does."""

from collections.abc import Iterator

from tests.bench import load, processes, serving
from tests.bench.databases import Bench
from tests.bench.figures import Figure

SECONDS = 5
PAGE = """
status_pages:
  public: {title: Example status, components: [{name: Mail, match: {component: mail}}]}
"""


def measure(bench: Bench, kind: str) -> Iterator[Figure]:
    """Requests a second of the page itself."""
    configuration = bench.home / "status.yaml"
    configuration.write_text(PAGE)
    with serving.heartbeat(bench, bench.fresh(kind), configuration) as served:
        address = f"http://127.0.0.1:{served.port}/status/public/"
        processes.await_answer(address)
        paths = bench.home / "status-paths"
        paths.write_text("/status/public/\n")
        driven = load.full(served.port, paths, SECONDS)
    yield Figure("status_rps", driven.rate, "requests/s", least=5_000)
