"""What is to be done once a transaction is committed, and only then: what was rolled back must not be told of."""

from collections.abc import Callable

from sqlalchemy import Connection

Act = Callable[[], None]
_ACTS = "heartbeat: once it is committed"


def expected(db: Connection) -> list[Act]:
    """A transaction begins; what it wants to be done afterwards gathers in this list. Whoever commits does it."""
    acts: list[Act] = []
    db.info[_ACTS] = acts
    return acts


def then(db: Connection, act: Act) -> None:
    """Do this once the transaction is committed. It must not fail. Where nobody has asked for what is to be done
    afterwards, it is left undone."""
    acts: list[Act] = db.info.get(_ACTS, [])
    acts.append(act)
