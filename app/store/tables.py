"""The tables. Migrations make them; `./run check` holds the two in step."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_NOW = text("now()")


def _time(name: str, *, default_now: bool = False) -> Column[datetime]:
    default = _NOW if default_now else None
    return Column(name, DateTime(timezone=True), nullable=False, server_default=default)


connections = Table(
    "connections",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("account_key", Text, nullable=False),
    Column("user_key", Text, nullable=False),
    Column("username", Text),
    Column("email", Text),
    Column("locale", Text),
    Column("roles", JSONB, nullable=False),
    Column("groups", JSONB, nullable=False),
    _time("created_at", default_now=True),
    _time("connected_at", default_now=True),
    _time("changed_at", default_now=True),
    UniqueConstraint("account_key", "user_key"),
    Index(None, "changed_at"),
    Index("ix_connections_lost", "id", postgresql_where=text("status = 'lost'")),
)

# What changes with every renewal, in a narrow table of its own with room on its pages: no index
# covers a column that a renewal changes, so every such update is heap-only (HOT).
tokens = Table(
    "tokens",
    metadata,
    Column(
        "connection_id", Uuid, ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("shard", SmallInteger, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("sealed", LargeBinary),
    _time("renewed_at"),
    _time("expires_at"),
    Index(None, "shard"),
    postgresql_with={"fillfactor": 70},
)

flows = Table(
    "flows",
    metadata,
    Column("browser_hash", LargeBinary, primary_key=True),
    Column("state_hash", LargeBinary, nullable=False),
    Column("surface", Text, nullable=False),
    Column("params", JSONB, nullable=False),
    _time("created_at", default_now=True),
    _time("expires_at"),
    Index(None, "state_hash"),
    Index(None, "expires_at"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("connection_id", Uuid, ForeignKey("connections.id", ondelete="CASCADE"), nullable=False),
    Column("surface", Text, nullable=False),
    Column("params", JSONB, nullable=False),
    _time("created_at", default_now=True),
    _time("seen_at", default_now=True),
    _time("expires_at"),
    Index(None, "connection_id"),
    Index(None, "expires_at"),
)

# Who renews which part of the connections. `epoch` grows when a part changes hands.
leases = Table(
    "leases",
    metadata,
    Column("shard", SmallInteger, primary_key=True, autoincrement=False),
    Column("owner", Uuid),
    Column("epoch", BigInteger, nullable=False, server_default=text("0")),
    _time("expires_at", default_now=True),
)
