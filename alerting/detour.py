"""Takes notices past a channel whose one server fails for everybody: at once to the next contact of their person.

Without it, each page would find out by itself that the provider is away, for up to a minute where that hangs. What has
no other contact is tried as ever, and one notice at a time probes the channel, so that nothing is lost or stays away.

A page goes to whatever contact is next. News of an incident (an update, an acknowledgement, an end) goes to the next
contact that a person reads, unless they hear of it on another one anyway. It stays where only its own contact is of
use: a machine keeps incidents of its own, and a message that is edited is wrong until it is.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from alerting import breaker, digest_store, leases, outbox, roster, timeline
from alerting.breaker import NOTHING_FAILS, Channel
from alerting.composing import Addressed
from alerting.digest import Stream
from alerting.incident import Entry
from alerting.notice import NoticeKind
from alerting.notifiers.contract import Outcome
from alerting.outbox import Page
from alerting.person import Contact, Person

log = logging.getLogger(__name__)

Ways = tuple[Sequence[Contact], int]
"""The contacts that a notice may go to, and the number of the present one."""


class Channels:
    """The channels that failed lately, by kind, as this process has seen them.

    `has` says whether a kind of notifier has an optional trait of the contract, such as `edits`. `observe` is called
    with a kind, and whether notices now go past it, whenever that changes.
    """

    def __init__(
        self,
        has: Callable[[str, str], bool],
        observe: Callable[[str, bool], None] = lambda _kind, _broken: None,
    ) -> None:
        self._failing: dict[str, Channel] = {}
        self._has = has
        self._observe = observe

    def judge(self, contact: Contact, outcome: Outcome, now: datetime) -> None:
        """Note the outcome of a send. It says something of a channel whose contacts share one server."""
        if not self._has(contact.kind, "server_in_settings"):
            return
        before = self._failing.pop(contact.kind, NOTHING_FAILS)
        after = breaker.channel_after(before, contact, outcome, now)
        if after != NOTHING_FAILS:
            self._failing[contact.kind] = after
        if after.is_broken != before.is_broken:
            self._observe(contact.kind, after.is_broken)
            words = "fails for everybody: pages go to the next contact" if after.is_broken else "works again"
            extra = {"notifier": contact.kind, "event": "channel"}
            log.log(
                logging.WARNING if after.is_broken else logging.INFO,
                "%s %s",
                contact.kind,
                words,
                extra=extra,
            )

    def begun(self, kinds: Collection[str], now: datetime) -> None:
        """Note that something is on its way by channels of these kinds: by a broken one it is the probe."""
        for kind in set(kinds) & self._failing.keys():
            channel = self._failing[kind]
            self._failing[kind] = replace(channel, broken=breaker.begun(channel.broken, now))

    def past(self, db: Connection, notices: Sequence[Addressed], now: datetime) -> list[Addressed]:
        """Return leased notices, each by a contact whose channel works if it has one. Write what has changed."""
        moved = {notice[0].id: notice for notice in self._moved(db, notices, now)}
        return [moved.get(notice[0].id, notice) for notice in notices]

    def past_stream(self, db: Connection, stream: Stream, now: datetime) -> int:
        """Let the due notices of a stream go past its channel, up to `digest_store.CHUNK`, before they form a digest.

        Return how many were looked at; 0 if they stay. The probe, if it is time for one, is the least severe.
        """
        if not self._failing.get(stream.via, NOTHING_FAILS).is_broken:
            return 0
        person = roster.load_people(db, [stream.person]).get(stream.person)
        contact = person.contact_under(stream.via, stream.contact_mark) if person else None
        if person is None or contact is None:
            return 0
        due = [(page, person, contact) for page in reversed(digest_store.due(db, stream, now))]
        # A page whose list of contacts has changed is addressed anew when it is sent.
        right = [
            one
            for one in due
            if stream.kind is not NoticeKind.PAGE
            or person.way(one[0].severity, one[0].contact).mark == contact.mark
        ]
        return len(due) if self._moved(db, right, now) else 0

    def _moved(self, db: Connection, notices: Sequence[Addressed], now: datetime) -> list[Addressed]:
        """Return the notices that go past a broken channel, with their new contacts, and write these."""
        # Outcomes come in meanwhile: this runs in a thread of the database.
        channels = dict(self._failing)
        broken = {kind for kind, channel in channels.items() if channel.is_broken}
        concerned = [notice for notice in notices if notice[2].kind in broken]
        if not concerned:
            return []
        told = _told_elsewhere(db, concerned, broken)
        ways = {page.id: self._ways(page, person, contact, told) for page, person, contact in concerned}
        onward = breaker.passed_over([(number, *of_one) for number, of_one in ways.items()], channels, now)
        moved, entries = list[Addressed](), list[Entry]()
        for page, person, skipped in concerned:
            if (number := onward.get(page.id)) is None:
                continue
            all_ways, _ = ways[page.id]
            contact = all_ways[number % len(all_ways)]
            further = number if page.kind is NoticeKind.PAGE else page.contact
            moved.append((replace(page, contact=further, contact_attempts=0), person, contact))
            entries.append(_entry(page, person, skipped, contact, now))
        leases.pass_over(db, [(page, contact) for page, _, contact in moved])
        timeline.write(db, entries)
        return moved

    def _ways(self, page: Page, person: Person, contact: Contact, told: Collection[int]) -> Ways:
        """Return where a notice may go. News that must stay has only its own contact."""
        if page.kind is NoticeKind.PAGE:
            return person.ways(page.severity), page.contact
        stays = page.id in told or not self._has(contact.kind, "digests") or self._has(contact.kind, "edits")
        others = () if stays else [one for one in _after(contact, person, page) if self._tells(one)]
        return (contact, *others), 0

    def _tells(self, contact: Contact) -> bool:
        """Return whether a person reads news there. A call would ring for it."""
        return self._has(contact.kind, "digests") and not self._has(contact.kind, "pages_only")


def _after(contact: Contact, person: Person, page: Page) -> list[Contact]:
    """Return the other contacts of a person in the order in which they are tried after this one, round the list."""
    ways = person.ways(page.severity)
    ways = ways if contact in ways else person.all_contacts
    place = ways.index(contact) if contact in ways else -1
    return [*ways[place + 1 :], *ways[: max(place, 0)]]


def _told_elsewhere(db: Connection, notices: Sequence[Addressed], broken: Collection[str]) -> set[int]:
    """Return the news, by number, that its person hears on another contact too, as `tell` wrote it for both.

    Of several on channels that all are broken, the first one may go elsewhere.
    """
    pages = [page for page, _, _ in notices if page.kind is not NoticeKind.PAGE]
    beside: Mapping[int, Sequence[Page]] = outbox.written_with(db, pages) if pages else {}
    return {
        page.id
        for page in pages
        if any(other.via not in broken or other.id < page.id for other in beside.get(page.id, ()))
    }


def _entry(page: Page, person: Person, skipped: Contact, contact: Contact, now: datetime) -> Entry:
    way = f"not tried ({skipped.kind} fails for everybody); it goes to {contact.kind}"
    line = f"{page.kind.value} to {person.name} by {skipped.kind}: {way}"
    return Entry(page.incident_id, now, "not told", line)
