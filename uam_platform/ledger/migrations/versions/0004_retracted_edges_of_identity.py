"""Edges between identifiers that people retracted.

Here: what the schema was at this revision, frozen. Not here: what it is today (`uam_platform.ledger.models`).
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "identity_retractions",
        sa.Column("retraction_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("edge_change", sa.String(length=20), nullable=False),
        sa.Column("identifier_kind", sa.String(length=20), nullable=False),
        sa.Column("identifier_key", sa.BigInteger(), nullable=False),
        sa.Column("linked_actor_key", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("known_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("retraction_id", name=op.f("pk_identity_retractions")),
    )
    op.create_index(op.f("ix_identity_retractions_identifier_key"), "identity_retractions", ["identifier_key"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_index(op.f("ix_identity_retractions_identifier_key"), table_name="identity_retractions")
    op.drop_table("identity_retractions")
