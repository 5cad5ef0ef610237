"""People who can be paged, with their contacts in the order in which they are tried. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256

from alerting.origin import Origin


@dataclass(frozen=True, slots=True)
class Contact:
    """A way to reach a person: a notifier's kind, and an address in the form of that notifier."""

    kind: str
    address: str

    @property
    def mark(self) -> str:
        """A short hash of the contact, under which rows name it: an address may be a secret."""
        return sha256(f"{self.kind}\n{self.address}".encode()).hexdigest()[:16]


def contacts_to_json(contacts: Iterable[Contact]) -> list[dict[str, str]]:
    """Return contacts as a row holds them."""
    return [asdict(contact) for contact in contacts]


def contacts_from_json(stored: Iterable[Mapping[str, str]]) -> tuple[Contact, ...]:
    """Return the contacts of a row. The reverse of `contacts_to_json`."""
    return tuple(Contact(**contact) for contact in stored)


@dataclass(frozen=True, slots=True)
class Person:
    """A person; `id` is their name in the configuration. Times are told in their `timezone` (IANA).

    `user` is the name with which they sign in, if that is another than `id`.
    """

    id: str
    name: str
    contacts: tuple[Contact, ...]
    timezone: str = "UTC"
    origin: Origin = field(default=Origin.FILE, compare=False)
    user: str = ""

    def contact(self, count: int) -> Contact:
        """Return contact number `count`; after the last contact comes the first."""
        return self.contacts[count % len(self.contacts)]

    def contact_under(self, kind: str, mark: str | None) -> Contact | None:
        """Return the contact with this mark, else the only one of its kind: an address may have been corrected."""
        of_kind = [contact for contact in self.contacts if contact.kind == kind]
        marked = [contact for contact in of_kind if contact.mark == mark]
        return next(iter(marked or of_kind[:1])) if marked or len(of_kind) == 1 else None

    def about(self, contact: Contact) -> str:
        """Return the text that an encrypted address of this contact is bound to."""
        return f"person {self.id} {contact.kind}"


OPERATOR = Person("operator", "Operator", (Contact("console", "terminal"),))
"""The catch-all: if nobody of a step can be reached, the page goes to the service's own terminal."""
ROBOT = Person("(robot)", "Robot", (Contact("(robot)", "this service"),))
"""The one that a drill pages: it acknowledges the page at once. No definition can have such a name."""
BUILT_IN = {person.id: person for person in (OPERATOR, ROBOT)}
"""People whom nobody defines."""
