"""The SQL of round robin: whose turn it was last, by policy and step."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, select, update

from alerting.crew_tables import policies, rounds
from alerting.round_robin import deal
from alerting.sql import insert_many


def draw(
    db: Connection, policy: str, step: int, hands: Mapping[tuple[str, ...], Sequence[int]]
) -> dict[int, str]:
    """Give each of these incidents the next turn of a step, and return its entry by incident.

    `hands` are incidents by the candidates of each, at least one. Two processes that draw at a time do so one after the
    other.
    """
    last = _lock(db, policy, step)
    drawn: dict[int, str] = {}
    for candidates, incidents in hands.items():
        dealt, last = deal(last, candidates, len(incidents))
        drawn |= zip(incidents, dealt, strict=True)
    row = (rounds.c.policy == policy) & (rounds.c.step == step)
    db.execute(update(rounds).where(row).values(turns=last))
    return drawn


def last_turns(db: Connection, policy: str, step: int) -> dict[str, int]:
    """Return the number of the last turn of each entry of a step that had one. Locks nothing."""
    query = select(rounds.c.turns).where(rounds.c.policy == policy, rounds.c.step == step)
    return dict(db.execute(query).scalar() or {})


def forget_strangers(db: Connection) -> None:
    """Delete the turns of policies that are no more."""
    db.execute(delete(rounds).where(rounds.c.policy.not_in(select(policies.c.id))))


def _lock(db: Connection, policy: str, step: int) -> dict[str, int]:
    first = {"policy": policy, "step": step, "turns": {}}
    insert_many(db, rounds, [first], on_conflict="ON CONFLICT (policy, step) DO NOTHING")
    query = select(rounds.c.turns).where(rounds.c.policy == policy, rounds.c.step == step)
    return dict(db.execute(query.with_for_update()).scalar_one())
