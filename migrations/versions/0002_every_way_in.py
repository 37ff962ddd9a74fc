"""Activation links, flows of every kind, API keys, an audit

Revision ID: 0002
Revises: 0001
"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def time(name: str, *, default_now: bool = False) -> sa.Column[datetime]:
    default = sa.text("now()") if default_now else None
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=default)


def upgrade() -> None:
    op.add_column(
        "connections",
        sa.Column("type", sa.Text, nullable=False, server_default=sa.text("'oauth'")),
    )
    for name in ("external_id", "label", "api_url"):
        op.add_column("connections", sa.Column(name, sa.Text))
    op.add_column("connections", sa.Column("sealed_api_key", sa.LargeBinary))
    op.alter_column("connections", "account_key", nullable=True)
    op.alter_column("connections", "user_key", nullable=True)
    op.create_index("ix_connections_external_id", "connections", ["external_id"])
    op.create_index("ix_connections_created_at_id", "connections", ["created_at", "id"])

    op.create_table(
        "activation_links",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("token_hash", sa.LargeBinary, nullable=False),
        sa.Column("external_id", sa.Text),
        sa.Column("for_connection_id", sa.Uuid),
        sa.Column("return_to", sa.Text),
        sa.Column("scopes", sa.Text),
        sa.Column("created_by", sa.Text, nullable=False),
        time("created_at", default_now=True),
        time("expires_at"),
        sa.Column("begun_at", sa.DateTime(timezone=True)),
        sa.Column("begun_by_hash", sa.LargeBinary),
        sa.Column("used_at", sa.DateTime(timezone=True)),
        sa.Column("connection_id", sa.Uuid),
        sa.PrimaryKeyConstraint("id", name="pk_activation_links"),
        sa.UniqueConstraint("token_hash", name="uq_activation_links_token_hash"),
        sa.ForeignKeyConstraint(
            ["for_connection_id"],
            ["connections.id"],
            name="fk_activation_links_for_connection_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name="fk_activation_links_connection_id",
            ondelete="SET NULL",
        ),
    )
    op.create_index("ix_activation_links_expires_at", "activation_links", ["expires_at"])

    # Whoever is on the way to Authorize at this moment begins again.
    op.drop_table("flows")
    op.create_table(
        "flows",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("state_hash", sa.LargeBinary, nullable=False),
        sa.Column("proof_hash", sa.LargeBinary, nullable=False),
        sa.Column("kept_in", sa.Text, nullable=False),
        sa.Column("challenged", sa.Boolean, nullable=False),
        sa.Column("surface", sa.Text),
        sa.Column("params", JSONB, nullable=False),
        sa.Column("front_end", sa.Text),
        sa.Column("link_id", sa.Uuid),
        sa.Column("return_to", sa.Text),
        sa.Column("refused", sa.Boolean, nullable=False, server_default=sa.false()),
        time("created_at", default_now=True),
        time("expires_at"),
        sa.PrimaryKeyConstraint("id", name="pk_flows"),
        sa.ForeignKeyConstraint(
            ["link_id"],
            ["activation_links.id"],
            name="fk_flows_link_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_flows_state_hash", "flows", ["state_hash"])
    op.create_index("ix_flows_expires_at", "flows", ["expires_at"])

    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        time("at", default_now=True),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("connection_id", sa.Uuid),
        sa.Column("details", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])


def downgrade() -> None:
    op.drop_table("audit")
    op.drop_table("flows")
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
    op.drop_table("activation_links")
    op.execute("DELETE FROM connections WHERE account_key IS NULL OR user_key IS NULL")
    op.alter_column("connections", "user_key", nullable=False)
    op.alter_column("connections", "account_key", nullable=False)
    op.drop_index("ix_connections_created_at_id", "connections")
    op.drop_index("ix_connections_external_id", "connections")
    for name in ("sealed_api_key", "api_url", "label", "external_id", "type"):
        op.drop_column("connections", name)
