"""Serving: one installation has one secret key, which can be replaced by name."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import make_url

from heartbeat import serve
from heartbeat.database import engine, transact
from heartbeat.settings import BadSetting
from tests.unit.conftest import waiting

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


def test_two_processes_that_are_the_first_at_the_same_time_agree(
    make_database_url: Callable[[str], str],
) -> None:
    url = make_url(make_database_url("postgres"))
    writer = engine(url, writing=True)
    try:
        with ThreadPoolExecutor(2) as threads, writer.connect() as db, db.begin():
            serve._same_installation(db, NEW)
            others = [
                threads.submit(transact, writer, lambda db, key=key: serve._same_installation(db, key))
                for key in (NEW, OLD)
            ]
            assert any(waiting(writer) == len(others) for _ in range(5_000))
            db.commit()
        assert others[0].exception() is None
        assert isinstance(others[1].exception(), BadSetting)
    finally:
        writer.dispose()
