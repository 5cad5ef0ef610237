"""Turning the second factor on and off, and taking its codes, in the caller's transaction."""

from datetime import datetime
from secrets import token_hex

from sqlalchemy import Connection

from heartbeat import audit
from heartbeat.access import second_factor, store, token
from heartbeat.access.account import User
from heartbeat.access.tries import CODES_IN_A_ROW
from heartbeat.actor import Actor
from heartbeat.vault import Vault

TOO_MANY_CODES = "There were too many wrong codes. Use a recovery code, or ask an admin to reset you."
WRONG_CODE = "The code is wrong, expired or already used. Wait for the next one."


def turn_on(
    db: Connection, actor: Actor, user: User, vault: Vault, secret: str, code: str, now: datetime
) -> list[str] | None:
    """Ask for a code from now on, if this one proves that the phone has the secret. Return the recovery codes.

    Return None if the code is wrong. The user's other sessions stay, since the password is the same.
    """
    step = second_factor.step_of(secret, code, now)
    if step is None:
        return None
    sealed = vault.seal(secret, user.about_code)
    store.change_user(db, user.id, code_secret=sealed, code_step=step, wrong_codes=0)
    codes = second_factor.recovery_codes(token_hex)
    store.put_recovery_codes(db, user.id, [token.hashed(second_factor.tidy(recovery)) for recovery in codes])
    # A new phone replaces a lost one while the factor is on.
    old, new = ("off", "on") if user.code_secret is None else ("on", "on, with another secret")
    _record(db, actor, user, old, new, now)
    return codes


def turn_off(db: Connection, actor: Actor, user: User, now: datetime) -> None:
    """Stop asking for a code."""
    store.change_user(db, user.id, code_secret=None, wrong_codes=0)
    store.put_recovery_codes(db, user.id, [])
    if user.code_secret is not None:
        _record(db, actor, user, "on", "off", now)


def take_code(db: Connection, user: User, vault: Vault, code: str, now: datetime) -> str | None:
    """Use a code up: return "code" or "recovery code", or None if it is neither. Raises `vault.Unreadable`.

    After too many wrong ones in a row, only a recovery code counts: a thief of the password could guess for months.
    """
    if user.code_secret is None:
        return None
    kind = None
    if store.take_recovery_code(db, user.id, token.hashed(second_factor.tidy(code))):
        kind = "recovery code"
    elif not has_too_many_wrong(user):
        step = second_factor.step_of(vault.open(user.code_secret, user.about_code), code, now)
        kind = "code" if step is not None and store.take_step(db, user.id, step) else None
    store.count_wrong_code(db, user.id, reset=kind is not None)
    return kind


def has_too_many_wrong(user: User) -> bool:
    """Return True if only a recovery code counts."""
    return user.wrong_codes >= CODES_IN_A_ROW


def _record(db: Connection, actor: Actor, user: User, old: str, new: str, now: datetime) -> None:
    fields = {"before": {"second_factor": old}, "after": {"second_factor": new}}
    audit.record(db, actor, "user.second_factor", f"user {user.name}", now, **fields)
