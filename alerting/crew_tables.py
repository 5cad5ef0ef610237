"""The tables of who can be paged, and how: people with their devices and proofs, rotations, policies, notifiers."""

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from alerting import calendar_layer, person, rotation
from alerting.sql import Frozen, Utc, key_type, metadata

people = Table(
    "people",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("timezone", Text),
    # A page may be for any of 10,000 people, and reading everybody's contacts again for each batch would cost more.
    Column("contacts", Frozen(person.contacts_to_json, person.contacts_from_json, 10_000), nullable=False),
    # The contacts for what is not critical, if these are others.
    Column(
        "warnings",
        Frozen(lambda some: person.contacts_to_json(some or ()), person.contacts_from_json, 10_000),
    ),
    # On the clock on the wall, such as "22:00-07:00".
    Column("quiet_hours", Text),
    # An `Origin`, as in the tables below: only the owner of a row replaces it.
    Column("origin", Text, nullable=False, server_default="file"),
    # The name with which they sign in, if that is another than the id.
    Column("user_name", Text),
    # A channel is a row of its own kind: a room that several people read.
    Column("channel", Boolean, nullable=False, server_default=false()),
)

rotations = Table(
    "rotations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("timezone", Text, nullable=False),
    Column("layers", Frozen(rotation.layers_to_json, rotation.layers_from_json, 1_000), nullable=False),
    Column("origin", Text, nullable=False, server_default="file"),
)

# What was read last of the calendars that layers of rotations follow.
imported_calendars = Table(
    "imported_calendars",
    metadata,
    Column("rotation", Text, primary_key=True),
    # See `CalendarLayer.mark`.
    Column("mark", Text, primary_key=True),
    # The events as they were read, and the shifts that they are for the people who were known then.
    Column("events", JSON, nullable=False),
    Column(
        "bookings",
        Frozen(calendar_layer.bookings_to_json, calendar_layer.bookings_from_json, 1_000),
        nullable=False,
    ),
    # The names of coming events that nobody has.
    Column("strangers", JSON, nullable=False),
    Column("tried_at", Utc, nullable=False),
    Column("read_at", Utc),
    # Since when it could not be read, and why: the rest of a sentence that begins with "The calendar".
    Column("failing_since", Utc),
    Column("fault", Text),
)

teams = Table(
    "teams",
    metadata,
    Column("id", Text, primary_key=True),
    Column("people", JSON, nullable=False),
    Column("origin", Text, nullable=False, server_default="file"),
)

overrides = Table(
    "overrides",
    metadata,
    Column("id", Integer, primary_key=True),
    # None for a leave, which holds in every rotation.
    Column("rotation", Text),
    # A `Change`, and who goes on call and who goes off call by it.
    Column("change", Text, nullable=False),
    Column("on_call", Text),
    Column("off_call", Text),
    Column("starts_at", Utc, nullable=False),
    Column("ends_at", Utc, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", Utc, nullable=False),
    CheckConstraint("starts_at < ends_at", name="overrides_last"),
    CheckConstraint("on_call IS NOT NULL OR off_call IS NOT NULL", name="overrides_change_something"),
    Index("ix_overrides_ends_at", "ends_at"),
    # SQLite would give the number of a deleted row again, which a screen that is old still names.
    sqlite_autoincrement=True,
)

swaps = Table(
    "swaps",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("rotation", Text, nullable=False),
    # Who offers a shift and takes the other one, and who is asked. It is deleted once it is accepted or declined.
    Column("offered_by", Text, nullable=False),
    Column("offered_from", Utc, nullable=False),
    Column("offered_until", Utc, nullable=False),
    Column("asked", Text, nullable=False),
    Column("asked_from", Utc, nullable=False),
    Column("asked_until", Utc, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", Utc, nullable=False),
    # SQLite would give the number of a deleted row again, which a screen that is old still names.
    sqlite_autoincrement=True,
)

policies = Table(
    "policies",
    metadata,
    Column("id", Text, primary_key=True),
    Column("steps", JSON, nullable=False),
    # The working hours for which pages wait that are not critical. Without any, nothing waits.
    Column("warnings_wait_for", JSON(none_as_null=True)),
    Column("origin", Text, nullable=False, server_default="file"),
)

# Those who are paged where nobody of a policy can be reached, in their order.
catch_all = Table(
    "catch_all",
    metadata,
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    # The same in all rows.
    Column("origin", Text, nullable=False, server_default="file"),
)

# The turns of steps that go round, see `round_robin`. A row is locked while turns are dealt.
rounds = Table(
    "rounds",
    metadata,
    Column("policy", Text, primary_key=True),
    Column("step", Integer, primary_key=True),
    # By entry the number of its last turn: the lowest is next.
    Column("turns", JSON, nullable=False),
)

notifiers = Table(
    "notifiers",
    metadata,
    Column("kind", Text, primary_key=True),
    # Secrets are written as ${NAME} or ${file:PATH}, or encrypted. They are filled in for a send.
    Column("settings", JSON, nullable=False),
    Column("origin", Text, nullable=False, server_default="file"),
    Column("changed_at", Utc),
    Column("changed_by", Text),
)

# The devices that people have added, see `notifiers.push`.
devices = Table(
    "devices",
    metadata,
    Column("id", key_type(), primary_key=True),
    Column("person", Text, nullable=False),
    Column("name", Text, nullable=False),
    # The subscription of its browser, encrypted, and a hash of the subscription's address, by which it is found again.
    Column("address", Text, nullable=False),
    Column("endpoint_hash", Text, nullable=False),
    Column("added_at", Utc, nullable=False),
    UniqueConstraint("person", "endpoint_hash"),
    # SQLite would give the number of a deleted row again, which a screen that is old still names.
    sqlite_autoincrement=True,
)

# The calendars that have a secret address, under which other programs fetch them.
calendar_feeds = Table(
    "calendar_feeds",
    metadata,
    Column("id", Integer, primary_key=True),
    # What it shows: "person" or "rotation", and its name.
    Column("noun", Text, nullable=False),
    Column("name", Text, nullable=False),
    # A random text in the address. A restored database may give the number of a later row again.
    Column("nonce", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", Utc, nullable=False),
    UniqueConstraint("noun", "name"),
    # SQLite would give the number of a deleted row again, which an address that was revoked still names.
    sqlite_autoincrement=True,
)

# The last test page of each contact, and the last proof that one arrived.
contact_proofs = Table(
    "contact_proofs",
    metadata,
    Column("person", Text, primary_key=True),
    # See `Contact.mark`.
    Column("contact_mark", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("sent_at", Utc),
    Column("outcome", Text),
    Column("said", Text),
    Column("proven_at", Utc),
)

# The codes of the last hour that were sent to prove a contact, each with the number of wrong tries.
contact_codes = Table(
    "contact_codes",
    metadata,
    Column("id", key_type(), primary_key=True),
    Column("person", Text, nullable=False),
    # See `Contact.mark`.
    Column("contact_mark", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("code_hash", Text, nullable=False),
    Column("sent_at", Utc, nullable=False),
    Column("wrong", Integer, nullable=False),
    Column("used", Boolean, nullable=False),
    Column("outcome", Text),
    Column("said", Text),
    # The provider's own id of the message, and what it reports of it later.
    Column("provider_id", Text),
    Column("receipt", Text),
    Column("receipt_said", Text),
    Index("ix_contact_codes_person", "person"),
    # SQLite would give the number of a deleted row again, to which the outcome of an old send may still be written.
    sqlite_autoincrement=True,
)
