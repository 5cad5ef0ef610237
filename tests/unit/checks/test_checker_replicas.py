"""Several processes on one PostgreSQL: no transition twice, no page twice, nothing forgotten."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import Connection, func, select

from alerting import escalator
from alerting.tables import incidents, pages, symptoms
from heartbeat.checks import checker
from heartbeat.checks.check import Check, State
from heartbeat.checks.tables import checks, transitions
from heartbeat.database import Database
from tests.unit.conftest import NOW, a_check

MANY = 600


async def test_three_checkers_make_each_transition_and_each_page_once(
    make_database_url: Callable[[str], str], insert: Callable[[Connection, list[Check]], dict[str, Check]]
) -> None:
    url = make_database_url("postgres")
    replicas = [Database(url) for _ in range(3)]
    # Half of them share one host, and so one incident: the replicas meet on its row.
    hosts = [{"host": "shared"} if n % 2 else {"host": f"h{n}"} for n in range(MANY)]
    made = [a_check(f"job-{n}", labels=labels) for n, labels in enumerate(hosts)]
    await replicas[0].write(lambda db: insert(db, made))
    late = NOW + timedelta(hours=1)

    async def run(replica: Database) -> int:
        worked = 0
        while True:
            judged = await replica.write(lambda db: checker.sweep(db, late, limit=20))
            paged = await replica.write(
                lambda db: escalator.sweep(db, late + timedelta(seconds=30), limit=20)
            )
            worked += judged
            if not judged and not paged:
                return worked

    worked = await asyncio.gather(*(run(replica) for replica in replicas))

    def count(db: Connection) -> dict[str, object]:
        return {
            "down": db.execute(select(func.count()).where(checks.c.state == State.DOWN)).scalar_one(),
            "transitions": Counter(db.execute(select(transitions.c.check_id)).scalars()).most_common(1)[0][1],
            "incidents": db.execute(select(func.count()).select_from(incidents)).scalar_one(),
            "symptoms": db.execute(select(func.count()).select_from(symptoms)).scalar_one(),
            "pages": db.execute(select(func.count()).select_from(pages)).scalar_one(),
        }

    found = await replicas[0].read(count)
    for replica in replicas:
        replica.close()
    assert sum(worked) == MANY
    assert found == {
        "down": MANY,
        "transitions": 1,
        "incidents": MANY // 2 + 1,
        "symptoms": MANY,
        "pages": MANY // 2 + 1,
    }
