"""What end-to-end tests share: real processes, a phone, databases that may be killed. All of it is stopped."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e import office, walk
from tests.e2e.image import Buildah, built
from tests.e2e.phone import Phone
from tests.e2e.postgres import Postgres
from tests.e2e.service import ADMIN_KEY, PING_KEY, SECRET_KEY, Service, bare_environment

Serve = Callable[..., Service]
# A morning takes long to live through: once for all walks of a process, each of which works on a copy.
lived, settled = walk.lived, office.settled


LONGEST = ("every_page", "tour", "chart", "commands", "sigkill", "fuzz", "by_provider", "pairs", "rotation")
"""The files that take longest, some of them waiting. They begin first, so that nobody waits for them in the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first, all others in their order."""
    places = {f"test_{name}.py": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


@contextmanager
def began(home: Path, configuration: str, *arguments: str, **environment: str) -> Iterator[Service]:
    """A service that is ready, and is stopped in the end."""
    service = _made(home, configuration, *arguments, **environment)
    try:
        yield service.start()
    finally:
        _ended(service)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Makes a service, not begun yet: `serve(configuration, name="…", NAME="value in its environment")`."""
    made: list[Service] = []

    def make(configuration: str = "", *arguments: str, name: str = "service", **environment: str) -> Service:
        made.append(_made(tmp_path / name, configuration, *arguments, **environment))
        return made[-1]

    yield make
    for service in made:
        _ended(service)


@pytest.fixture
def phone() -> Iterator[Phone]:
    """A phone that rings."""
    with Phone() as made:
        yield made


@pytest.fixture(scope="session")
def one_postgres() -> Iterator[Postgres]:
    """The one PostgreSQL server of the session."""
    with Postgres() as server:
        yield server


@pytest.fixture
def postgres_server(one_postgres: Postgres) -> Iterator[Postgres]:
    """A PostgreSQL server that a test may kill or freeze: the next one finds it running."""
    yield one_postgres
    one_postgres.mend()


@pytest.fixture(scope="session")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    """The image, built once for all processes of a run: it takes longer than all that is done with it."""
    home = tmp_path_factory.getbasetemp()
    with built((home.parent if "PYTEST_XDIST_WORKER" in os.environ else home) / "image") as made:
        yield made


@pytest.fixture
def make_url(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Makes the address of a new database of a kind: "sqlite" or "postgres"."""

    def make(kind: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{tmp_path / 'heartbeat.db'}"
        server: Postgres = request.getfixturevalue("postgres_server")
        return server.database()

    return make


def _made(home: Path, configuration: str, *arguments: str, **environment: str) -> Service:
    settings = {
        "HEARTBEAT_ADMIN_KEY": ADMIN_KEY,
        "HEARTBEAT_PING_KEY": PING_KEY,
        "HEARTBEAT_SECRET_KEY": SECRET_KEY,
    }
    service = Service(home, *arguments, environment=bare_environment(**settings | environment))
    if configuration:
        (home / "heartbeat.yaml").write_text(configuration)
    return service


def _ended(service: Service) -> None:
    service.end()
    # pytest shows this where a test has failed.
    print(f"--- {service.home.name} said:\n{service.output()}")
