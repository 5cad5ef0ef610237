"""The second factor: codes that change every 30 seconds (TOTP, RFC 6238), and some for when the phone is lost.

Pure.
"""

from datetime import datetime

import pyotp

from heartbeat.access.token import Chance

STEP = 30
"""Seconds that a code is valid (RFC 6238, section 4.1)."""
DRIFT = 1
"""Steps before and after the present one whose codes are taken, for clocks that differ (section 5.2)."""
RECOVERY_CODES = 10
RECOVERY_BYTES = 10
"""Of chance in a recovery code: nobody guesses 80 bits."""


def address(secret: str, user: str, host: str) -> str:
    """What an authenticator reads from the picture: the secret, and whose it is."""
    return pyotp.TOTP(secret, name=user, issuer=f"heartbeat {host}").provisioning_uri()


def step_of(secret: str, given: str, now: datetime) -> int | None:
    """The time step whose code this is; None where it is that of none near `now`."""
    tidy = "".join(given.split())
    if not (tidy.isascii() and tidy.isdigit() and len(tidy) == 6):
        return None
    present = int(now.timestamp()) // STEP
    codes = pyotp.TOTP(secret)
    # All are compared, so that how long it takes tells nothing.
    found = [
        step
        for step in range(present - DRIFT, present + DRIFT + 1)
        if codes.verify(tidy, for_time=datetime.fromtimestamp(step * STEP, now.tzinfo))
    ]
    return found[-1] if found else None


def recovery_codes(chance: Chance) -> list[str]:
    """Codes that each work once instead of one from the phone, in groups that can be read aloud."""
    return [_grouped(chance(RECOVERY_BYTES)) for _ in range(RECOVERY_CODES)]


def tidy(recovery: str) -> str:
    """A recovery code as it is hashed, however it was typed."""
    return "".join(recovery.lower().replace("-", " ").split())


def _grouped(text: str) -> str:
    return "-".join(text[start : start + 5] for start in range(0, len(text), 5))
