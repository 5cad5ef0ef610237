"""People who can be paged, with their contacts in the order in which they are tried. Pure."""

from dataclasses import dataclass, field

from alerting.origin import Origin


@dataclass(frozen=True, slots=True)
class Contact:
    """A way to reach a person: a notifier's kind, and an address in the form of that notifier."""

    kind: str
    address: str


@dataclass(frozen=True, slots=True)
class Person:
    """A person; `id` is their name in the configuration. Times are told in their `timezone` (IANA)."""

    id: str
    name: str
    contacts: tuple[Contact, ...]
    timezone: str = "UTC"
    origin: Origin = field(default=Origin.FILE, compare=False)

    def contact(self, count: int) -> Contact:
        """Return contact number `count`; after the last contact comes the first."""
        return self.contacts[count % len(self.contacts)]

    def about(self, contact: Contact) -> str:
        """Return the text that an encrypted address of this contact is bound to."""
        return f"person {self.id} {contact.kind}"


OPERATOR = Person("operator", "Operator", (Contact("console", "terminal"),))
"""The catch-all: if nobody of a step can be reached, the page goes to the service's own terminal."""
