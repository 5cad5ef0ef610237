"""A transaction for tests of checks."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, make_url

from heartbeat.database import engine


@pytest.fixture
def db(database_url: str) -> Iterator[Connection]:
    writer = engine(make_url(database_url), writing=True)
    with writer.begin() as connection:
        yield connection
    writer.dispose()
