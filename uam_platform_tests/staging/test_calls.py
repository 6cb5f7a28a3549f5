"""What Gong's records become: calls with their account, utterances with speaker's side, pointer and redacted words."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from uam_platform.lake.loads import Load
from uam_platform.policy.time import KnowledgeBasis, SourceTime, TimePolicy
from uam_platform.staging.calls import Customers, call_rows, customers, names
from uam_platform.staging.record_log import Record, RecordLog
from uam_platform.staging.redaction import redactor_of
from uam_platform.temporal import keys

LOAD = Load("20250701T000000Z-1-gong", "gong", "2025-07-01T00:00:00", {}, {})
POLICY = TimePolicy(sources={"gong": SourceTime(basis=KnowledgeBasis.OBSERVED, lag_hours=24)})
ACCOUNT, DEAL = "001000000000001AAA", "006000000000001AAA"
KNOWN = Customers({ACCOUNT: "acc_1", DEAL: "acc_2"}, {keys.email_key("ann@x.example"): frozenset({"acc_3"})})
OURS = {"name": "Olga Owner", "affiliation": "Internal", "speakerId": "1", "emailAddress": "o@acme.example"}
ANN = {"name": "Ann Petrov", "affiliation": "External", "speakerId": "2", "emailAddress": "Ann@X.example"}


def call(
    *parties: dict[str, Any], linked: tuple[tuple[str, str], ...] = (("Account", ACCOUNT),), **more: Any
) -> Record:
    objects = [{"objectType": kind, "objectId": key} for kind, key in linked]
    basics = {
        "id": "71",
        "started": "2025-03-01T12:00:00-07:00",
        "duration": 60,
        "direction": "Conference",
        "title": "Talk",
    }
    payload = {
        "metaData": {**basics, **more},
        "parties": list(parties),
        "context": [{"system": "Salesforce", "objects": objects}],
    }
    return Record(LOAD, "call", 4, "71", None, payload)


def transcript(*said: tuple[str, int, str], call_id: str = "71") -> Record:
    monologues = [{"speakerId": v, "sentences": [{"start": at, "end": at + 1, "text": words}]} for v, at, words in said]
    return Record(LOAD, "transcript", 9, call_id, None, {"callId": call_id, "transcript": monologues})


def rows_of(*records: Record, known: Customers = KNOWN) -> tuple[list[dict[str, Any]], list[dict[str, Any]], RecordLog]:
    log = RecordLog()
    kinds = {kind: [r for r in records if r.source_object == kind] for kind in ("call", "transcript")}
    redactor = redactor_of([], names(kinds["call"]))
    found, spoken = call_rows(log, kinds, known, redactor, POLICY)
    return found, spoken, log


def test_words_are_redacted_by_the_participants_own_names_and_point_at_their_record() -> None:
    _, (said,), _ = rows_of(
        call(OURS, ANN), transcript(("2", 1500, "I am Ann Petrov, write to ann@x.example. It fails."))
    )
    assert said["text"] == "I am [name], write to [email]. It fails."
    assert said["redaction_count"] == 2
    assert (said["utterance_id"], said["channel"], said["conversation_id"]) == ("gong:call:71:1500", "call", "gong:71")
    assert (said["account_id"], said["load_id"], said["row_no"]) == ("acc_1", LOAD.load_id, 9)
    assert said["said_at"] == datetime(2025, 3, 1, 19, 0, 1, 500_000)  # noqa: DTZ001 - naive UTC
    assert said["known_at"] == said["said_at"] + timedelta(hours=24), "a call of months ago was known a day after it"


@pytest.mark.parametrize(
    ("parties", "voice", "kind"),
    [
        ((OURS, ANN), "1", "agent"),
        ((OURS, ANN), "2", "customer"),
        ((OURS, {**ANN, "speakerId": None}), "7", "customer"),
        ((OURS, ANN), "7", "unknown"),
        (({**OURS, "speakerId": None}, {**ANN, "speakerId": None}), "7", "unknown"),
        ((OURS, {**ANN, "affiliation": "Unknown"}), "2", "unknown"),
        ((), "2", "unknown"),
    ],
    ids=["ours", "theirs", "the only silent side", "nobody silent", "both silent", "side not told", "no participants"],
)
def test_a_voice_is_ours_or_the_customers_only_where_that_is_certain(parties: Any, voice: str, kind: str) -> None:
    _, (said,), _ = rows_of(call(*parties), transcript((voice, 0, "Hello there")))
    assert said["author_kind"] == kind


@pytest.mark.parametrize(
    ("linked", "parties", "expected"),
    [
        ((("Opportunity", DEAL), ("Account", ACCOUNT)), (OURS, ANN), ("acc_1", "crm")),
        ((("Opportunity", DEAL),), (OURS, ANN), ("acc_2", "crm")),
        ((("Account", ACCOUNT[:15]),), (OURS,), ("acc_1", "crm")),
        ((("Account", "001000000000009AAA"),), (OURS, ANN), ("acc_3", "participants")),
        ((), (OURS, ANN), ("acc_3", "participants")),
        ((), (OURS, ANN, {**ANN, "emailAddress": "bob@y.example"}), (None, "nothing")),
        ((), (OURS,), (None, "nothing")),
    ],
    ids=["account before deal", "deal", "short id", "unknown link", "address", "two accounts", "only ours"],
)
def test_a_call_belongs_to_the_linked_account_else_to_the_one_account_of_its_guests(linked, parties, expected) -> None:
    more = {**KNOWN.by_email, keys.email_key("bob@y.example"): frozenset({"acc_4"})}
    (found,), _, _ = rows_of(call(*parties, linked=linked), known=Customers(KNOWN.by_crm_id, more))
    assert (found["account_id"], found["attached_by"]) == expected


def test_an_address_of_two_accounts_leads_to_none_and_our_own_lead_nowhere() -> None:
    people = [
        {"account_id": account, "email_key": keys.email_key(address)}
        for account, address in (("a", "ann@x.example"), ("b", "ann@x.example"), ("c", "o@acme.example"))
    ]
    (found,), _, _ = rows_of(call(OURS, ANN, linked=()), known=customers({}, [], people))
    assert found["account_id"] is None


def test_a_call_counts_its_sides_and_knows_whether_its_words_have_come() -> None:
    silent, _, _ = rows_of(call(OURS, ANN, ANN))
    told, _, _ = rows_of(call(OURS, ANN, ANN), transcript(("1", 0, "Hello")))
    assert (silent[0]["customer_count"], silent[0]["agent_count"], silent[0]["duration_ms"]) == (2, 1, 60_000)
    assert (silent[0]["has_transcript"], told[0]["has_transcript"]) == (False, True)


def test_two_voices_that_start_at_once_are_two_utterances() -> None:
    _, said, _ = rows_of(call(OURS, ANN), transcript(("1", 5, "Yes"), ("2", 5, "Indeed")))
    assert len({each["utterance_id"] for each in said}) == 2


def test_a_transcript_without_its_call_and_a_call_without_start_are_set_aside() -> None:
    found, said, log = rows_of(call(OURS, started=None), transcript(("1", 0, "Hello"), call_id="72"))
    assert (found, said) == ([], [])
    assert sorted(row["reason"] for row in log.rejected) == ["missing_time", "unknown_call"]


@pytest.mark.parametrize(
    "more", [{"parties": None}, {"context": "none"}, {"parties": ["x", 1]}, {"context": [{"objects": None}]}]
)
def test_shapes_that_gong_empties_or_changes_are_read_as_absent(more: dict[str, Any]) -> None:
    record = call(OURS, ANN)
    record.payload.update(more)
    (found,), (said,), _ = rows_of(record, transcript(("2", 0, "Hello")))
    assert said["utterance_id"] == "gong:call:71:0"
    assert found["source"] == "gong"
