"""Turning the second factor on and off, and asking for it. Each in the caller's transaction."""

from datetime import datetime
from secrets import token_hex

from sqlalchemy import Connection

from heartbeat import audit
from heartbeat.access import second_factor, store, token
from heartbeat.access.account import User
from heartbeat.vault import Vault
from heartbeat.who import Who

WRONG = "The code is not right any more, or was used already: wait for the next one."


def turn_on(
    db: Connection, who: Who, user: User, vault: Vault, secret: str, given: str, now: datetime
) -> list[str] | None:
    """Ask for a code from now on, if this one shows that the phone has the secret: the recovery codes, shown once.

    None where the code is wrong. All other sign-ins stay, since the password is the same.
    """
    step = second_factor.step_of(secret, given, now)
    if step is None:
        return None
    store.change_user(db, user.id, code_secret=vault.seal(secret, user.about_code), code_step=step)
    codes = second_factor.recovery_codes(token_hex)
    store.put_recovery_codes(db, user.id, [token.hashed(second_factor.tidy(code)) for code in codes])
    # Who replaces a lost phone has it on before and after.
    was, is_now = ("off", "on") if user.code_secret is None else ("on", "on, with another secret")
    _written_down(db, who, user, was, is_now, now)
    return codes


def turn_off(db: Connection, who: Who, user: User, now: datetime) -> None:
    """Ask for no code any more."""
    store.change_user(db, user.id, code_secret=None)
    store.put_recovery_codes(db, user.id, [])
    if user.code_secret is not None:
        _written_down(db, who, user, "on", "off", now)


def takes(db: Connection, user: User, vault: Vault, given: str, now: datetime) -> str | None:
    """How this code proves who the user is: "code" or "recovery code"; None where it does not. It is used up by that.

    Raises `vault.Unreadable`.
    """
    if user.code_secret is None:
        return None
    if store.take_recovery_code(db, user.id, token.hashed(second_factor.tidy(given))):
        return "recovery code"
    step = second_factor.step_of(vault.open(user.code_secret, user.about_code), given, now)
    return "code" if step is not None and store.take_step(db, user.id, step) else None


def _written_down(db: Connection, who: Who, user: User, was: str, is_now: str, now: datetime) -> None:
    before, after = {"second_factor": was}, {"second_factor": is_now}
    audit.record(db, who, "user.second_factor", f"user {user.name}", now, before=before, after=after)
