"""Shared by the tests of sentences on screens: a sentence as text."""

from datetime import datetime

from alerting import times
from heartbeat.http.pages.sentence import Words


def plain(sentence: Words, now: datetime) -> str:
    """Return the sentence as text."""
    return "".join(
        f"{times.instant(part, now, 'UTC')} UTC" if isinstance(part, datetime) else part for part in sentence
    )
