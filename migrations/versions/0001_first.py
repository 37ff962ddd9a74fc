"""Connections, their tokens, flows, sessions and the refreshers' leases

Revision ID: 0001
Revises:
"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SHARDS = 64


def time(name: str, *, default_now: bool = False) -> sa.Column[datetime]:
    default = sa.text("now()") if default_now else None
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=default)


def upgrade() -> None:
    op.create_table(
        "connections",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("account_key", sa.Text, nullable=False),
        sa.Column("user_key", sa.Text, nullable=False),
        sa.Column("username", sa.Text),
        sa.Column("email", sa.Text),
        sa.Column("locale", sa.Text),
        sa.Column("roles", JSONB, nullable=False),
        sa.Column("groups", JSONB, nullable=False),
        time("created_at", default_now=True),
        time("connected_at", default_now=True),
        time("changed_at", default_now=True),
        sa.PrimaryKeyConstraint("id", name="pk_connections"),
        sa.UniqueConstraint("account_key", "user_key", name="uq_connections_account_key_user_key"),
    )
    op.create_index("ix_connections_changed_at", "connections", ["changed_at"])
    op.create_index(
        "ix_connections_lost", "connections", ["id"], postgresql_where=sa.text("status = 'lost'")
    )

    op.create_table(
        "tokens",
        sa.Column("connection_id", sa.Uuid, nullable=False),
        sa.Column("shard", sa.SmallInteger, nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("sealed", sa.LargeBinary),
        time("renewed_at"),
        time("expires_at"),
        sa.PrimaryKeyConstraint("connection_id", name="pk_tokens"),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name="fk_tokens_connection_id",
            ondelete="CASCADE",
        ),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index("ix_tokens_shard", "tokens", ["shard"])

    op.create_table(
        "flows",
        sa.Column("browser_hash", sa.LargeBinary, nullable=False),
        sa.Column("state_hash", sa.LargeBinary, nullable=False),
        sa.Column("surface", sa.Text, nullable=False),
        sa.Column("params", JSONB, nullable=False),
        time("created_at", default_now=True),
        time("expires_at"),
        sa.PrimaryKeyConstraint("browser_hash", name="pk_flows"),
    )
    op.create_index("ix_flows_state_hash", "flows", ["state_hash"])
    op.create_index("ix_flows_expires_at", "flows", ["expires_at"])

    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("token_hash", sa.LargeBinary, nullable=False),
        sa.Column("connection_id", sa.Uuid, nullable=False),
        sa.Column("surface", sa.Text, nullable=False),
        sa.Column("params", JSONB, nullable=False),
        time("created_at", default_now=True),
        time("seen_at", default_now=True),
        time("expires_at"),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.UniqueConstraint("token_hash", name="uq_sessions_token_hash"),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name="fk_sessions_connection_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_sessions_connection_id", "sessions", ["connection_id"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])

    op.create_table(
        "leases",
        sa.Column("shard", sa.SmallInteger, autoincrement=False, nullable=False),
        sa.Column("owner", sa.Uuid),
        sa.Column("epoch", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        time("expires_at", default_now=True),
        sa.PrimaryKeyConstraint("shard", name="pk_leases"),
    )
    op.execute(f"INSERT INTO leases (shard) SELECT generate_series(0, {SHARDS - 1})")


def downgrade() -> None:
    for table in ("leases", "sessions", "flows", "tokens", "connections"):
        op.drop_table(table)
