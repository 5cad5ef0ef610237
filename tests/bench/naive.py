"""The naive way, for contrast: FastAPI, and one SQLAlchemy ORM session and transaction a request.

`uvicorn --factory tests.bench.naive:app` with NAIVE_DATABASE_URL; the database, its durability and the driver
are those that heartbeat uses.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import Depends, FastAPI, HTTPException, Request
from sqlalchemy import ForeignKey, make_url, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from alerting.sql import Utc, key_type, metadata
from heartbeat.checks.tables import checks
from heartbeat.database import engine


class Base(DeclarativeBase):
    metadata = metadata


class Check(Base):
    """A check, as the object-relational mapper sees it."""

    __table__ = checks

    if TYPE_CHECKING:
        id: Mapped[int]
        last_ok_at: Mapped[datetime | None]
        pings: Mapped[int]


class Ping(Base):
    """One row a ping."""

    __tablename__ = "naive_pings"

    id: Mapped[int] = mapped_column(key_type(), primary_key=True)
    check_id: Mapped[int] = mapped_column(ForeignKey("checks.id"), index=True)
    at: Mapped[datetime] = mapped_column(Utc)
    method: Mapped[str]
    remote: Mapped[str]
    agent: Mapped[str]


def app() -> FastAPI:
    """The application."""
    made = engine(make_url(os.environ["NAIVE_DATABASE_URL"]), writing=True)
    Base.metadata.create_all(made)
    sessions = sessionmaker(made)
    routes = FastAPI()

    def session() -> Iterator[Session]:
        with sessions() as one:
            yield one

    @routes.get("/livez")
    def livez() -> str:
        return "OK"

    @routes.get("/ping/{uuid}")
    def ping(uuid: UUID, request: Request, db: Annotated[Session, Depends(session)]) -> str:
        check = db.scalars(select(Check).where(checks.c.uuid == uuid)).one_or_none()
        if check is None:
            raise HTTPException(404)
        db.add(_heard(check, request))
        db.commit()
        return "OK"

    return routes


def _heard(check: Check, request: Request) -> Ping:
    now = datetime.now(UTC)
    check.last_ok_at = now
    check.pings += 1
    remote = request.client.host if request.client else ""
    agent = request.headers.get("user-agent", "")
    return Ping(check_id=check.id, at=now, method=request.method, remote=remote, agent=agent)
