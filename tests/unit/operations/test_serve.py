"""Serving: no secret key is created beside a database that knows another one."""

from pathlib import Path

import pytest
from sqlalchemy import make_url

from heartbeat.database import engine, transact
from heartbeat.operations import secret_key, serve
from heartbeat.operations.secret_key import NotTheSame
from heartbeat.settings import Settings

OLD = "an old secret key that is long enough"


def test_a_missing_secret_key_stops_the_start_and_creates_nothing(tmp_path: Path, database_url: str) -> None:
    writer = engine(make_url(database_url), writing=True)
    transact(writer, lambda db: secret_key.take(db, OLD))
    writer.dispose()
    settings = Settings(
        data_dir=tmp_path / "data", config=tmp_path / "heartbeat.yaml", database_url=database_url, port=0
    )
    with pytest.raises(
        NotTheSame, match=r"was served with a secret key that is missing here\. .* heartbeat lost-key"
    ):
        serve.run(settings, sample=True)
    assert list(settings.data_dir.iterdir()) == []
    assert not settings.config.exists()
