"""Who can be paged: a person and their contacts, in the order in which they are tried. Pure."""

from dataclasses import dataclass, field

from alerting.origin import Origin


@dataclass(frozen=True, slots=True)
class Contact:
    """Where one person can be reached: a notifier's kind and an address in that notifier's own form."""

    kind: str
    address: str


@dataclass(frozen=True, slots=True)
class Person:
    """A person, by the name the configuration gives them. Times are told in their `timezone` (IANA), else UTC."""

    id: str
    name: str
    contacts: tuple[Contact, ...]
    timezone: str = "UTC"
    origin: Origin = field(default=Origin.FILE, compare=False)

    def contact(self, count: int) -> Contact:
        """Contact number `count`, counted on and on round the list."""
        return self.contacts[count % len(self.contacts)]

    def about(self, contact: Contact) -> str:
        """What an encrypted address of this contact is bound to."""
        return f"person {self.id} {contact.kind}"


OPERATOR = Person("operator", "Operator", (Contact("console", "terminal"),))
"""The catch-all: where a policy names nobody who can be reached, the page goes to the service's own terminal."""
