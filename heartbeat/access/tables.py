"""The tables of users, sessions, attempts to sign in, one-time links and API keys.

Every secret is stored as its SHA-256, or sealed.
"""

from sqlalchemy import JSON, BigInteger, CheckConstraint, Column, ForeignKey, Integer, Table, Text

from alerting.sql import Utc, key_type, metadata

users = Table(
    "users",
    metadata,
    Column("id", key_type(), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    # argon2id in the PHC format; empty until the user has chosen a password.
    Column("password_hash", Text),
    # The identity provider: its address, a line feed, its identifier for the user.
    Column("subject", Text, unique=True),
    # The secret of the second factor, sealed; and the newest time step whose code was used.
    Column("code_secret", Text),
    Column("code_step", BigInteger, nullable=False, server_default="0"),
    # Wrong codes since the last right one.
    Column("wrong_codes", Integer, nullable=False, server_default="0"),
    Column("made_at", Utc, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("last_in_at", Utc),
    Column("disabled_at", Utc),
    CheckConstraint("role IN ('viewer', 'responder', 'admin')", name="role"),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("hash", Text, primary_key=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", key_type(), primary_key=True),
    Column("hash", Text, nullable=False, unique=True),
    # Empty where the session began with the admin key; `proof` then is a fingerprint of that key.
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), index=True),
    Column("proof", Text),
    Column("how", Text, nullable=False),
    Column("remote", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("made_at", Utc, nullable=False, index=True),
    Column("seen_at", Utc, nullable=False),
    CheckConstraint("(user_id IS NULL) = (proof IS NOT NULL)", name="whose"),
)

sign_in_tries = Table(
    "sign_in_tries",
    metadata,
    # The name, hashed with the secret key: a password may have been typed into the field for the name.
    Column("hash", Text, primary_key=True),
    Column("began_at", Utc, nullable=False, index=True),
    Column("count", Integer, nullable=False),
)

one_time_links = Table(
    "one_time_links",
    metadata,
    Column("hash", Text, primary_key=True),
    # Empty: the link makes the first user.
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), index=True),
    Column("made_at", Utc, nullable=False),
    Column("ends_at", Utc, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", key_type(), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("hash", Text, nullable=False, unique=True),
    # The start of the key, by which its owner recognizes it.
    Column("prefix", Text, nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("role", Text, nullable=False),
    Column("made_at", Utc, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("ends_at", Utc),
    Column("last_used_at", Utc),
    CheckConstraint("role IN ('viewer', 'responder', 'admin')", name="role"),
)
