"""Ids by which others know incidents and notices: providers, mailboxes, receivers of webhooks. Pure.

No id is given twice. Two installations may page through one account, so each id contains the installation's name. A
restored copy has a new name, because the numbers that were given since then are given again. An incident keeps the
name under which it opened, so that it can still be resolved outside.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from alerting.incident import Incident

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TIME = r"(?:-.*)?-(?P<at>[0-9]{1,17})"
_NUMBERED = re.compile(r"(?P<what>page|heartbeat-digest)-(?P<number>[0-9]{1,18})" + _TIME)
_TEST = re.compile(r"heartbeat-test-(?P<person>.+)-(?P<mark>[0-9a-f]{16})" + _TIME)


@dataclass(frozen=True, slots=True)
class PageId:
    """The id of a page or of another notice, read: its number, and when it was written."""

    number: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DigestId:
    """The id of a digest, read."""

    number: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TestId:
    """The id of a test page, read: the person, the mark of the contact, and when it was sent."""

    __test__ = False  # pytest would take it for a test.

    person: str
    mark: str
    sent_at: datetime


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


def of_test(person: str, mark: str, installation: str | None, at: datetime) -> str:
    """Return the id of a test page to the contact with this mark."""
    return _joined("heartbeat-test", person, mark, installation, (at - _EPOCH) // _MICROSECOND)


def of_service(about: str, installation: str | None, at: datetime) -> str:
    """Return the id of a notice about the service itself."""
    return _joined("heartbeat", about, installation, (at - _EPOCH) // _MICROSECOND)


def read(notice_id: str) -> PageId | DigestId | TestId | None:
    """Return what the id of a notice names. The time must be compared: a number can be given again after a restore."""
    if match := _NUMBERED.fullmatch(notice_id):
        of = PageId if match["what"] == "page" else DigestId
        return of(int(match["number"]), _EPOCH + int(match["at"]) * _MICROSECOND)
    if match := _TEST.fullmatch(notice_id):
        return TestId(match["person"], match["mark"], _EPOCH + int(match["at"]) * _MICROSECOND)
    return None


def _joined(*parts: str | int | None) -> str:
    return "-".join(str(part) for part in parts if part is not None)
