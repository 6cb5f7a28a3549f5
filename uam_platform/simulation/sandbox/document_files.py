"""The company's document store as files: notes in Markdown, transcripts as text, research as PDF, and some that nobody can read.

Belongs here: names, forms and what leads from a file to its customer. Does not belong here: what was written (the world), the bucket
(`exports.py`), bytes of a PDF (`pdf_files.py`).

Who keeps documents does so in four ways: front matter names the account, a file beside the PDF does, the folder is called like the
customer, or nothing but the title tells. A document that the world left without a customer has its title at most.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from uam_platform.simulation.sandbox import pdf_files
from uam_platform.simulation.sandbox.company import Row

PREFIX: Final = "documents"
_FOLDERS: Final = {
    "research": "research",
    "transcript": "transcripts",
    "implementation_notes": "implementation",
    "contract_note": "contracts",
}


@dataclass(frozen=True)
class StoredFile:
    """One file of the store: key, bytes, time of change."""

    key: str
    content: bytes
    modified_at: datetime


def files(rows: list[Row], now: datetime) -> Iterator[StoredFile]:
    """Files of the documents that were written by `now`, and three that cannot be read."""
    written = [row for row in rows if row["created_at"] <= now]
    for number, row in enumerate(written):
        yield from _document(number, row)
    if written:
        first = written[0]["created_at"]
        whole = pdf_files.text_pdf("Survey", ["The second half of this file was lost on its way."])
        yield StoredFile(f"{PREFIX}/research/broken_upload.pdf", whole[: len(whole) // 3], first)
        yield StoredFile(f"{PREFIX}/contracts/scanned_signature.pdf", pdf_files.scanned_pdf(), first)
        yield StoredFile(f"{PREFIX}/contracts/locked.pdf", pdf_files.locked_pdf(), first)
        yield StoredFile(
            f"{PREFIX}/implementation/old_editor.txt", "Übergabe an das Team für Größen".encode("latin-1"), first
        )


def _document(number: int, row: Row) -> Iterator[StoredFile]:
    folder, name, at = f"{PREFIX}/{_FOLDERS[row['kind']]}", row["document_id"], row["created_at"]
    paragraphs = row["body"].split("\n\n")
    facts = {"document_id": name, "kind": row["kind"], "written_at": at.isoformat(), "people": [row["author"]]}
    if row["account_id"]:
        facts["account_id"] = row["account_id"]
    is_pdf = number % 3 == 0 and pdf_files.is_writable(row["title"] + row["body"])
    if is_pdf:
        content = pdf_files.text_pdf(row["title"], paragraphs, lines_per_page=8)
        yield StoredFile(f"{folder}/{name}.pdf", content, at)
        yield StoredFile(f"{folder}/{name}.pdf.json", json.dumps(facts, indent=1).encode(), at)
    elif number % 3 == 1 or not row["account_id"]:
        matter = "".join(f"{key}: {json.dumps(value)}\n" for key, value in facts.items())
        text = f"---\n{matter}---\n# {row['title']}\n\n{row['body']}\n"
        yield StoredFile(f"{folder}/{name}.md", text.encode(), at)
    else:
        matter = f"---\ndocument_id: {name}\n---\n"
        text = f"{matter}{row['title']}\n\n{row['body']}\n"
        yield StoredFile(f"{folder}/{row['account_id']}/{name}.txt", text.encode(), at)
