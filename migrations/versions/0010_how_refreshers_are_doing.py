"""How each refresher is doing, by its own account

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_NUMBERS = ("waiting", "unwritten")


def upgrade() -> None:
    op.add_column(
        "replicas",
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
    )
    for name in _NUMBERS:
        op.add_column(
            "replicas",
            sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False),
        )
    op.add_column("replicas", sa.Column("least_seconds_left", sa.Double()))
    op.add_column("replicas", sa.Column("rate_ceiling", sa.Double()))
    op.add_column("replicas", sa.Column("capacity", sa.BigInteger()))


def downgrade() -> None:
    for name in ("started_at", *_NUMBERS, "least_seconds_left", "rate_ceiling", "capacity"):
        op.drop_column("replicas", name)
