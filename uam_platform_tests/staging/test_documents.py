"""What documents become: whose they are, since when each passage is known, redacted words with their page."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.lake.loads import Load
from uam_platform.policy.documents import DocumentPolicy
from uam_platform.policy.load import load_section
from uam_platform.policy.time import KnowledgeBasis, SourceTime, TimePolicy
from uam_platform.staging.document_words import paragraphs, passages, title_of, without_heads
from uam_platform.staging.documents import Reader, accounts_of, document_rows, people_in
from uam_platform.staging.record_log import Record, RecordLog
from uam_platform.staging.redaction import redactor_of

POLICY = TimePolicy(sources={"documents": SourceTime(basis=KnowledgeBasis.OBSERVED)})
RULES = load_section(DocumentPolicy, "documents")
CRM_ID = "001000000000001AAA"
ACCOUNTS = accounts_of(
    [
        {"account_id": "acc_1", "account_name": "Acme GmbH"},
        {"account_id": "acc_2", "account_name": "Acme GmbH Süd"},
        {"account_id": "acc_3", "account_name": "Twin"},
        {"account_id": "acc_4", "account_name": "Twin"},
        {"account_id": "acc_5", "account_name": "Ox"},
    ],
    {CRM_ID: "acc_2"},
)
DAY = datetime(2025, 3, 1)  # noqa: DTZ001 - lake timestamps are naive UTC


def iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def document(
    *pages: str,
    file: str = "a.txt",
    day: int = 0,
    modified: int | None = None,
    declared: dict[str, str] | None = None,
    content: str | None = None,
    **more: Any,
) -> Record:
    """A document read `day` days after the first of March and changed `modified` days after it."""
    at = DAY + timedelta(days=day)
    load = Load(f"{at:%Y%m%dT%H%M%S}-0000-documents", "documents", at.isoformat(), {}, {})
    payload = {
        "file": file,
        "read_at": iso(at),
        "modified_at": iso(DAY + timedelta(days=day if modified is None else modified)),
        "media_type": "text/plain",
        "content_hash": content or str(hash(pages)),
        "declared": declared or {},
        "people": [],
        "own_title": None,
        "own_time": None,
        "pages": list(pages),
        **more,
    }
    return Record(load, "document", 7, file, at, payload)


def removal(file: str, day: int) -> Record:
    at = DAY + timedelta(days=day)
    load = Load(f"{at:%Y%m%dT%H%M%S}-0000-documents", "documents", at.isoformat(), {}, {})
    return Record(load, "removed_document", 0, file, at, {"file": file, "read_at": iso(at)})


def rows_of(
    *records: Record, rules: DocumentPolicy = RULES, staff: tuple[str, ...] = ()
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], RecordLog]:
    log = RecordLog()
    kinds = {kind: [r for r in records if r.source_object == kind] for kind in ("document", "removed_document")}
    redactor = redactor_of([], people_in(kinds["document"]))
    found, words = document_rows(log, kinds, Reader(ACCOUNTS, frozenset(staff), redactor, POLICY, rules))
    return found, words, log


@pytest.mark.parametrize(
    ("given_facts", "account_id", "by"),
    [
        ({"declared": {"account_id": "acc_1"}}, "acc_1", "declared"),
        ({"declared": {"account_id": CRM_ID[:15]}}, "acc_2", "declared"),
        ({"declared": {"account_name": "ACME Gmbh."}}, "acc_1", "declared"),
        ({"declared": {"account_id": "acc_99"}, "file": "Acme GmbH/a.txt"}, None, "nothing"),
        ({"declared": {"account_name": "Twin"}}, None, "nothing"),
        ({"file": "mapped/x.txt"}, "acc_4", "mapping"),
        ({"file": "customers/acc_3/notes/a.txt"}, "acc_3", "folder"),
        ({"file": "customers/acme-gmbh_süd/a.txt"}, "acc_2", "folder"),
        ({"declared": {"title": "Interview: Acme GmbH, March"}}, "acc_1", "title"),
        ({"declared": {"title": "Visit at Acme GmbH Süd"}}, "acc_2", "title"),
        ({"declared": {"title": "Acme GmbH and Acme GmbH Süd"}}, None, "nothing"),
        ({"declared": {"title": "Ox, Twin and others"}}, None, "nothing"),
        ({}, None, "nothing"),
    ],
)
def test_a_document_belongs_to_whom_the_strongest_sign_names(
    given_facts: dict[str, Any], account_id: str | None, by: str
) -> None:
    rules = RULES.model_copy(update={"accounts": {"mapped/*": "acc_4"}})
    [row], words, _ = rows_of(document("They wait for the export.", **given_facts), rules=rules)
    assert (row["account_id"], row["attached_by"]) == (account_id, by)
    assert words[0]["account_id"] == account_id


def test_words_are_redacted_and_point_at_record_and_page() -> None:
    paper = document(
        "Jane Roe said: “The export fails again, write to jane@acme.example.”",
        "They said: “We will not renew with such a search.”",
        declared={"document_id": "doc 1/x", "title": "Call with Jane Roe"},
        people=["Jane Roe"],
    )
    [row], words, _ = rows_of(paper)
    assert row["title"] == "Call with [name]"
    assert (row["page_count"], row["text_page_count"], row["document_id"]) == (2, 2, "documents:doc_1_x")
    customers = [w for w in words if w["author_kind"] == "customer"]
    assert [(w["page_no"], w["text"], w["redaction_count"]) for w in customers] == [
        (1, "The export fails again, write to [email].", 1),
        (2, "We will not renew with such a search.", 0),
    ]
    assert {(w["load_id"], w["row_no"], w["conversation_id"]) for w in words} == {
        (row["load_id"], 7, "documents:doc_1_x")
    }
    assert customers[1]["utterance_id"] == "documents:document:doc_1_x:2.2"
    assert not [w for w in words if "Jane" in w["text"]]


def test_a_passage_is_known_since_the_reading_that_first_had_it() -> None:
    first = document("The search is slow.", "They pay monthly.", day=0)
    second = document("The search is slow.", "They pay yearly.", day=30)
    [row], words, _ = rows_of(first, second)
    assert [(w["text"], w["known_at"]) for w in words] == [
        ("The search is slow.", DAY),
        ("They pay yearly.", DAY + timedelta(days=30)),
    ]
    assert row["known_at"] == DAY
    assert row["load_id"] == second.load.load_id


def test_nothing_is_known_before_its_file_was_last_changed() -> None:
    old = document("They left.", day=100, modified=40, declared={"written_at": "2025-03-05"})
    [row], [said], _ = rows_of(old)
    assert row["written_at"] == datetime(2025, 3, 5)  # noqa: DTZ001
    assert said["known_at"] == DAY + timedelta(days=40)
    ahead = document("They will leave.", day=1, modified=500, declared={"written_at": "2031-01-01"})
    [row], [said], _ = rows_of(ahead)
    assert row["modified_at"] == row["written_at"] == said["known_at"] == DAY + timedelta(days=1)


def test_an_unreadable_declared_time_falls_back_to_the_files_own() -> None:
    [row], _, _ = rows_of(
        document("Words here.", day=9, declared={"written_at": "last week"}, own_time="2025-03-04T10:00:00+02:00")
    )
    assert row["written_at"] == datetime(2025, 3, 4, 8)  # noqa: DTZ001


def test_a_file_that_is_gone_keeps_its_row_and_loses_its_words() -> None:
    [row], words, _ = rows_of(document("They wait."), removal("a.txt", 3))
    assert row["removed_at"] == DAY + timedelta(days=3)
    assert words == []
    [row], words, _ = rows_of(document("They wait."), removal("a.txt", 3), document("They wait.", day=5))
    assert row["removed_at"] is None
    assert words[0]["known_at"] == DAY


def test_a_moved_file_is_one_document_and_keeps_what_was_known() -> None:
    before, after = document("They wait.", content="h"), document("They wait.", content="h", file="b/a.txt", day=9)
    [row], [said], _ = rows_of(before, removal("a.txt", 9), after)
    assert (row["file"], row["removed_at"]) == ("b/a.txt", None)
    assert said["known_at"] == DAY


def test_copies_count_once_and_equal_ids_are_set_aside() -> None:
    one, copy = document("They wait.", content="h"), document("They wait.", content="h", file="b.txt", day=1)
    found, words, log = rows_of(one, copy)
    assert [row["file"] for row in found] == ["a.txt"]
    assert len(words) == 1
    assert log.duplicates[("documents", copy.load.load_id, "document")] == 1
    other = document("Others wait.", file="c.txt", day=2, declared={"document_id": "1"})
    third = document("Third.", file="d.txt", day=3, declared={"document_id": "1"})
    found, _, log = rows_of(other, third)
    assert [row["file"] for row in found] == ["c.txt"]
    assert [r["reason"] for r in log.rejected] == ["repeated_id"]


def test_kinds_are_told_by_their_own_word_path_or_title() -> None:
    kinds = [
        rows_of(document("Words.", file=file, declared=declared))[0][0]["document_kind"]
        for file, declared in (
            ("x.txt", {"kind": "Contract-Note"}),
            ("contracts/x.txt", {}),
            ("x.txt", {"title": "Minutes of the visit"}),
            ("user_interviews/x.txt", {}),
            ("x.txt", {"kind": "memo"}),
        )
    ]
    assert kinds == ["contract_note", "contract_note", "transcript", "research", "other"]


def test_lines_become_paragraphs_whatever_wrapped_them() -> None:
    page = (
        "The customer moves to an-\nother region next year and asks whether the export\ncan be kept as it is.\nThey wait.\n"
        "- first point\n  goes on\n- second point\n\nLast words"
    )
    assert paragraphs(page, False) == [
        "The customer moves to another region next year and asks whether the export can be kept as it is.",
        "They wait.",
        "first point goes on",
        "second point",
        "Last words",
    ]


def test_running_heads_and_page_numbers_are_no_words() -> None:
    pages = [f"Acme confidential\nWords of page {name}.\nPage {n} of 3" for n, name in enumerate("abc", 1)]
    assert without_heads(pages) == [f"Words of page {name}." for name in "abc"]
    assert without_heads(pages[:2]) == pages[:2]


def test_marks_of_markdown_are_taken_out() -> None:
    page = "# Head\n**Bold** and *soft* words, [a link](https://x.example/a?token=1).\n> quoted\n\n```\ncode = 1\n```"
    assert paragraphs(page, True) == ["Head", "Bold and soft words, a link.", "quoted"]
    assert title_of([page], True) == "Head"
    assert title_of(["Visit at Acme\n\nThey wait."], False) == "Visit at Acme"
    assert title_of(["They wait for it."], False) is None


def test_a_document_that_quotes_is_its_authors_and_the_quotes_are_customers() -> None:
    said = passages(['We met. They told us: "the search never finds it". The "beta" is new.'], False, ())
    assert [(p.author_kind, p.text) for p in said] == [
        ("agent", 'We met. They told us: . The "beta" is new.'),
        ("customer", "the search never finds it"),
    ]


def test_speakers_of_a_transcript_are_told_by_the_names_of_staff() -> None:
    page = "Olga Owner: How is it going?\n[00:12] Ann Petrov: It is slow.\nOlga Owner: I see.\nAnn Petrov: Very slow."
    assert [(p.author_kind, p.text) for p in passages([page], False, {"olga owner"})] == [
        ("agent", "How is it going?"),
        ("customer", "It is slow."),
        ("agent", "I see."),
        ("customer", "Very slow."),
    ]


def test_labels_that_do_not_come_again_are_no_speakers() -> None:
    page = (
        "Scope: the export.\n\nPresent: their team.\n\nNext steps: talk in March.\n\nOne said: “the export fails again”"
    )
    assert [p.author_kind for p in passages([page], False, ())] == ["agent", "agent", "agent", "agent", "customer"]


def test_where_nobody_is_quoted_nobody_can_tell_who_speaks() -> None:
    assert {p.author_kind for p in passages(["They wait.\n\nThe search is slow."], False, ())} == {"unknown"}


STEPS = st.lists(
    st.tuples(st.sampled_from(("a.txt", "b.txt")), st.sampled_from(("One waits.", "Two wait.", None))),
    min_size=1,
    max_size=7,
)


@given(STEPS, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_tables_follow_from_the_readings_whatever_their_order(
    steps: list[tuple[str, str | None]], shuffled: Any
) -> None:
    records = [
        removal(file, day) if words is None else document(words, file=file, day=day, content=words)
        for day, (file, words) in enumerate(steps)
    ]
    found, words, _ = rows_of(*records)
    mixed = list(records)
    shuffled.shuffle(mixed)
    again, words_again, _ = rows_of(*mixed)
    assert (again, words_again) == (found, words)
    left: dict[str, str] = {}
    for file, text in steps:
        left.pop(file, None)
        left |= {file: text} if text else {}
    assert {w["text"] for w in words} == set(left.values())
    assert len({row["document_id"] for row in found}) == len(found)
