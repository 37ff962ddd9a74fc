"""The tables. Migrations make them; `./run check` holds the two in step."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    false,
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
_UNDELIVERED = text("status <> 'delivered'")


def _time(name: str, *, default_now: bool = False) -> Column[datetime]:
    default = _NOW if default_now else None
    return Column(name, DateTime(timezone=True), nullable=False, server_default=default)


connections = Table(
    "connections",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("type", Text, nullable=False, server_default=text("'oauth'")),
    Column("account_key", Text),
    Column("user_key", Text),
    Column("username", Text),
    Column("email", Text),
    Column("locale", Text),
    Column("roles", JSONB, nullable=False),
    Column("groups", JSONB, nullable=False),
    Column("external_id", Text),
    Column("label", Text),
    Column("api_url", Text),
    Column("sealed_api_key", LargeBinary),
    _time("created_at", default_now=True),
    _time("connected_at", default_now=True),
    _time("changed_at", default_now=True),
    Column("last_used_at", DateTime(timezone=True)),
    UniqueConstraint("account_key", "user_key"),
    Index(None, "changed_at"),
    Index(None, "created_at", "id"),
    Index(None, "external_id"),
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

# Links that an operator's platform gives to its customers. `begun_*` is the browser that is on its
# way to Authorize with it; nobody else gets any further meanwhile.
activation_links = Table(
    "activation_links",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("external_id", Text),
    Column("for_connection_id", Uuid, ForeignKey("connections.id", ondelete="CASCADE")),
    Column("return_to", Text),
    Column("scopes", Text),
    Column("created_by", Text, nullable=False),
    _time("created_at", default_now=True),
    _time("expires_at"),
    Column("begun_at", DateTime(timezone=True)),
    Column("begun_by_hash", LargeBinary),
    Column("used_at", DateTime(timezone=True)),
    Column("connection_id", Uuid, ForeignKey("connections.id", ondelete="SET NULL")),
    Index(None, "expires_at"),
)

# An authorisation under way. `proof_hash` is SHA-256 of what the browser has to bring back: a
# cookie of ours, or a verifier that the page itself keeps; with PKCE it is the challenge as well.
flows = Table(
    "flows",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("state_hash", LargeBinary, nullable=False),
    Column("proof_hash", LargeBinary, nullable=False),
    Column("kept_in", Text, nullable=False),
    Column("challenged", Boolean, nullable=False),
    Column("surface", Text),
    Column("params", JSONB, nullable=False),
    Column("front_end", Text),
    Column("link_id", Uuid, ForeignKey("activation_links.id", ondelete="CASCADE")),
    Column("return_to", Text),
    Column("refused", Boolean, nullable=False, server_default=false()),
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

# What apps keep for an account, all its users together; the last versions of it.
account_settings = Table(
    "account_settings",
    metadata,
    Column("account_key", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("document", Text, nullable=False),
    _time("saved_at", default_now=True),
    Column("saved_by", Text),
    Column("username", Text),
)

# The refreshers that are there, and how they are doing by their own account. One that was not seen
# for a lease's length is gone.
replicas = Table(
    "replicas",
    metadata,
    Column("id", Uuid, primary_key=True),
    _time("seen_at", default_now=True),
    Column("live", Integer, nullable=False, server_default=text("0")),
    _time("started_at", default_now=True),
    Column("waiting", Integer, nullable=False, server_default=text("0")),
    Column("unwritten", Integer, nullable=False, server_default=text("0")),
    Column("least_seconds_left", Double),
    Column("rate_ceiling", Double),
    Column("capacity", BigInteger),
)

# Renewals that somebody wants before their time, for the owner of the shard to take.
renewals_wanted = Table(
    "renewals_wanted",
    metadata,
    Column(
        "connection_id", Uuid, ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("shard", SmallInteger, nullable=False),
    Column("generation", BigInteger, nullable=False),
    _time("asked_at", default_now=True),
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

# Takeovers of shards from refreshers that had gone without a word.
takeovers = Table(
    "takeovers",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("shard", SmallInteger, nullable=False),
    _time("at", default_now=True),
    Column("from_replica", Uuid, nullable=False),
    Column("to_replica", Uuid, nullable=False),
    Index(None, "shard"),
)

# What happened to each connection. What repeats itself has a `period`, and one row for each of
# them, which grows. No foreign key: its lock on the connection would come after that on the token.
timeline = Table(
    "timeline",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("connection_id", Uuid, nullable=False),
    Column("event", Text, nullable=False),
    Column("cause", Text),
    Column("attempts", Integer),
    Column("times", Integer, nullable=False, server_default=text("1")),
    Column("period", BigInteger),
    _time("at", default_now=True),
    _time("last_at", default_now=True),
    UniqueConstraint("connection_id", "event", "period"),
    Index(None, "at"),
    postgresql_with={"fillfactor": 90},
)

# Who did what to which connection, and what was refused: written once, never changed. A trigger
# sees to that; it lets go what is older than a month, which is where retention begins.
audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _time("at", default_now=True),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("connection_id", Uuid),
    Column("details", JSONB, nullable=False),
    Index(None, "at"),
    Index(None, "connection_id", "id"),
    Index(None, "action", "id"),
    Index(None, "actor", "id"),
)

# What the operator's own programs are told, and how far that has come. `due_at` is when the next
# attempt is due; while one is under way, when it may be taken for dead.
outbox = Table(
    "outbox",
    metadata,
    Column("sequence", BigInteger, Identity(always=True), primary_key=True),
    Column("id", Uuid, nullable=False, unique=True, server_default=text("gen_random_uuid()")),
    Column("type", Text, nullable=False),
    _time("occurred_at", default_now=True),
    Column("connection_id", Uuid),
    Column("data", JSONB, nullable=False),
    Column("status", Text, nullable=False, server_default=text("'pending'")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    _time("due_at", default_now=True),
    Column("outcome", Text),
    Column("attempted_at", DateTime(timezone=True)),
    Column("delivered_at", DateTime(timezone=True)),
    Index("ix_outbox_due", "due_at", postgresql_where=text("status = 'pending'")),
    Index("ix_outbox_undelivered", "status", "sequence", postgresql_where=_UNDELIVERED),
    Index(None, "occurred_at"),
    Index(None, "connection_id", "sequence"),
)

# Until when there is somebody who delivers events, so that they are to be written: one row.
deliverers = Table(
    "deliverers",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    _time("until"),
)
