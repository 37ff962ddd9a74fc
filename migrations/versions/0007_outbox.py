"""Events for webhooks, and whether anybody delivers them

Revision ID: 0007
Revises: 0006
"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def time(name: str, *, default_now: bool = False) -> sa.Column[datetime]:
    default = sa.text("now()") if default_now else None
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=default)


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("sequence", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False, server_default=sa.text("gen_random_uuid()")),
        sa.Column("type", sa.Text(), nullable=False),
        time("occurred_at", default_now=True),
        sa.Column("connection_id", sa.Uuid()),
        sa.Column("data", JSONB(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False, server_default=sa.text("'pending'")),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default=sa.text("0")),
        time("due_at", default_now=True),
        sa.Column("outcome", sa.Text()),
        sa.Column("attempted_at", sa.DateTime(timezone=True)),
        sa.Column("delivered_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("sequence", name="pk_outbox"),
        sa.UniqueConstraint("id", name="uq_outbox_id"),
    )
    pending = sa.text("status = 'pending'")
    op.create_index("ix_outbox_due", "outbox", ["due_at"], postgresql_where=pending)
    undelivered = sa.text("status <> 'delivered'")
    op.create_index(
        "ix_outbox_undelivered", "outbox", ["status", "sequence"], postgresql_where=undelivered
    )
    op.create_index("ix_outbox_occurred_at", "outbox", ["occurred_at"])
    op.create_index("ix_outbox_connection_id_sequence", "outbox", ["connection_id", "sequence"])
    op.create_table(
        "deliverers",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deliverers"),
    )


def downgrade() -> None:
    op.drop_table("deliverers")
    op.drop_table("outbox")
