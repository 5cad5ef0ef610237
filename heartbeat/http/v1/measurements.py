"""The history of the numbers of a check in the API."""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from heartbeat.http.auth import ContextDep
from heartbeat.http.v1 import fields
from heartbeat.http.v1.checks import look_up
from heartbeat.http.v1.keyed import KeyedRoute
from heartbeat.http.v1.tags import ConditionalReadDep
from heartbeat.measurements import history, store
from heartbeat.measurements.history import Spread

router = APIRouter(prefix="/checks", tags=["checks"], route_class=KeyedRoute)


class Values(BaseModel):
    """The values of a number in an hour or a day."""

    count: int = Field(description="The number of values.")
    lowest: float
    median: float = Field(
        description="Exact up to 60 values in an hour and 240 in a day, else that of an even sample."
    )
    highest: float


class Hour(Values):
    """The values of a number in an hour."""

    hour: int = Field(description="The hour of the day in UTC: 3 is from 03:00 to 04:00.")


class Day(Values):
    """The values of a number in a day."""

    day: str = Field(description="The day in UTC.", examples=["2026-05-03"])
    hours: list[Hour] | None = Field(description="The hours with values, if one number was asked for.")


class Measurement(BaseModel):
    """A number of a check."""

    name: str
    days: list[Day] = Field(description="The days with values, oldest first.")


class Measurements(BaseModel):
    """The numbers of a check by day."""

    measurements: list[Measurement]


@router.get("/{name}/measurements")
async def list_measurements(
    name: fields.CheckName,
    context: ContextDep,
    conditional: ConditionalReadDep,
    days: fields.Days = 30,
    measurement: fields.MeasurementName | None = None,
) -> Measurements:
    """List the numbers of a check by day: the lowest, median and highest value. 400 days are kept.

    With `measurement`, only that number, with its hours.
    """
    since = history.day_of(context.clock.now()) - timedelta(days=days - 1)

    def work(db: Connection) -> Measurements:
        names = None if measurement is None else [measurement]
        kept = store.of_check(db, look_up(db, name).id, since, names)
        return Measurements(
            measurements=[
                Measurement(
                    name=number,
                    days=[
                        _day(day.isoformat(), value, with_hours=names is not None)
                        for day, value in of_days.items()
                    ],
                )
                for number, of_days in sorted(kept.items())
            ]
        )

    return conditional.tagged(await context.database.read(work))


def _day(day: str, value: history.Day, *, with_hours: bool) -> Day:
    hours = [Hour(hour=hour, **_values(spread)) for hour, spread in sorted(value.hours.items())]
    return Day(day=day, hours=hours if with_hours else None, **_values(value.whole))


def _values(spread: Spread) -> dict[str, Any]:
    return {"count": spread.count, "lowest": spread.low, "median": spread.middle, "highest": spread.high}
