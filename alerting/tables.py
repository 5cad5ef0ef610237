"""The tables of alerting, with the promise of each constraint."""

from datetime import datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    false,
    text,
)

from alerting import escalation, news, round_robin
from alerting.incident import State
from alerting.sql import Frozen, Utc, key_type, metadata

INSTANTS = Frozen(
    lambda instants: [at.isoformat() for at in instants] if instants else None,
    lambda stored: tuple(map(datetime.fromisoformat, stored or ())),
)
"""A few instants in one column."""

incidents = Table(
    "incidents",
    metadata,
    Column("id", key_type(), primary_key=True),
    Column("cause_key", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("severity_rank", Integer, nullable=False),
    Column("occurrence", Integer, nullable=False),
    Column("policy", Frozen(escalation.to_json, escalation.from_json), nullable=False),
    Column("step", Integer, nullable=False),
    # A page that is put off: until when, as far as is known, and for what. `next_at` is the next look at it.
    Column("waits_until", Utc),
    Column("waits_for", Text),
    # Whose turn it was in the steps of the policy that go round.
    Column("turns", Frozen(round_robin.to_json, round_robin.from_json)),
    Column("opened_at", Utc, nullable=False),
    # The time of the next action: a page, the expiry of an acknowledgement, the end of a snooze.
    Column("next_at", Utc),
    # The time to tell the people who were paged of news. `told_at` is the last time at which they heard.
    Column("tell_at", Utc),
    Column("told_at", Utc),
    Column("acknowledged_by", Text),
    Column("acknowledged_at", Utc),
    Column("resolved_by", Text),
    Column("resolved_at", Utc),
    # The installation's name at the opening. Empty for incidents of a release without names.
    Column("installation", Text),
    # The time since which all is well, and until which something may return before the incident is over.
    Column("recovered_at", Utc),
    Column("settles_at", Utc),
    # The returns within the last hour of the symptom that has returned most often.
    Column("falls", INSTANTS),
    # The worst severity that people were told of.
    Column("seen_rank", Integer),
    # The incident that it was merged into. What comes next with its cause key joins that one while it is open.
    Column("merged_into", BigInteger),
    # Promise 5: no open incident is without a next action, and a resolved one has none.
    CheckConstraint(f"(state = '{State.RESOLVED}') = (next_at IS NULL)", name="next_action"),
    CheckConstraint(f"state IN ({', '.join(repr(state.value) for state in State)})", name="state"),
    CheckConstraint(f"(state = '{State.RESOLVED}') = (resolved_at IS NOT NULL)", name="resolved_at"),
)
# An incident that recovers becomes due by this.
Index(
    "ix_incidents_settles_at",
    incidents.c.settles_at,
    postgresql_where=incidents.c.settles_at.is_not(None),
    sqlite_where=incidents.c.settles_at.is_not(None),
)
# Promise 4: one open incident a cause.
Index(
    "uq_incidents_open_cause_key",
    incidents.c.cause_key,
    unique=True,
    postgresql_where=incidents.c.state != State.RESOLVED.value,
    sqlite_where=incidents.c.state != State.RESOLVED.value,
)
Index(
    "ix_incidents_next_at",
    incidents.c.severity_rank,
    incidents.c.next_at,
    postgresql_where=incidents.c.next_at.is_not(None),
    sqlite_where=incidents.c.next_at.is_not(None),
)
# Retention looks for incidents by this.
Index(
    "ix_incidents_resolved_at",
    incidents.c.resolved_at,
    postgresql_where=incidents.c.resolved_at.is_not(None),
    sqlite_where=incidents.c.resolved_at.is_not(None),
)
Index(
    "ix_incidents_tell_at",
    incidents.c.tell_at,
    postgresql_where=incidents.c.tell_at.is_not(None),
    sqlite_where=incidents.c.tell_at.is_not(None),
)

# What is put off is looked at again when hours are edited.
Index(
    "ix_incidents_waits_until",
    incidents.c.waits_until,
    postgresql_where=incidents.c.waits_until.is_not(None),
    sqlite_where=incidents.c.waits_until.is_not(None),
)

Index(
    "ix_incidents_merged",
    incidents.c.cause_key,
    incidents.c.merged_into,
    postgresql_where=incidents.c.merged_into.is_not(None),
    sqlite_where=incidents.c.merged_into.is_not(None),
)

WENT_ON = "merged:"
"""The beginning of the key of a symptom that an incident keeps after it went on in another one."""
symptoms = Table(
    "symptoms",
    metadata,
    Column("id", key_type(), primary_key=True),
    Column("incident_id", ForeignKey("incidents.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("key", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("severity_rank", Integer, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("raised_at", Utc, nullable=False),
    Column("cleared_at", Utc),
    Column("cleared_why", Text),
    # It pages nobody before this time.
    Column("held_until", Utc),
    # Why: "maintenance Database move".
    Column("held_why", Text),
    # The causes for which people were told that it is down. Empty before, and once they were told that it is back.
    Column("told", Text),
    # The times within the last hour at which it fell down again in this incident.
    Column("falls", INSTANTS),
    # The key of the symptom of which it is a consequence, while it waits for that one; and the key of the one that it
    # has waited for, while it may show that it is well too.
    Column("waits_for", Text),
    Column("waited_for", Text),
)
# Empty, but for consequences that stand.
for _column in (symptoms.c.waits_for, symptoms.c.waited_for):
    Index(
        f"ix_symptoms_{_column.name}",
        _column,
        postgresql_where=_column.is_not(None) & symptoms.c.cleared_at.is_(None),
        sqlite_where=_column.is_not(None) & symptoms.c.cleared_at.is_(None),
    )
# For the past of a check. It is written when a symptom is raised, and never by a ping.
Index("ix_symptoms_key", symptoms.c.key, symptoms.c.incident_id)
# Promise 1: a check that is down belongs to exactly one open incident.
Index(
    "uq_symptoms_raised_key",
    symptoms.c.key,
    unique=True,
    postgresql_where=symptoms.c.cleared_at.is_(None),
    sqlite_where=symptoms.c.cleared_at.is_(None),
)

pages = Table(
    "pages",
    metadata,
    Column("id", key_type(), primary_key=True),
    Column("incident_id", ForeignKey("incidents.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("occurrence", Integer, nullable=False),
    Column("step", Integer, nullable=False),
    Column("severity_rank", Integer, nullable=False),
    Column("words", Text, nullable=False),
    # The symptoms that an update is about. Empty in other notices.
    Column("news", Frozen(news.to_json, news.from_json)),
    Column("state", Text, nullable=False),
    Column("created_at", Utc, nullable=False),
    # The time of the next attempt; empty after the last one.
    Column("next_at", Utc),
    # The number of the next contact. After the last contact comes the first.
    Column("contact", Integer, nullable=False),
    # The kind of that contact, so that pages for a notifier at its capacity can be left out.
    Column("via", Text, nullable=False),
    # The `mark` of that contact. Only a page goes round: any other notice is for the contact of this mark.
    Column("contact_mark", Text),
    Column("attempts", Integer, nullable=False),
    Column("contact_attempts", Integer, nullable=False),
    Column("throttled", Boolean, nullable=False),
    # The fencing token: each lease takes the next number, and only the newest may record an outcome.
    Column("lease", BigInteger, nullable=False),
    Column("leased_until", Utc),
    Column("delivered_at", Utc),
    # The last digest that it was leased for, instead of by itself.
    Column("digest_id", BigInteger),
    # The time at which a delivered page moves on to a further contact, unless somebody answers; and the time by which
    # its provider should have reported that it arrived.
    Column("onward_at", Utc),
    Column("receipt_by", Utc),
    # The time before which its present contact is not tried, whatever else may go out.
    Column("not_before", Utc),
    CheckConstraint("(state = 'pending') = (next_at IS NOT NULL)", name="next_attempt"),
    CheckConstraint("state IN ('pending', 'delivered', 'superseded', 'expired')", name="state"),
)
Index(
    "ix_pages_next_at",
    pages.c.severity_rank,
    pages.c.next_at,
    postgresql_where=pages.c.next_at.is_not(None),
    sqlite_where=pages.c.next_at.is_not(None),
)
# Reports count the pages of a time by this.
Index(
    "ix_pages_delivered_at",
    pages.c.delivered_at,
    postgresql_where=pages.c.delivered_at.is_not(None),
    sqlite_where=pages.c.delivered_at.is_not(None),
)
Index(
    "ix_pages_onward_at",
    pages.c.onward_at,
    postgresql_where=pages.c.onward_at.is_not(None),
    sqlite_where=pages.c.onward_at.is_not(None),
)
# A digest takes the pages of one stream in this order, however many of other people wait.
Index(
    "ix_pages_stream",
    pages.c.person,
    pages.c.via,
    pages.c.severity_rank,
    pages.c.next_at,
    pages.c.id,
    postgresql_where=pages.c.next_at.is_not(None),
    sqlite_where=pages.c.next_at.is_not(None),
)
# Promise 3: a step pages a person once, however many escalators there are.
Index(
    "uq_pages_step",
    pages.c.incident_id,
    pages.c.occurrence,
    pages.c.step,
    pages.c.person,
    unique=True,
    postgresql_where=pages.c.kind == "page",
    sqlite_where=pages.c.kind == "page",
)

Index(
    "ix_pages_digest_id",
    pages.c.digest_id,
    pages.c.id,
    postgresql_where=pages.c.digest_id.is_not(None),
    sqlite_where=pages.c.digest_id.is_not(None),
)

# Many notices of one kind to one contact of a person, sent as one message.
digests = Table(
    "digests",
    metadata,
    Column("id", key_type(), primary_key=True),
    Column("person", Text, nullable=False),
    Column("via", Text, nullable=False),
    Column("contact_mark", Text),
    Column("kind", Text, nullable=False),
    # The worst of its pages, and their number.
    Column("severity_rank", Integer, nullable=False),
    Column("pages", Integer, nullable=False, server_default=text("0")),
    Column("created_at", Utc, nullable=False, index=True),
    # It was sent and did not arrive. Its pages go on in another one.
    Column("failed", Boolean, nullable=False, server_default=false()),
    Column("provider_id", Text),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", key_type(), primary_key=True),
    Column("page_id", ForeignKey("pages.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", Utc, nullable=False),
    Column("via", Text, nullable=False),
    Column("contact_mark", Text),
    # 'accepted', 'refused', 'unreachable', or 'unrecorded' if the courier died before it wrote the outcome.
    Column("outcome", Text, nullable=False),
    # It was sent, and no answer came.
    Column("may_have_arrived", Boolean, nullable=False, server_default=false()),
    # The provider limits our rate, so somebody is there.
    Column("throttled", Boolean, nullable=False, server_default=false()),
    Column("said", Text, nullable=False),
    # The provider's id of an accepted notice. A digest has one for all of its pages.
    Column("provider_id", Text),
    # The provider's later report, 'delivered' or 'undelivered', and its reason; 'missing' if none came in time.
    Column("receipt", Text),
    Column("receipt_said", Text),
    Column("receipt_at", Utc),
    Column("digest_id", BigInteger),
)
Index(
    "ix_attempts_digest_id",
    attempts.c.digest_id,
    attempts.c.page_id,
    postgresql_where=attempts.c.digest_id.is_not(None),
    sqlite_where=attempts.c.digest_id.is_not(None),
)
# The attempt that a receipt is about is looked up by this.
Index(
    "ix_attempts_provider_id",
    attempts.c.provider_id,
    attempts.c.via,
    postgresql_where=attempts.c.provider_id.is_not(None),
    sqlite_where=attempts.c.provider_id.is_not(None),
)

# The messages of which a provider must be asked what became of them.
polls = Table(
    "polls",
    metadata,
    Column("via", Text, primary_key=True),
    Column("provider_id", Text, primary_key=True),
    Column("since", Utc, nullable=False),
    Column("poll_at", Utc, nullable=False, index=True),
)

timeline = Table(
    "timeline",
    metadata,
    Column("id", key_type(), primary_key=True),
    Column("incident_id", ForeignKey("incidents.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", Utc, nullable=False),
    Column("kind", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("by", Text),
)
