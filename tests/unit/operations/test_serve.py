"""Serving: one installation has one secret key, and none is made beside a database that knows another."""

from pathlib import Path

import pytest
from sqlalchemy import make_url

from heartbeat.database import engine, transact
from heartbeat.operations import secret_key, serve
from heartbeat.operations.secret_key import NotTheSame
from heartbeat.settings import Settings

OLD = "an old secret key that is long enough"


def test_without_the_key_that_the_database_knows_nothing_is_made(tmp_path: Path, database_url: str) -> None:
    writer = engine(make_url(database_url), writing=True)
    transact(writer, lambda db: secret_key.take(db, OLD))
    writer.dispose()
    given = Settings(
        data_dir=tmp_path / "data", config=tmp_path / "heartbeat.yaml", database_url=database_url, port=0
    )
    with pytest.raises(
        NotTheSame, match=r"was served with a secret key that is not here: .* heartbeat lost-key"
    ):
        serve.run(given, sample=True)
    assert list(given.data_dir.iterdir()) == []
    assert not given.config.exists()
