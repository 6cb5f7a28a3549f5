"""The document store of the simulated company: what leads from a file to its customer, and that the run can follow it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from uam_platform.simulation.sandbox import document_files, pdf_files

NOW = datetime(2025, 3, 1, tzinfo=UTC)


def written(number: int, account: str | None = "acc_1", **more: Any) -> dict[str, Any]:
    return {
        "document_id": f"doc_{number}", "kind": "research", "account_id": account, "title": f"Notes on Acme {number}",
        "created_at": NOW - timedelta(days=9 - number), "author": "Olga Owner", "body": "We met.\n\nThey wait.", **more,
    }  # fmt: skip


def test_four_ways_lead_to_the_customer() -> None:
    found = {f.key: f.content for f in document_files.files([written(n) for n in range(3)] + [written(4, None)], NOW)}
    assert json.loads(found["documents/research/doc_0.pdf.json"])["account_id"] == "acc_1"
    assert b'account_id: "acc_1"' in found["documents/research/doc_1.md"]
    assert b"account_id" not in found["documents/research/acc_1/doc_2.txt"]
    assert b"account_id" not in found["documents/research/doc_4.pdf.json"]


def test_what_is_written_later_is_not_there_yet_and_files_are_as_old_as_their_words() -> None:
    rows = [written(0), written(1, created_at=NOW + timedelta(hours=1))]
    found = list(document_files.files(rows, NOW))
    assert not [f.key for f in found if "doc_1" in f.key]
    assert {f.modified_at for f in found} == {rows[0]["created_at"]}
    assert list(document_files.files([], NOW)) == []


def test_letters_that_the_font_lacks_are_kept_as_markdown() -> None:
    [paper, *_] = document_files.files([written(0, body="Zażółć gęślą jaźń")], NOW)
    assert paper.key.endswith(".md") or paper.key.endswith(".txt")
    assert "Zażółć" in paper.content.decode()


@pytest.mark.parametrize("make", [pdf_files.scanned_pdf, pdf_files.locked_pdf, lambda: pdf_files.text_pdf("A", ["B"])])
def test_equal_input_gives_equal_bytes(make: Any) -> None:
    assert make() == make()
