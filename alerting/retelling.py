"""Tells what stands again and again where a provider forgets what it is not told, such as Alertmanager.

Each round reads from the database what stands, and keeps nothing itself: a crash loses nothing, and processes that do
it side by side say the same. An end is told for a while too, since a peer may have missed it.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerting import notifier_settings, roster, standing_store
from alerting.composing import Composer, Send
from alerting.courier import Transact
from alerting.notifiers.contract import Accepted, Notifier, Outcome, Refused, Reteller
from alerting.notifiers.registry import NotifierSet, Setup
from alerting.origin import Origin
from alerting.person import Contact, Person
from alerting.sending import deliver

EVERY = timedelta(minutes=1)
"""The time between two rounds. A provider must remember for longer."""
ENDED_FOR = timedelta(minutes=5)
"""The time for which the end of an incident is told again."""
CHUNK = 100
"""The most incidents that are told together."""

log = logging.getLogger(__name__)

Holders = Mapping[str, Mapping[str, tuple[Person, Contact]]]
"""By the mark of a contact those who have it, by name."""


class Retelling:
    """Tells how it stands to the contacts that took a notice of an incident. Its parts are those of the courier."""

    def __init__(
        self,
        look: Transact,
        assemble: Callable[[Mapping[str, Setup]], NotifierSet],
        *,
        now: Callable[[], datetime],
        composer: Composer,
        fill_in: Callable[[str, str], str],
    ) -> None:
        self._look = look
        self._assemble = assemble
        self._now = now
        self._composer = composer
        self._fill_in = fill_in

    async def tell(self) -> None:
        """Tell all of it once."""
        notifiers, holders = await self._look(self._listening)
        after: int | None = -1 if holders else None
        while after is not None:
            after, sends = await self._look(lambda db, after=after: self._chunk(db, holders, after))  # type: ignore[misc]  # a lambda
            for mark in dict.fromkeys(send.contact.mark for send in sends):
                await self._told(notifiers, [send for send in sends if send.contact.mark == mark])

    def _listening(self, db: Connection) -> tuple[NotifierSet, Holders]:
        """Return the notifiers, and the contacts that must be told again."""
        notifiers = self._assemble(notifier_settings.load(db))
        kinds = {kind for kind, notifier in notifiers.own.items() if isinstance(notifier, Reteller)}
        holders: dict[str, dict[str, tuple[Person, Contact]]] = {}
        for person in roster.load_people(db).values():
            for contact in person.all_contacts:
                if contact.kind in kinds:
                    holders.setdefault(contact.mark, {})[person.id] = person, contact
        return notifiers, holders

    def _chunk(self, db: Connection, holders: Holders, after: int) -> tuple[int | None, Sequence[Send]]:
        """Return the last of the next incidents, None if none follow, and what is to be told of them."""
        now = self._now()
        incidents = standing_store.standing(db, after, now - ENDED_FOR, CHUNK)
        taken = standing_store.newest_taken(db, incidents, holders) if incidents else []
        pages = [(page, *_holder(holders[mark], page.person)) for page, mark in taken]
        sends = self._composer.sends(db, pages, lambda _: True, now) if pages else []
        return (incidents[-1] if len(incidents) == CHUNK else None), sends

    async def _told(self, notifiers: NotifierSet, sends: Sequence[Send]) -> None:
        """Tell one contact. If it fails, the next round is soon enough."""
        person, contact = sends[0].person, sends[0].contact
        notices, binding = [send.notice for send in sends], person.about(contact)

        async def again(notifier: Notifier, filled: Contact) -> Outcome:
            if not isinstance(notifier, Reteller):
                return Refused(f"the notifier {contact.kind} is another one now")
            return await notifier.send_again(notices, filled)

        usable = notifiers.own if person.origin is Origin.FILE else notifiers.entered
        outcome = await deliver(usable, contact, lambda text: self._fill_in(text, binding), again)
        if not isinstance(outcome, Accepted):
            extra = {"person": person.id, "notifier": contact.kind, "event": "not told again"}
            sentence = "%s of %s is not told again of %d incidents: %s"
            log.warning(sentence, contact.kind, person.id, len(sends), outcome.reason, extra=extra)


def _holder(held_by: Mapping[str, tuple[Person, Contact]], paged: str) -> tuple[Person, Contact]:
    """Return the person who was paged, or another one if that one no longer has the contact."""
    return held_by.get(paged) or next(iter(held_by.values()))
