"""Ids by which others know incidents and notices: providers, mailboxes, receivers of webhooks. Pure.

No id is given twice. Two installations may page through one account, so each id contains the installation's name. A
restored copy has a new name, because the numbers that were given since then are given again. An incident keeps the
name under which it opened, so that it can still be resolved outside.
"""

from datetime import UTC, datetime, timedelta

from alerting.incident import Incident

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def of_incident(incident: Incident) -> str:
    """Return the id of an incident. All of its notices share it, so that they form one thread."""
    return _joined("heartbeat-incident", incident.id, incident.installation)


def of_page(number: int, created_at: datetime, incident: Incident) -> str:
    """Return the id of a page or other notice, which is the same across retries.

    The number of a page can be given again in one incident, after a restore. The time tells the two apart.
    """
    return _joined("page", number, incident.installation, (created_at - _EPOCH) // _MICROSECOND)


def of_digest(number: int, created_at: datetime, installation: str | None) -> str:
    """Return the id of a digest. Its time tells it from one with the same number before a restore."""
    return _joined("heartbeat-digest", number, installation, (created_at - _EPOCH) // _MICROSECOND)


def of_test(person: str, installation: str | None, at: datetime) -> str:
    """Return the id of a test page."""
    return _joined("heartbeat-test", person, installation, (at - _EPOCH) // _MICROSECOND)


def of_service(about: str, installation: str | None, at: datetime) -> str:
    """Return the id of a notice about the service itself."""
    return _joined("heartbeat", about, installation, (at - _EPOCH) // _MICROSECOND)


def _joined(*parts: str | int | None) -> str:
    return "-".join(str(part) for part in parts if part is not None)
