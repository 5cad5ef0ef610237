"""Actions that run once a transaction is committed. After a rollback they do not run."""

from collections.abc import Callable

from sqlalchemy import Connection

Action = Callable[[], None]
_ACTIONS = "heartbeat: after commit"


def expected(db: Connection) -> list[Action]:
    """Return the list that collects the actions of a transaction that begins. The caller runs them after the commit."""
    actions: list[Action] = []
    db.info[_ACTIONS] = actions
    return actions


def then(db: Connection, action: Action) -> None:
    """Run this once the transaction is committed. It must not fail. Without a list from `expected` it does not run."""
    actions: list[Action] = db.info.get(_ACTIONS, [])
    actions.append(action)
