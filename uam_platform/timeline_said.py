"""Lines of a timeline on what was told of an account: documents about it, signals of other tools.

Here: which rows and in which words. Not here: what the account did (`timeline`), what the company changed (`timeline_changes`).
"""

from collections.abc import Iterator

from uam_platform.contracts.tables import DOCUMENTS, EXTERNAL_SIGNALS
from uam_platform.kpis.outside_signals import signal_in_words
from uam_platform.timeline_lines import Line, Store


def told_of(store: Store, account_id: str) -> Iterator[Line]:
    """Documents about the account that are still there, when they were written, and signals, when they happened."""
    for row in store.rows(DOCUMENTS, account_id):
        if row["removed_at"] is None:
            pages = "1 page" if row["page_count"] == 1 else f"{row['page_count']} pages"
            text = f"{str(row['document_kind']).replace('_', ' ')}: {row['title']} ({pages}, account by {row['attached_by']})"
            yield Line(row["written_at"], "document", text, f"staging/documents document_id={row['document_id']}")
    for row in store.rows(EXTERNAL_SIGNALS, account_id):
        pointer = f"staging/external_signals signal_id={row['signal_id']}"
        yield Line(row["occurred_at"], "signal", signal_in_words(row), pointer)
