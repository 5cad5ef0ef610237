"""Serving: one installation has one secret key, which can be replaced by name."""

from functools import partial

import pytest
from sqlalchemy import make_url

from heartbeat import serve
from heartbeat.database import engine, transact
from heartbeat.settings import BadSetting

OLD, NEW = "an old secret key that is long enough", "a new secret key that is long enough"


def test_another_secret_key_is_taken_only_where_the_one_before_is_named(database_url: str) -> None:
    writer = engine(make_url(database_url), writing=True)
    try:
        begun: list[tuple[str, tuple[str, ...]]] = [(OLD, ()), (OLD, (NEW,)), (NEW, (OLD,)), (NEW, ())]
        for key, before in begun:
            transact(writer, partial(serve._same_installation, secret_key=key, before=before))
        with pytest.raises(BadSetting, match="HEARTBEAT_SECRET_KEY_PREVIOUS"):
            transact(writer, lambda db: serve._same_installation(db, OLD))
    finally:
        writer.dispose()
