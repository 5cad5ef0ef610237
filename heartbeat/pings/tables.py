"""The tables of pings and of the keys that jobs ping by."""

from sqlalchemy import JSON, BigInteger, Column, Float, ForeignKey, Integer, LargeBinary, Table, Text, Uuid

from alerting.sql import Utc, metadata

pings = Table(
    "pings",
    metadata,
    # The ring: ping n of a check lies in slot n modulo the number kept, so there is nothing to prune.
    Column("check_id", ForeignKey("checks.id", ondelete="CASCADE"), primary_key=True),
    Column("slot", Integer, primary_key=True),
    Column("n", BigInteger, nullable=False),
    Column("at", Utc, nullable=False),
    Column("kind", Text, nullable=False),
    Column("exit_status", Integer),
    Column("rid", Uuid),
    Column("duration", Float),
    Column("method", Text, nullable=False),
    Column("remote", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("body", LargeBinary),
    # The numbers that it reported, by name; and what of them was not understood, in a sentence.
    Column("measurements", JSON(none_as_null=True)),
    Column("misread", Text),
    postgresql_with={"fillfactor": "70"},
)

unexpected_pings = Table(
    "unexpected_pings",
    metadata,
    # A slug or a uuid that no check has, and the name of the ping key. See `unexpected.UnexpectedPings`.
    Column("name", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("first_at", Utc, nullable=False),
    Column("last_at", Utc, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("remote", Text, nullable=False),
    Column("agent", Text, nullable=False),
)

ping_usage = Table(
    "ping_usage",
    metadata,
    # What pings use of a limit: all checks that they created, or those of one key in an hour. See `creation`.
    Column("subject", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("since", Utc, nullable=False),
    # The name of the key that used it last.
    Column("key", Text, nullable=False),
)

ping_keys = Table(
    "ping_keys",
    metadata,
    Column("name", Text, primary_key=True),
    # SHA-256 of the key, in hex: a key is long and random, so a slow hash would add nothing but delay.
    Column("hash", Text, nullable=False, unique=True),
    Column("origin", Text, nullable=False, server_default="file"),
    # When and by whom it was created; empty for those of the configuration file.
    Column("made_at", Utc),
    Column("made_by", Text),
    Column("last_used_at", Utc),
)
