"""Actions without an alert: the digest of a review.

Here: what the schema was at this revision, frozen. Not here: what it is today (`uam_platform.ledger.models`).
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let an outbox row stand without an alert."""
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.alter_column("alert_id", existing_type=sa.String(length=64), nullable=True)


def downgrade() -> None:
    """Undo; digests are dropped, for the older schema cannot hold them."""
    op.execute("DELETE FROM outbox WHERE alert_id IS NULL")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.alter_column("alert_id", existing_type=sa.String(length=64), nullable=False)
