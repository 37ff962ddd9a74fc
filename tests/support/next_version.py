"""The version after this one: the same app with one migration more."""

import shutil
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

ROOT = Path(__file__).resolve().parents[2]
REVISION = "9999"

MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{head}"


def upgrade() -> None:
    op.add_column("connections", sa.Column("of_the_next_version", sa.Text()))
    op.add_column(
        "tokens",
        sa.Column("of_the_next_version", sa.Integer(), nullable=False, server_default="7"),
    )
"""


def make_next_version(folder: Path) -> Path:
    """Lay it down in a folder, from where `python -m app` runs it."""
    version = folder / "next"
    leave_out = shutil.ignore_patterns("__pycache__")
    for name in ("app", "migrations"):
        shutil.copytree(ROOT / name, version / name, ignore=leave_out)
    shutil.copy(ROOT / "alembic.ini", version)
    head = ScriptDirectory.from_config(Config(str(ROOT / "alembic.ini"))).get_current_head()
    migration = MIGRATION.format(revision=REVISION, head=head)
    (version / "migrations" / "versions" / f"{REVISION}_next.py").write_text(migration)
    return version
