"""The second factor: codes that change every 30 seconds (TOTP, RFC 6238), and recovery codes. Pure."""

from datetime import datetime

import pyotp

from heartbeat.access.token import Chance

STEP = 30
"""Seconds that a code is valid (RFC 6238, section 4.1)."""
DRIFT = 1
"""Steps before and after the present one whose codes are accepted, for clocks that differ (section 5.2)."""
RECOVERY_CODES = 10
RECOVERY_BYTES = 10
"""Random bytes in a recovery code. 80 bits cannot be guessed."""


def address(secret: str, user: str, host: str) -> str:
    """Return the address in the QR code, from which an authenticator reads the secret and its user."""
    return pyotp.TOTP(secret, name=user, issuer=f"heartbeat {host}").provisioning_uri()


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """Return the time step near `now` that this code belongs to, or None."""
    tidy = "".join(code.split())
    if not (tidy.isascii() and tidy.isdigit() and len(tidy) == 6):
        return None
    present = int(now.timestamp()) // STEP
    codes = pyotp.TOTP(secret)
    # Compare all of them, so that the time taken reveals nothing.
    matching = [
        step
        for step in range(present - DRIFT, present + DRIFT + 1)
        if codes.verify(tidy, for_time=datetime.fromtimestamp(step * STEP, now.tzinfo))
    ]
    return matching[-1] if matching else None


def recovery_codes(chance: Chance) -> list[str]:
    """Return new recovery codes, in groups that can be read aloud. Each works once in place of a code."""
    return [_grouped(chance(RECOVERY_BYTES)) for _ in range(RECOVERY_CODES)]


def tidy(recovery: str) -> str:
    """Return a recovery code in the form that is hashed, however it was typed."""
    return "".join(recovery.lower().replace("-", " ").split())


def _grouped(text: str) -> str:
    return "-".join(text[start : start + 5] for start in range(0, len(text), 5))
