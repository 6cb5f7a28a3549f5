"""Lines of a timeline on what was told of an account: documents about it.

Here: which rows and in which words. Not here: what the account did (`timeline`), what the company changed (`timeline_changes`).
"""

from collections.abc import Iterator

from uam_platform.contracts.tables import DOCUMENTS
from uam_platform.timeline_lines import Line, Store


def told_of(store: Store, account_id: str) -> Iterator[Line]:
    """Documents about the account that are still there, when they were written."""
    for row in store.rows(DOCUMENTS, account_id):
        if row["removed_at"] is None:
            pages = "1 page" if row["page_count"] == 1 else f"{row['page_count']} pages"
            text = f"{str(row['document_kind']).replace('_', ' ')}: {row['title']} ({pages}, account by {row['attached_by']})"
            yield Line(row["written_at"], "document", text, f"staging/documents document_id={row['document_id']}")
