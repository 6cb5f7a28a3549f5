"""Verdicts on audited accounts, and thresholds that people accepted.

Here: what the schema was at this revision, frozen. Not here: what it is today (`uam_platform.ledger.models`).
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both tables."""
    op.create_table(
        "audit_verdicts",
        sa.Column("audit_verdict_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("sample_id", sa.String(length=64), nullable=False),
        sa.Column("audit_month", sa.Date(), nullable=False),
        sa.Column("account_id", sa.String(length=200), nullable=False),
        sa.Column("verdict", sa.String(length=30), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("audit_verdict_id", name=op.f("pk_audit_verdicts")),
    )
    op.create_index(op.f("ix_audit_verdicts_sample_id"), "audit_verdicts", ["sample_id"])
    op.create_table(
        "thresholds",
        sa.Column("threshold_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("detector", sa.String(length=200), nullable=False),
        sa.Column("threshold_column", sa.String(length=200), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("value_before", sa.Double(), nullable=False),
        sa.Column("arithmetic", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("known_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("threshold_id", name=op.f("pk_thresholds")),
    )


def downgrade() -> None:
    """Drop both tables."""
    op.drop_table("thresholds")
    op.drop_index(op.f("ix_audit_verdicts_sample_id"), table_name="audit_verdicts")
    op.drop_table("audit_verdicts")
