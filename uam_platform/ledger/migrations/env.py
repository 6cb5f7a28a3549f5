"""Alembic environment: migrates the connection that `uam_platform.ledger.engine` hands over.

Here: how migrations run. Not here: what they change (`versions`). There is no offline mode and no ini file: the ledger is migrated
when it is opened.
"""

from alembic import context

from uam_platform.ledger.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
