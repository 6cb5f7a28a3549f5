"""Documents from a folder: what is read, what is set aside and why, and that nothing is read twice, lost or taken for gone."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from uam_platform.connectors import documents
from uam_platform.connectors.documents import DOCUMENT, REMOVED, DocumentSource
from uam_platform.connectors.dropped_files import UNREADABLE
from uam_platform.connectors.errors import PermanentError
from uam_platform.connectors.pdf_worker import PdfWorker
from uam_platform.lake.loads import RECORDS, Load, LoadManifest
from uam_platform.policy.documents import DocumentPolicy
from uam_platform.simulation.sandbox import pdf_files
from uam_platform_tests.connectors.dropped import drop, folder_of
from uam_platform_tests.connectors.fakes import NOW, contents, quiet, rows

SENTENCES = ["They export by hand every week.", "The search does not find their orders."]
NOTE = "---\ntitle: Kick-off\ncustomer: Acme GmbH\ndate: 2025-01-05\nauthor: Jane Roe\nbudget: 5\n---\nThey start in March.\n"


class Store:
    """A folder, what was loaded from it, and a clock."""

    def __init__(self, root: Path, **rules: Any) -> None:
        self.folder = root / "drop"
        self.folder.mkdir()
        self.manifest = LoadManifest(root / "raw")
        self.rules = DocumentPolicy(**rules)
        self.files_per_load = documents.FILES_PER_LOAD
        self.told: list[str] = []

    def land(self) -> Load | None:
        source = DocumentSource(folder_of(documents.NAME, self.folder), self.rules, self.files_per_load)
        load_id = self.manifest.next_id(documents.NAME, NOW)
        return documents.land(source, self.manifest, load_id, NOW, self.told.append)

    def landed(self) -> list[tuple[str, dict[str, Any]]]:
        """Kind and payload of what the next load lands."""
        load = self.land()
        found = rows(self.manifest, load, RECORDS) if load and load.files[RECORDS] else []
        return [(row["source_object"], json.loads(row["payload"])) for row in found]

    def reasons(self) -> dict[str, str]:
        return {p["file"]: p["reason"] for kind, p in self.landed() if kind == UNREADABLE}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_pages_of_a_pdf_are_landed_with_file_hash_time_and_what_the_file_beside_it_declares(store: Store) -> None:
    paper = pdf_files.text_pdf("Interview", SENTENCES * 20, lines_per_page=10)
    drop(
        store.folder, {"research/a.pdf": paper, "research/a.pdf.json": {"account_id": "acc_7", "people": ["Jane Roe"]}}
    )
    [(kind, found)] = store.landed()
    assert kind == DOCUMENT
    assert (found["file"], found["media_type"], found["own_title"]) == (
        "research/a.pdf",
        "application/pdf",
        "Interview",
    )
    assert found["declared"] == {"account_id": "acc_7"}
    assert found["people"] == ["Jane Roe"]
    assert found["modified_at"] == "2025-01-01T02:53:20Z"
    assert len(found["content_hash"]) == 64
    assert len(found["pages"]) == 8
    assert SENTENCES[0] in found["pages"][7]


def test_front_matter_is_declared_and_not_part_of_the_text(store: Store) -> None:
    drop(store.folder, {"note.md": NOTE})
    [(_, found)] = store.landed()
    assert found["declared"] == {"account_name": "Acme GmbH", "title": "Kick-off", "written_at": "2025-01-05"}
    assert found["people"] == ["Jane Roe"]
    assert found["pages"] == ["They start in March.\n"]


def test_a_file_that_cannot_be_read_is_landed_with_its_reason_and_stops_no_other(tmp_path: Path) -> None:
    store = Store(tmp_path, largest_megabytes=0.1, most_pages=3)
    paper = pdf_files.text_pdf("Survey", SENTENCES * 9)
    drop(
        store.folder,
        {
            "cut.pdf": paper[:200],
            "no.pdf": b"GIF89a and no PDF",
            "empty.pdf": b"",
            "blank.txt": "  \n\n",
            "locked.pdf": pdf_files.locked_pdf(),
            "scan.pdf": pdf_files.scanned_pdf(),
            "long.pdf": pdf_files.text_pdf("Long", SENTENCES * 9, lines_per_page=4),
            "huge.txt": "x" * 200_000,
            "latin.txt": "Größe".encode("latin-1"),
            "binary.md": bytes(range(32)) * 40,
            "only_front.md": "---\ntitle: A\n---\n",
            "whole.pdf": paper,
        },
    )
    load = store.land()
    assert load
    found = [(r["source_object"], json.loads(r["payload"])) for r in rows(store.manifest, load, RECORDS)]
    assert {p["file"]: p["reason"] for kind, p in found if kind == UNREADABLE} == {
        "cut.pdf": "damaged_pdf",
        "no.pdf": "damaged_pdf",
        "empty.pdf": "empty_file",
        "blank.txt": "empty_file",
        "locked.pdf": "encrypted",
        "scan.pdf": "no_text",
        "long.pdf": "too_many_pages",
        "huge.txt": "too_large",
        "latin.txt": "wrong_encoding",
        "binary.md": "not_text",
        "only_front.md": "no_text",
    }
    assert [p["file"] for kind, p in found if kind == DOCUMENT] == ["whole.pdf"]
    assert load.counts["unreadable_files"] == 11
    assert any("scan.pdf is set aside (no_text)" in told for told in store.told)


def test_a_declaration_that_cannot_be_read_is_told_and_the_text_is_kept(store: Store) -> None:
    drop(store.folder, {"a.md": "---\n- no: {mapping\n---\nWords.", "b.txt": "Words too.", "b.txt.yaml": "[1, 2]"})
    found = store.landed()
    assert sorted(p["file"] for kind, p in found if kind == DOCUMENT) == ["a.md", "b.txt"]
    assert {p["reason"] for kind, p in found if kind == UNREADABLE} == {"unreadable_declaration"}


@pytest.mark.proves("Documents", "cursor and look-back")
def test_only_what_is_new_or_changed_is_read_again(store: Store) -> None:
    drop(store.folder, {"a.txt": "First words.", "b.txt": "Other words.", "scan.pdf": pdf_files.scanned_pdf()})
    assert len(store.landed()) == 3
    assert store.land() is None
    drop(store.folder, {"a.txt": "Second words."}, age=-60)
    drop(store.folder, {"b.txt.yaml": "account_id: acc_1"})
    found = store.landed()
    assert [(p["file"], p["pages"], p["declared"]) for _, p in found] == [
        ("a.txt", ["Second words."], {}),
        ("b.txt", ["Other words."], {"account_id": "acc_1"}),
    ]
    assert store.land() is None


def test_a_mended_file_is_read(store: Store) -> None:
    whole = pdf_files.text_pdf("Survey", SENTENCES)
    drop(store.folder, {"a.pdf": whole[:100]})
    assert store.reasons() == {"a.pdf": "damaged_pdf"}
    drop(store.folder, {"a.pdf": whole})
    assert [kind for kind, _ in store.landed()] == [DOCUMENT]


def test_a_file_that_goes_back_to_an_older_version_is_read_again(store: Store) -> None:
    for words, age in (("One.", 100), ("Two.", 50), ("One.", 100)):
        drop(store.folder, {"a.txt": words}, age=age)
        store.land()
    loads = store.manifest.loads(documents.NAME)
    assert len(loads) == 3
    assert [load.counts["files"] for load in loads] == [1, 1, 1]


def test_a_file_that_is_gone_is_told_once_and_may_come_back(store: Store) -> None:
    drop(store.folder, {"a.txt": "Words.", "b.txt": "Others."})
    store.land()
    (store.folder / "a.txt").unlink()
    assert store.landed() == [(REMOVED, {"file": "a.txt", "read_at": "2025-02-01T00:00:00Z"})]
    assert store.land() is None
    drop(store.folder, {"a.txt": "Words."})
    load = store.land()
    assert load
    assert [item.split("\t")[0] for item in load.objects] == ["a.txt"]


def test_an_empty_folder_is_taken_for_an_unmounted_one(store: Store) -> None:
    drop(store.folder, {"a.txt": "Words.", "b.txt": "Others."})
    store.land()
    for path in store.folder.iterdir():
        path.unlink()
    assert store.land() is None
    assert "nothing is removed" in store.told[-1]
    store.folder.rmdir()
    with pytest.raises(PermanentError, match="UAM_TEST_URL"):
        store.land()


@pytest.mark.proves("Documents", "resume after interruption")
def test_a_first_import_that_is_killed_goes_on_after_its_last_load(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.files_per_load = 2
    drop(store.folder, {f"{n}.txt": f"Words of {n}." for n in range(5)})
    first = store.land()
    assert first
    reads: list[str] = []
    plain = documents.read_document

    def killed(name: str, *rest: Any) -> Any:
        reads.append(name)
        if name == "3.txt" and len(reads) < 3:
            raise KeyboardInterrupt
        return plain(name, *rest)

    monkeypatch.setattr(documents, "read_document", killed)
    with pytest.raises(BaseException):  # noqa: B017, PT011 - dlt wraps it or not, the process would be gone
        store.land()
    assert len(store.manifest.loads()) == 1  # nothing of the killed one is seen
    while store.land():
        pass
    taken = [item.split("\t")[0] for load in store.manifest.loads() for item in load.objects]
    assert taken == [f"{n}.txt" for n in range(5)]


def test_equal_folders_give_equal_bytes(tmp_path: Path) -> None:
    landed = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        store = Store(tmp_path / name)
        drop(store.folder, {"b.md": NOTE, "a.pdf": pdf_files.text_pdf("A", SENTENCES), "c.pdf": b"%PDF"})
        load = store.land()
        assert load
        landed.append(contents(store.manifest, load))
    assert landed[0] == landed[1]


def test_a_pdf_that_takes_too_long_costs_that_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = tmp_path / "good.pdf"
    good.write_bytes(pdf_files.text_pdf("A", SENTENCES))
    with PdfWorker(DocumentPolicy(seconds_per_file=30)) as worker:
        assert worker.read(good)["pages"]
        process = worker._process
        assert process
        asked = worker._asked
        monkeypatch.setattr(worker, "_asked", lambda *_: asked(process, tmp_path / "good.pdf") and None)
        started = time.monotonic()
        with pytest.raises(Exception, match="too_heavy"):
            worker.read(good)
        assert time.monotonic() - started < 30
        assert process.poll() is not None
        monkeypatch.undo()
        assert worker.read(good)["pages"]


def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    good = tmp_path / "good.pdf"
    good.write_bytes(pdf_files.text_pdf("A", SENTENCES))
    with PdfWorker(DocumentPolicy()) as worker:
        worker.read(good)
        assert worker._process
        worker._process.kill()
        worker._process.wait()
        with pytest.raises(Exception, match="too_heavy"):
            worker.read(good)
        assert worker.read(good)["title"] == "A"


def test_a_slow_answer_ends_at_its_time(tmp_path: Path) -> None:
    with PdfWorker(DocumentPolicy(seconds_per_file=0.01)) as worker, pytest.raises(Exception, match="too_heavy"):
        worker.read(tmp_path / "any.pdf")  # the process alone takes longer to start


@pytest.mark.proves("Documents", "doctor")
def test_doctor_counts_what_is_read_and_what_is_not(store: Store) -> None:
    drop(store.folder, {"a.txt": "Words.", "a.txt.yaml": "title: A", "b.docx": b"PK", "_draft.md": "Not yet."})
    assert documents.look(folder_of(documents.NAME, store.folder)).startswith(
        "1 documents, 0.0 MB, 1 files beside them; 1 other"
    )


def test_quiet_progress_is_enough(store: Store) -> None:
    source = DocumentSource(folder_of(documents.NAME, store.folder), store.rules)
    assert documents.land(source, store.manifest, "load", NOW, quiet) is None
