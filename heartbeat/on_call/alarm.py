"""Symptoms of who is on call: raised while they hold, and cleared after. Each watch keeps those of its own."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from alerting import desk
from alerting.incident import Symptom
from heartbeat import installation


def tell(db: Connection, kept: str, symptoms: Sequence[Symptom], over: str, now: datetime) -> None:
    """Raise these symptoms, and clear those that were raised before, for the reason `over`.

    `kept` is the fact of the installation that holds why each was raised. An incident that somebody has resolved opens
    again only for another reason.
    """
    told: dict[str, str] = installation.recall(db, kept) or {}
    whys = {symptom.key: symptom.facts.why for symptom in symptoms}
    raised = {row.key: (row.facts.why, row.severity) for row in desk.raised(db, told.keys() | whys.keys())}
    news = [
        symptom
        for symptom in symptoms
        if (symptom.key in raised or told.get(symptom.key) != symptom.facts.why)
        and raised.get(symptom.key) != (symptom.facts.why, symptom.severity)
    ]
    pace = installation.pace(db)
    if news:
        desk.raise_(db, news, now, pace)
    if gone := raised.keys() - whys.keys():
        desk.clear(db, dict.fromkeys(gone, over), now, pace)
    if whys != told:
        installation.remember(db, kept, whys)
