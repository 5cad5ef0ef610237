"""Takes pages past a channel whose one server fails for everybody: at once to the next contact of their person.

Without it, each page would find out by itself that the provider is away, for up to a minute where that hangs. What has
no other contact is tried as ever, and one page at a time probes the channel, so that nothing is dropped or stays away.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from alerting import breaker, leases, timeline
from alerting.breaker import NOTHING_FAILS, Channel
from alerting.composing import Addressed
from alerting.incident import Entry
from alerting.notifiers.contract import Outcome
from alerting.person import Contact

log = logging.getLogger(__name__)


class Channels:
    """The channels that failed lately, by kind, as this process has seen them."""

    def __init__(self) -> None:
        self._failing: dict[str, Channel] = {}

    def judge(self, contact: Contact, outcome: Outcome, now: datetime) -> None:
        """Note the outcome of a send through a channel whose contacts share one server."""
        before = self._failing.pop(contact.kind, NOTHING_FAILS)
        after = breaker.channel_after(before, contact, outcome, now)
        if after != NOTHING_FAILS:
            self._failing[contact.kind] = after
        if after.is_broken != before.is_broken:
            words = "fails for everybody: pages go to the next contact" if after.is_broken else "works again"
            extra = {"notifier": contact.kind, "event": "channel"}
            log.log(
                logging.WARNING if after.is_broken else logging.INFO,
                "%s %s",
                contact.kind,
                words,
                extra=extra,
            )

    def begun(self, pages: Sequence[Addressed], now: datetime) -> None:
        """Note that pages are on their way: one by a broken channel is its probe."""
        for kind in {contact.kind for _, _, contact in pages} & self._failing.keys():
            channel = self._failing[kind]
            self._failing[kind] = replace(channel, broken=breaker.begun(channel.broken, now))

    def past(self, db: Connection, pages: Sequence[Addressed], now: datetime) -> list[Addressed]:
        """Return leased pages, each by a contact whose channel works if its person has one. Write what has changed."""
        ways = [(page.id, page.kind, person.ways(page.severity), page.contact) for page, person, _ in pages]
        # Outcomes come in meanwhile: this runs in a thread of the database.
        onward = breaker.passed_over(ways, dict(self._failing), now)
        taken = [
            (replace(page, contact=onward[page.id], contact_attempts=0), person, contact)
            for page, person, contact in pages
            if page.id in onward
        ]
        moved = [(page, person, person.way(page.severity, page.contact)) for page, person, _ in taken]
        leases.pass_over(db, [(page, contact) for page, _, contact in moved])
        timeline.write(
            db,
            [_entry(one, skipped.kind, now) for one, (_, _, skipped) in zip(moved, taken, strict=True)],
        )
        by_number = {one[0].id: one for one in moved}
        return [by_number.get(one[0].id, one) for one in pages]


def _entry(moved: Addressed, skipped: str, now: datetime) -> Entry:
    page, person, contact = moved
    line = f"page to {person.name} by {skipped}: not tried ({skipped} fails for everybody); it goes to {contact.kind}"
    return Entry(page.incident_id, now, "not told", line)
