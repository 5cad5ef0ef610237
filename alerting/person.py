"""People who can be paged, with their contacts in the order in which they are tried. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from alerting import times
from alerting.origin import Origin
from alerting.quiet_hours import QuietHours
from alerting.severity import Severity

DEVICE = "push"
"""The kind of the contacts that a person's own devices are."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A way to reach a person: a notifier's kind, and an address in the form of that notifier.

    With `after`, it is paged too once a page to the person has stayed unanswered for so long. Without, it is only paged
    if the one before it fails.
    """

    kind: str
    address: str
    after: timedelta | None = None

    @property
    def mark(self) -> str:
        """A short hash of the contact, under which rows name it: an address may be a secret."""
        return sha256(f"{self.kind}\n{self.address}".encode()).hexdigest()[:16]


def contacts_to_json(contacts: Iterable[Contact]) -> list[dict[str, Any]]:
    """Return contacts as a row holds them, `after` in seconds."""
    return [
        {"kind": contact.kind, "address": contact.address}
        | ({} if contact.after is None else {"after": contact.after.total_seconds()})
        for contact in contacts
    ]


def contacts_from_json(stored: Iterable[Mapping[str, Any]] | None) -> tuple[Contact, ...]:
    """Return the contacts of a row. The reverse of `contacts_to_json`."""
    return tuple(
        Contact(row["kind"], row["address"], timedelta(seconds=row["after"]) if "after" in row else None)
        for row in stored or ()
    )


@dataclass(frozen=True, slots=True)
class Person:
    """A person; `id` is their name in the configuration. Times are told in their `timezone` (IANA).

    The contacts begin with the person's own devices, which no definition has.

    `user` is the name with which they sign in, if that is another than `id`. `warnings` are the contacts for everything
    that is not critical; without any, `contacts` are for that too. It does not page them in their `quiet_hours`. A
    `channel` is paged like a person, but is a room that several people read: it counts as nobody.
    """

    id: str
    name: str
    contacts: tuple[Contact, ...]
    timezone: str = "UTC"
    origin: Origin = field(default=Origin.FILE, compare=False)
    user: str = ""
    warnings: tuple[Contact, ...] = ()
    channel: bool = False
    quiet_hours: QuietHours | None = None

    @property
    def defined(self) -> "Person":
        """The person as defined, without devices."""
        return replace(self, contacts=tuple(each for each in self.contacts if each.kind != DEVICE))

    @property
    def all_contacts(self) -> tuple[Contact, ...]:
        """The contacts of both lists, each address once."""
        marks = {contact.mark for contact in self.contacts}
        return (*self.contacts, *(contact for contact in self.warnings if contact.mark not in marks))

    def ways(self, severity: Severity) -> tuple[Contact, ...]:
        """Return the contacts that pages of this severity go to, in the order in which they are tried."""
        return self.contacts if severity is Severity.CRITICAL or not self.warnings else self.warnings

    def way(self, severity: Severity, count: int) -> Contact:
        """Return contact number `count` for this severity; after the last contact comes the first."""
        ways = self.ways(severity)
        return ways[count % len(ways)]

    def quiet_until(self, severity: Severity, at: datetime) -> datetime | None:
        """Return the end of the quiet hours that hold back pages of this severity at `at`; None if nothing does."""
        if self.quiet_hours is None or severity is Severity.CRITICAL:
            return None
        return self.quiet_hours.until(at, times.zone(self.timezone))

    def by(self, severity: Severity = Severity.CRITICAL) -> str:
        """Return how pages of this severity reach them: "ntfy, then email, after 2 min sms"."""
        first, *others = self.ways(severity)
        words = [
            f"then {way.kind}" if way.after is None else f"after {times.duration(way.after)} {way.kind}"
            for way in others
        ]
        return ", ".join([first.kind, *words])

    def contact_under(self, kind: str, mark: str | None) -> Contact | None:
        """Return the contact with this mark, else the only one of its kind: an address may have been corrected."""
        of_kind = [contact for contact in self.all_contacts if contact.kind == kind]
        marked = [contact for contact in of_kind if contact.mark == mark]
        return next(iter(marked or of_kind[:1])) if marked or len(of_kind) == 1 else None

    def with_contacts(self, change: Callable[[Contact], Contact]) -> "Person":
        """Return the person with each contact changed."""
        contacts, warnings = tuple(map(change, self.contacts)), tuple(map(change, self.warnings))
        return replace(self, contacts=contacts, warnings=warnings)

    def about(self, contact: Contact) -> str:
        """Return the text that an encrypted address of this contact is bound to."""
        return f"person {self.id} {contact.kind}"


def quiet_until(people: Sequence[Person], severity: Severity, at: datetime) -> datetime | None:
    """Return the first end of their quiet hours if all of these people have such at `at`, None if anybody has not."""
    ends = [person.quiet_until(severity, at) for person in people]
    return min((end for end in ends if end is not None), default=None) if all(ends) else None


OPERATOR = Person("operator", "Operator", (Contact("console", "terminal"),))
"""The catch-all: if nobody of a step can be reached, the page goes to the service's own terminal."""
ROBOT = Person("(robot)", "Robot", (Contact("(robot)", "this service"),))
"""The one that a drill pages: it acknowledges the page at once. No definition can have such a name."""
BUILT_IN = {person.id: person for person in (OPERATOR, ROBOT)}
"""People whom nobody defines."""
