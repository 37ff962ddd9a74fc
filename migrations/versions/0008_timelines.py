"""What happened to each connection

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "timeline",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text()),
        sa.Column("attempts", sa.Integer()),
        sa.Column("times", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("period", sa.BigInteger()),
        _now("at"),
        _now("last_at"),
        sa.PrimaryKeyConstraint("id", name="pk_timeline"),
        sa.UniqueConstraint(
            "connection_id", "event", "period", name="uq_timeline_connection_id_event_period"
        ),
        postgresql_with={"fillfactor": 90},
    )
    op.create_index("ix_timeline_at", "timeline", ["at"])
    op.create_table(
        "takeovers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        _now("at"),
        sa.Column("from_replica", sa.Uuid(), nullable=False),
        sa.Column("to_replica", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_takeovers"),
    )
    op.create_index("ix_takeovers_shard", "takeovers", ["shard"])


def downgrade() -> None:
    op.drop_table("takeovers")
    op.drop_table("timeline")


def _now(name: str) -> sa.Column[object]:
    return sa.Column(
        name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
    )
