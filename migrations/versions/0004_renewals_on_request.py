"""Renewals on request, and how many tokens each refresher keeps alive

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "replicas", sa.Column("live", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.create_table(
        "renewals_wanted",
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column(
            "asked_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name="fk_renewals_wanted_connection_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connection_id", name="pk_renewals_wanted"),
    )


def downgrade() -> None:
    op.drop_table("renewals_wanted")
    op.drop_column("replicas", "live")
