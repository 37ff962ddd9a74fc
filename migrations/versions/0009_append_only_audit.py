"""The record is append-only, by the database itself, and can be filtered

No setting, session variable or role is a way around it: nothing can be changed, and what is
younger than a month cannot be removed. Retention works on what is older.

Revision ID: 0009
Revises: 0008
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

REFUSE = """
    CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' AND TG_LEVEL = 'ROW' AND OLD.at < now() - interval '720 hours' THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'The record is append-only.'
            USING ERRCODE = 'insufficient_privilege',
                HINT = 'What is older than 30 days can be removed; nothing can be changed.';
    END
    $$
"""


def upgrade() -> None:
    for column in ("connection_id", "action", "actor"):
        op.create_index(f"ix_audit_{column}_id", "audit", [column, "id"])
    op.execute(REFUSE)
    op.execute(
        "CREATE TRIGGER audit_rows_stay BEFORE UPDATE OR DELETE ON audit "
        "FOR EACH ROW EXECUTE FUNCTION audit_is_append_only()"
    )
    op.execute(
        "CREATE TRIGGER audit_stays BEFORE TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()"
    )
    for trigger in ("audit_rows_stay", "audit_stays"):
        op.execute(f"ALTER TABLE audit ENABLE ALWAYS TRIGGER {trigger}")


def downgrade() -> None:
    for trigger in ("audit_stays", "audit_rows_stay"):
        op.execute(f"DROP TRIGGER {trigger} ON audit")
    op.execute("DROP FUNCTION audit_is_append_only()")
    for column in ("actor", "action", "connection_id"):
        op.drop_index(f"ix_audit_{column}_id", "audit")
