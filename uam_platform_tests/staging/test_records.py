"""CRM, help desk and mapped records become canonical tables: history as it was proven, nothing lost, nothing personal in text."""

import json
from datetime import date, datetime
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.contracts import tables
from uam_platform.contracts.schemas import arrow_schema
from uam_platform.lake.engine import connect
from uam_platform.lake.loads import Load
from uam_platform.staging.reconcile import imbalance
from uam_platform.staging.records import RecordTables, canonical_records
from uam_platform.staging.redaction import redacted
from uam_platform.staging.salesforce_ids import long_id
from uam_platform.temporal import keys
from uam_platform_tests.judged import verdicts
from uam_platform_tests.staging.landed import POLICY

CONNECTION = connect()
at = datetime.fromisoformat
A1, A2, C1, U1, U2 = (
    "001000000000001AAA",
    "001000000000002AAA",
    "800000000000001AAA",
    "005000000000001AAA",
    "005000000000002AAA",
)
STORED = (
    "tickets", "ticket_events", "accounts", "subscriptions", "opportunities", "users_directory", "utterances",
    "satisfaction_ratings", "quarantine",
)  # fmt: skip
Landed = tuple[Load, pd.DataFrame]


def load_of(
    source: str,
    records: list[tuple[str, str | None, Any]],
    number: int = 0,
    loaded_at: str = "2025-03-01T06:00:00",
    **state: Any,
) -> Landed:
    """A load with records (kind, id, payload); the change time is the payload's own."""
    load = Load(f"20250301T060000-{number:04d}-{source}", source, loaded_at, {}, {"records": len(records)}, state=state)
    stamps = ("SystemModstamp", "generated_at", "updated_at", "CreatedDate", "created_at")
    rows = [
        {
            "source_object": kind,
            "record_id": record_id,
            "modified_text": next((str(p[s]) for s in stamps if p.get(s)), None) if isinstance(p, dict) else None,
            "payload": json.dumps(p) if isinstance(p, dict) else p,
            "row_no": n,
        }
        for n, (kind, record_id, p) in enumerate(records)
    ]
    return load, pd.DataFrame(rows, columns=["source_object", "record_id", "modified_text", "payload", "row_no"])


def tables_of(*landed: Landed) -> RecordTables:
    """Canonical tables, held to their contracts and to the law that rows in are accounted for."""
    found = canonical_records(landed, POLICY)
    for name in STORED:
        if getattr(found, name).empty:
            continue
        contract = next(c for c in tables.CONTRACTS if c.name == name)
        table = pa.Table.from_pandas(getattr(found, name), schema=arrow_schema(contract), preserve_index=False)
        checked = verdicts(CONNECTION.create_table(f"checked_{name}", table, overwrite=True), contract)
        assert all(v.is_valid for v in checked.values()), (name, checked)
    assert imbalance(found.counts) == []
    assert found.counts["rows_in_count"].sum() == sum(len(frame) for _, frame in landed)
    assert found.counts["quarantined_count"].sum() == len(found.quarantine)
    return found


def account(key: str = A1, **fields: Any) -> tuple[str, str, dict[str, Any]]:
    sound = {
        "Id": key, "Name": "Alder Labs", "OwnerId": U1, "Product_Account_Id__c": f"acc_{key[14]}", "ParentId": None,
        "Tier__c": "enterprise", "Strategic_Fit__c": "high", "Industry": "Energy", "IsDeleted": False,
        "CreatedDate": "2024-06-01T00:00:00.000+0000", "SystemModstamp": "2025-02-01T00:00:00.000+0000",
    }  # fmt: skip
    return "Account", key, sound | fields


def account_change(
    number: int, field: str, old: str | None, new: str | None, when: str, key: str = A1
) -> tuple[str, str, dict[str, Any]]:
    payload = {
        "Id": f"h{number}",
        "AccountId": key,
        "Field": field,
        "OldValue": old,
        "NewValue": new,
        "CreatedDate": when,
    }
    return "AccountHistory", f"h{number}", payload


def term(**fields: Any) -> tuple[str, str, dict[str, Any]]:
    sound = {
        "Id": C1, "AccountId": A1, "Status": "Activated", "StartDate": "2025-01-10", "EndDate": "2026-01-10",
        "Billing_Period__c": "annual", "MRR_USD__c": 1250.5, "Seats__c": 40, "Plan__c": "team", "Notice_Date__c": None,
        "Ended_Date__c": None, "End_Reason__c": None, "CreatedDate": "2025-01-08T10:00:00.000+0000",
        "SystemModstamp": "2025-01-08T10:00:00.000+0000",
    }  # fmt: skip
    return "Contract", C1, sound | fields


def term_change(
    number: int, field: str, old: str | None, new: str | None, when: str
) -> tuple[str, str, dict[str, Any]]:
    payload = {
        "Id": f"c{number}",
        "ContractId": C1,
        "Field": field,
        "OldValue": old,
        "NewValue": new,
        "CreatedDate": when,
    }
    return "ContractHistory", f"c{number}", payload


def only(frame: pd.DataFrame) -> dict[str, Any]:
    (row,) = frame.to_dict("records")
    return row


# accounts


def test_tracked_fields_are_cast_back_and_others_are_unknown_before_the_first_load() -> None:
    records = [
        account(),
        account_change(1, "Tier__c", "growth", "enterprise", "2025-01-20T09:00:00.000+0000"),
        account_change(2, "Owner", U2, U1, "2024-11-05T09:00:00.000+0000"),
        account_change(3, "Owner", "Ben Costa", "Ada Ito", "2024-11-05T09:00:00.000+0000"),
        ("User", U1, {"Id": U1, "Name": "Ada Ito", "Email": "ada@acme.example"}),
    ]
    found = tables_of(load_of("salesforce", records)).accounts
    rows = found[
        ["valid_from_at", "valid_to_at", "tier", "strategic_fit", "owner_id", "owner_name", "known_date"]
    ].astype(object)
    assert rows.where(rows.notna(), None).values.tolist() == [
        [at("2024-06-01"), at("2024-11-05 09:00"), "growth", "unknown", U2, None, date(2024, 6, 1)],
        [at("2024-11-05 09:00"), at("2025-01-20 09:00"), "growth", "unknown", U1, "Ada Ito", date(2024, 11, 5)],
        [at("2025-01-20 09:00"), at("2025-03-01 06:00"), "enterprise", "unknown", U1, "Ada Ito", date(2025, 1, 20)],
        [at("2025-03-01 06:00"), None, "enterprise", "high", U1, "Ada Ito", date(2025, 3, 1)],
    ]
    assert set(found["account_name"]) == {"Alder Labs"}
    assert set(found["account_id"]) == {"acc_1"}


def test_without_any_field_history_only_labels_reach_back() -> None:
    found = tables_of(load_of("salesforce", [account()])).accounts
    assert found["tier"].tolist() == ["unknown", "enterprise"]
    assert found["owner_id"].isna().tolist() == [True, False]
    assert found["industry"].tolist() == ["Energy", "Energy"]


def test_a_change_seen_only_between_loads_holds_from_the_later_load() -> None:
    later = account(Strategic_Fit__c="low", SystemModstamp="2025-03-05T00:00:00.000+0000")
    loads = (load_of("salesforce", [account()]), load_of("salesforce", [later], 1, "2025-03-08T06:00:00"))
    found = tables_of(*loads).accounts
    assert found[["valid_from_at", "strategic_fit"]].values.tolist()[1:] == [
        [at("2025-03-01 06:00"), "high"],
        [at("2025-03-08 06:00"), "low"],
    ]
    pd.testing.assert_frame_equal(found, tables_of(*loads[::-1]).accounts)


def test_parents_are_named_by_product_id_and_deleted_accounts_end() -> None:
    child = account(A2, ParentId=A1[:15], IsDeleted=True)
    found = tables_of(
        load_of("salesforce", [account(), child, account_change(1, "Tier__c", None, None, "2025-01-01T00:00:00Z")])
    ).accounts
    row = only(found[found["account_id"] == "acc_2"])
    assert row["parent_account_id"] == "acc_1"
    assert row["valid_to_at"] == at("2025-02-01")


def test_short_salesforce_ids_get_their_suffix() -> None:
    assert long_id("001D000000IqhSL") == "001D000000IqhSLIAZ"  # example in Salesforce's help, article 000385215
    assert long_id("001D000000IqhSLIAZ") == "001D000000IqhSLIAZ"
    assert long_id("not an id") == "not an id"
    assert long_id(None) is None


# terms


def test_a_term_states_what_was_signed_and_when_notice_and_end_were_written_down() -> None:
    records = [
        account(),
        term(
            MRR_USD__c=2000.0,
            Seats__c=64,
            Plan__c="enterprise",
            Notice_Date__c="2025-05-01",
            Ended_Date__c="2025-06-01",
            End_Reason__c="price",
        ),
        term_change(1, "Seats__c", "40", "50", "2025-02-01T00:00:00.000+0000"),
        term_change(2, "MRR_USD__c", "1250.50", "1600.00", "2025-02-01T00:00:00.000+0000"),
        term_change(3, "MRR_USD__c", "1600.00", "2000.00", "2025-03-01T00:00:00.000+0000"),
        term_change(6, "Plan__c", "team", "enterprise", "2025-03-01T00:00:00.000+0000"),
        term_change(4, "Notice_Date__c", None, "2025-05-01", "2025-05-01T09:36:00.000+0000"),
        term_change(5, "Ended_Date__c", None, "2025-06-01", "2025-06-02T08:24:00.000+0000"),
    ]
    row = only(tables_of(load_of("salesforce", records)).subscriptions)
    assert (row["mrr_usd_cents"], row["seat_count"], row["plan"]) == (125_050, 40, "team")
    assert (row["notice_at"], row["ended_at"]) == (at("2025-05-01 09:36"), at("2025-06-02 08:24"))
    assert (row["started_at"], row["term_end_at"], row["known_at"]) == (
        at("2025-01-10"),
        at("2026-01-10"),
        at("2025-01-08 10:00"),
    )
    assert (row["account_id"], row["billing_period"], row["end_reason"]) == ("acc_1", "annual", "price")


GIVEN = ("Notice_Date__c", None, "2025-04-01", "2025-04-02T00:00:00Z")
WITHDRAWN = ("Notice_Date__c", "2025-04-01", None, "2025-04-09T00:00:00Z")


@pytest.mark.parametrize(
    ("fields", "changes", "notice", "ended"),
    [
        ({}, [], None, None),
        ({"Notice_Date__c": "2025-05-01"}, [], "2025-05-01", None),
        # an end written down in advance happens when it happens
        ({"Ended_Date__c": "2025-09-01"}, [("Ended_Date__c", None, "2025-09-01", "2025-05-01T00:00:00Z")], None, "2025-09-01"),
        # withdrawn notice, and notice given again
        ({}, [GIVEN, WITHDRAWN], None, None),
        (
            {"Notice_Date__c": "2025-05-01"},
            [GIVEN, WITHDRAWN, ("Notice_Date__c", None, "2025-05-01", "2025-05-03T00:00:00Z")],
            "2025-05-03",
            None,
        ),
        ({"Status": "Cancelled"}, [("Status", "Activated", "Cancelled", "2025-07-01T12:00:00Z")], None, "2025-07-01 12:00"),
    ],
)  # fmt: skip
def test_notice_and_end_follow_the_contract_history(
    fields: dict[str, Any],
    changes: list[tuple[str, str | None, str | None, str]],
    notice: str | None,
    ended: str | None,
) -> None:
    history = [term_change(n, *change) for n, change in enumerate(changes)]
    row = only(tables_of(load_of("salesforce", [account(), term(**fields), *history])).subscriptions)
    assert (row["notice_at"] if pd.notna(row["notice_at"]) else None) == (at(notice) if notice else None)
    assert (row["ended_at"] if pd.notna(row["ended_at"]) else None) == (at(ended) if ended else None)


def test_the_last_version_of_a_record_counts_whatever_the_load_order() -> None:
    new = term(Plan__c="business", SystemModstamp="2025-02-08T10:00:00.000+0000")
    first = load_of("salesforce", [account(), new])
    second = load_of("salesforce", [term(), new], 1)  # the overlap brings an older version late, and one again
    found = tables_of(first, second)
    assert only(found.subscriptions)["plan"] == "business"
    assert found.counts["duplicate_count"].sum() == 1


def test_opportunities_are_known_since_their_last_change() -> None:
    deal = {
        "AccountId": A1, "StageName": "Closed Won", "Amount": 12000.0, "CloseDate": "2025-02-03", "Type": "Expansion", "IsWon": True,
        "CreatedDate": "2025-01-03T00:00:00.000+0000", "SystemModstamp": "2025-02-03T00:00:00.000+0000",
    }  # fmt: skip
    row = only(tables_of(load_of("salesforce", [account(), ("Opportunity", "006000000000001AAA", deal)])).opportunities)
    assert (row["amount_usd_cents"], row["close_date"], row["is_closed"], row["is_won"]) == (
        1_200_000,
        date(2025, 2, 3),
        True,
        True,
    )
    assert row["known_at"] == at("2025-02-03")


DELETED = "2025-02-20T11:00:00.000+0000"
DEAL = {
    "AccountId": A1, "StageName": "Proposal", "Amount": 12000.0, "CloseDate": "2025-06-03", "Type": "Expansion", "IsWon": False,
    "CreatedDate": "2025-01-03T00:00:00.000+0000", "SystemModstamp": "2025-01-03T00:00:00.000+0000", "IsDeleted": False,
}  # fmt: skip


def deal(**fields: Any) -> tuple[str, str, dict[str, Any]]:
    return "Opportunity", "006000000000001AAA", DEAL | fields


def staged(number: int, stage: str, when: str) -> tuple[str, str, dict[str, Any]]:
    payload = {"OpportunityId": "006000000000001AAA", "StageName": stage, "CreatedDate": when}
    return "OpportunityHistory", f"00800000000000{number}", payload


def test_a_deleted_term_ran_until_it_was_deleted_and_no_snapshot_before_loses_it() -> None:
    records = [account(), term(IsDeleted=True, SystemModstamp=DELETED)]
    row = only(tables_of(load_of("salesforce", records)).subscriptions)
    assert (row["ended_at"], row["end_reason"]) == (at("2025-02-20 11:00"), "deleted")
    assert (row["known_at"], row["notice_at"]) == (at("2025-01-08 10:00"), pd.NaT)


def test_a_term_that_had_ended_before_it_was_deleted_keeps_its_end() -> None:
    ended = {"Ended_Date__c": "2025-02-01", "End_Reason__c": "price", "IsDeleted": True, "SystemModstamp": DELETED}
    row = only(tables_of(load_of("salesforce", [account(), term(**ended)])).subscriptions)
    assert (row["ended_at"], row["end_reason"]) == (at("2025-02-01"), "price")


def test_a_term_that_is_deleted_before_it_starts_ends_with_its_start() -> None:
    records = [account(), term(IsDeleted=True, SystemModstamp="2025-01-09T00:00:00.000+0000")]
    row = only(tables_of(load_of("salesforce", records)).subscriptions)
    assert row["ended_at"] == row["started_at"] == at("2025-01-10")


def test_a_deleted_opportunity_is_over_since_it_was_deleted() -> None:
    row = only(
        tables_of(load_of("salesforce", [account(), deal(IsDeleted=True, SystemModstamp=DELETED)])).opportunities
    )
    assert (row["is_closed"], row["is_won"], row["stage"]) == (True, False, "Proposal")
    assert row["closed_at"] == row["deleted_at"] == row["known_at"] == at("2025-02-20 11:00")


def test_an_open_opportunity_has_no_end() -> None:
    row = only(tables_of(load_of("salesforce", [account(), deal()])).opportunities)
    assert pd.isna(row["closed_at"])
    assert pd.isna(row["deleted_at"])


def test_a_correction_after_the_close_does_not_move_the_close() -> None:
    won = deal(StageName="Closed Won", IsWon=True, SystemModstamp="2025-02-25T00:00:00.000+0000")
    history = [
        staged(1, "Proposal", "2025-01-03T00:00:00.000+0000"),
        staged(2, "Closed Lost", "2025-01-20T00:00:00.000+0000"),
        staged(3, "Proposal", "2025-01-21T00:00:00.000+0000"),
        staged(4, "Closed Won", "2025-02-10T00:00:00.000+0000"),
        staged(5, "Closed Won", "2025-02-25T00:00:00.000+0000"),  # the amount was corrected
    ]
    row = only(tables_of(load_of("salesforce", [account(), won, *history])).opportunities)
    assert (row["closed_at"], row["updated_at"]) == (at("2025-02-10"), at("2025-02-25"))


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (staged(1, "Proposal", "2025-01-03T00:00:00Z"), "unknown_opportunity"),
        (term(AccountId=A2), "unknown_account"),
        (term(AccountId=None), "missing_id"),
        (term(StartDate="soon"), "unreadable_time"),
        (term(StartDate=None), "missing_time"),
        (term(EndDate="2024-01-01"), "impossible_time"),
        (term(MRR_USD__c="much"), "wrong_type"),
        (term_change(1, "Seats__c", "1", "2", "2025-01-01T00:00:00Z"), "unknown_contract"),
        (account_change(1, "Tier__c", "a", "b", "2025-01-01T00:00:00Z", A2), "unknown_account"),
        (("Contract", None, {"StartDate": "2025-01-10"}), "missing_id"),
        (("Contract", C1, "{"), "not_json"),
        (("Contract", C1, "[1]"), "not_json"),
        (("Pricebook", "x", {}), "unknown_kind"),
    ],
)
def test_unusable_records_are_set_aside_with_their_reason(record: tuple[str, str | None, Any], reason: str) -> None:
    found = tables_of(load_of("salesforce", [account(), record]))
    row = only(found.quarantine)
    assert (row["reason"], row["row_no"], row["source_object"]) == (reason, 1, record[0])
    assert len(found.subscriptions) == 0
    assert "soon" not in row["detail"]
    assert "much" not in row["detail"]


# tickets


def desk(*audits: dict[str, Any], **ticket: Any) -> list[tuple[str, str, Any]]:
    sound = {
        "id": 1001, "created_at": "2025-01-06T10:00:00Z", "updated_at": "2025-01-09T10:00:00Z", "status": "solved", "priority": "high",
        "subject": "Call me at +1 555 0142 or ann@example.com", "requester_id": 5, "organization_id": 7,
    }  # fmt: skip
    user = {
        "id": 5,
        "email": "Ann@example.com",
        "role": "end-user",
        "organization_id": 7,
        "external_id": "u1",
        "created_at": "2024-01-01T00:00:00Z",
    }
    return [
        ("organization", "7", {"id": 7, "external_id": "acc_1"}),
        ("user", "5", user),
        ("ticket", "1001", sound | ticket),
        *(("ticket_event", str(a["id"]), {"ticket_id": 1001, **a}) for a in audits),
    ]


def audit(number: int, minute: int, *children: dict[str, Any]) -> dict[str, Any]:
    typed = [{"event_type": "Change", **child} for child in children]
    return {"id": number, "created_at": f"2025-01-06T10:{minute:02d}:00Z", "child_events": typed}


CREATED = audit(1, 0, {"status": "open", "event_type": "Create"}, {"tags": ["failure"]}, {"priority": "normal"})
COMMENT = {"event_type": "Comment", "body": "no", "public": True}


def changes_of(*audits: dict[str, Any]) -> list[str]:
    found = tables_of(load_of("zendesk", desk(*audits))).ticket_events
    assert set(found["ticket_id"]) == {"zendesk:1001"}
    return found.sort_values("occurred_us", kind="stable")["change"].tolist()


@pytest.mark.parametrize(
    ("audits", "changes"),
    [
        ([], ["opened"]),
        ([CREATED], ["opened"]),
        ([CREATED, audit(2, 1, COMMENT)], ["opened", "commented"]),
        ([CREATED, audit(2, 1, {"status": "pending"}, COMMENT)], ["opened", "commented"]),
        ([CREATED, audit(2, 1, {"assignee_id": "9"})], ["opened", "changed"]),
        ([CREATED, audit(2, 1, {"status": "solved"}), audit(3, 2, {"status": "closed"})], ["opened", "solved", "changed"]),
        ([CREATED, audit(2, 1, {"status": "solved"}), audit(3, 2, {"status": "open"})], ["opened", "solved", "reopened"]),
        ([CREATED, audit(2, 1, {"priority": "high"})], ["opened", "escalated"]),
        ([CREATED, audit(2, 1, {"priority": "low"})], ["opened", "changed"]),
        ([CREATED, audit(2, 1, {"priority": "urgent"}), audit(3, 2, {"priority": "high"})], ["opened", "escalated", "changed"]),
        ([CREATED, audit(2, 1, {"group_id": "302"})], ["opened", "changed"]),
        ([CREATED, audit(2, 1, {"tags": ["failure", "escalated"]}, {"group_id": "302"}, {"priority": "high"})], ["opened", "escalated"]),
        ([CREATED, audit(2, 1, {"tags": "failure escalated"}), audit(3, 2, {"group_id": "303"})], ["opened", "escalated", "escalated"]),
        (
            [CREATED, audit(2, 1, {"status": "solved"}), audit(3, 2, {"status": "open"}, {"priority": "urgent"})],
            ["opened", "solved", "escalated", "reopened"],
        ),
        # our sequence starts late: the previous value is all there is
        ([audit(3, 2, {"status": "open", "previous_value": "solved"})], ["opened", "reopened"]),
    ],
)  # fmt: skip
def test_ticket_changes_are_rebuilt_from_the_sequence(audits: list[dict[str, Any]], changes: list[str]) -> None:
    assert changes_of(*audits) == changes
    assert changes_of(*audits[::-1]) == changes


def test_a_ticket_belongs_to_its_organisation_and_hides_addresses() -> None:
    row = only(tables_of(load_of("zendesk", desk())).tickets)
    assert (row["account_id_source"], row["requester_key"]) == ("acc_1", keys.user_key("product", "u1"))
    assert row["subject"] == "Call me at [phone] or [email]"
    assert row["known_at"] == at("2025-01-06 10:00")
    without = only(tables_of(load_of("zendesk", desk(organization_id=None))).tickets)
    assert without["account_id_source"] == "acc_1"  # its requester's


def measure(
    number: int, metric: str, kind: str, when: str, instance: int = 1, **more: Any
) -> tuple[str, str, dict[str, Any]]:
    payload = {"id": number, "ticket_id": 1001, "metric": metric, "instance_id": instance, "type": kind, "time": when}
    return "ticket_metric_event", str(number), payload | more


def told_by(*records: tuple[str, str | None, Any]) -> list[tuple[str, datetime]]:
    events = tables_of(load_of("zendesk", list(records))).ticket_events.sort_values(["occurred_at", "change"])
    return list(zip(events["change"], events["occurred_at"].dt.to_pydatetime(), strict=True))


def test_measurements_add_replies_and_breaches_and_only_those_turns_that_no_audit_tells() -> None:
    audits = (CREATED, audit(2, 1, {"status": "solved"}))
    told = told_by(*desk(*audits))
    solved_at = next(when for change, when in told if change == "solved")
    measured = [
        measure(1, "reply_time", "activate", "2025-01-06T10:00:00Z"),
        measure(2, "reply_time", "breach", "2025-01-06T10:20:00Z"),
        measure(3, "reply_time", "fulfill", "2025-01-06T10:25:00Z"),
        measure(4, "resolution_time", "activate", "2025-01-06T10:00:00Z"),
        measure(5, "resolution_time", "fulfill", f"{solved_at:%Y-%m-%dT%H:%M:%S}Z"),
        measure(6, "resolution_time", "activate", "2025-01-08T00:00:00Z", instance=2),
        measure(7, "resolution_time", "fulfill", "2025-01-09T00:00:00Z", instance=2),
        measure(8, "reply_time", "breach", "2025-01-07T00:00:00Z", deleted=True),
    ]
    found = told_by(*desk(*audits), *measured)
    assert sorted(set(found) - set(told), key=lambda pair: pair[1]) == [
        ("breached", at("2025-01-06 10:20")),
        ("replied", at("2025-01-06 10:25")),
        ("reopened", at("2025-01-08")),
        ("solved", at("2025-01-09")),
    ]
    assert len(found) == len(told) + 4


def test_a_retracted_measurement_leaves_again() -> None:
    first = load_of("zendesk", [*desk(CREATED), measure(1, "reply_time", "breach", "2025-01-07T00:00:00Z")])
    retracted = load_of("zendesk", [measure(1, "reply_time", "breach", "2025-01-07T00:00:00Z", deleted=True)], 1)
    assert "breached" in tables_of(first).ticket_events["change"].tolist()
    assert "breached" not in tables_of(first, retracted).ticket_events["change"].tolist()


def test_a_deleted_ticket_is_over_since_then_and_its_words_are_gone() -> None:
    before = load_of("zendesk", desk(CREATED, description="Import fails"))
    gone = desk(status="deleted", updated_at="2025-01-20T00:00:00Z", description="Import fails")[2]
    again = desk(status="deleted", updated_at="2025-01-25T00:00:00Z", description="SCRUBBED")[2]
    found = tables_of(before, load_of("zendesk", [gone], 1), load_of("zendesk", [again], 2))
    last = found.ticket_events.iloc[-1]
    assert (last["change"], last["known_at"]) == ("deleted", at("2025-01-20"))
    row = only(found.tickets)
    assert (row["status"], pd.isna(row["subject"])) == ("deleted", True)
    assert found.utterances.empty
    restored = desk(status="open", updated_at="2025-01-27T00:00:00Z")[2]
    back = tables_of(before, load_of("zendesk", [gone], 1), load_of("zendesk", [restored], 2))
    assert "deleted" not in back.ticket_events["change"].tolist()


def test_a_rating_is_known_since_it_was_given_and_its_comment_is_heard() -> None:
    rating = {
        "id": 1, "ticket_id": 1001, "requester_id": 5, "score": "bad_with_comment", "reason": "Took too long",
        "comment": "Still broken, mail me at ann@example.com", "created_at": "2025-01-07T00:00:00Z",
        "updated_at": "2025-01-08T00:00:00Z",
    }  # fmt: skip
    offered = rating | {"score": "offered", "comment": None, "updated_at": "2025-01-07T00:00:00Z", "reason": None}
    first = load_of("zendesk", [*desk(CREATED), ("satisfaction_rating", "1", offered)])
    row = only(tables_of(first).satisfaction_ratings)
    assert (row["satisfaction"], row["known_at"]) == ("offered", at("2025-01-07"))
    found = tables_of(first, load_of("zendesk", [("satisfaction_rating", "1", rating)], 1))
    row = only(found.satisfaction_ratings)
    assert (row["satisfaction"], row["satisfaction_reason"], row["account_id"]) == ("bad", "Took too long", "acc_1")
    assert row["known_at"] == at("2025-01-08")
    said = only(found.utterances[found.utterances["channel"] == "rating"])
    assert (said["text"], said["author_kind"], said["ticket_id"]) == (
        "Still broken, mail me at [email]", "customer", "zendesk:1001",
    )  # fmt: skip


def chat(**fields: Any) -> tuple[str, str, dict[str, Any]]:
    def line(number: int, sender: str, words: str) -> dict[str, Any]:
        when = f"2025-01-06T10:0{number}:00.250Z"
        return {"type": "chat.msg", "sender_type": sender, "msg": words, "msg_id": f"m{number}", "timestamp": when}

    sound = {
        "id": "c1", "type": "chat", "timestamp": "2025-01-06T10:00:00Z", "update_timestamp": "2025-01-06T10:05:00Z",
        "visitor": {"name": "Rosa Petrov", "email": "Ann@Example.com"}, "zendesk_ticket_id": None, "tags": [],
        "history": [
            {"type": "chat.memberjoin", "timestamp": "2025-01-06T10:00:00Z"},
            line(1, "Trigger", "Hi, what is it about?"),
            line(2, "Visitor", "The import fails, says Rosa Petrov"),
            line(3, "Agent", "We look into it"),
        ],
    }  # fmt: skip
    return "chat", "c1", sound | fields


@pytest.mark.parametrize(
    ("fields", "account", "ticket"),
    [
        ({}, "acc_1", None),  # by the visitor's address
        ({"visitor": {}, "tags": ["vip", "account:acc_7"]}, "acc_7", None),
        ({"visitor": {}, "zendesk_ticket_id": 1001, "tags": ["account:acc_7"]}, "acc_1", "zendesk:1001"),
        ({"visitor": {}, "zendesk_ticket_id": 99}, None, None),  # a ticket that we never saw
    ],
)
def test_a_chat_becomes_redacted_utterances_of_its_account(
    fields: dict[str, Any], account: str | None, ticket: str | None
) -> None:
    found = tables_of(load_of("zendesk", [*desk(CREATED), chat(**fields)])).utterances
    said = found[found["channel"] == "chat"]
    assert said["author_kind"].tolist() == ["agent", "customer", "agent"]
    assert said["utterance_id"].tolist() == ["zendesk:chat:m1", "zendesk:chat:m2", "zendesk:chat:m3"]
    assert set(said["conversation_id"]) == {"zendesk:c1"}
    assert set(said["account_id"].map(lambda v: None if pd.isna(v) else v)) == {account}
    assert set(said["ticket_id"].map(lambda v: None if pd.isna(v) else v)) == {ticket}
    if fields == {}:
        assert said["text"].tolist()[1] == "The import fails, says [name]"
        assert said["known_at"].tolist()[1] == at("2025-01-06 10:02:00.250")


def test_a_chat_that_was_rated_is_a_rating_and_an_offline_message_is_heard() -> None:
    rated = chat(rating="good", history=[], message="Please call back", zendesk_ticket_id=1001)
    found = tables_of(load_of("zendesk", [*desk(CREATED), rated]))
    row = only(found.satisfaction_ratings)
    assert (row["rating_id"], row["satisfaction"], row["account_id"]) == ("zendesk:chat:c1", "good", "acc_1")
    assert "Please call back" in found.utterances["text"].tolist()


def test_a_messaging_ticket_tells_its_words_once() -> None:
    def event(
        number: int, author: str, kind: str = "Messaging::ConversationMessage"
    ) -> tuple[str, str, dict[str, Any]]:
        payload = {
            "id": f"e{number}", "ticket_id": 1001, "type": kind, "created_at": f"2025-01-06T10:0{number}:00Z",
            "author": {"type": author}, "content": {"type": "text", "text": f"words {number}"},
        }  # fmt: skip
        return "conversation_event", f"e{number}", payload

    ticket = desk(CREATED, description="words 1", via={"channel": "native_messaging"})
    found = tables_of(load_of("zendesk", [*ticket, event(1, "user"), event(2, "bot"), event(3, "agent", "Comment")]))
    assert found.utterances["text"].tolist() == ["words 1", "words 2"]
    assert found.utterances["author_kind"].tolist() == ["customer", "agent"]
    assert set(found.utterances["channel"]) == {"chat"}
    alone = tables_of(load_of("zendesk", ticket)).utterances
    assert alone["channel"].tolist() == ["ticket"], "without its conversation the transcript is all there is"


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (measure(1, "reply_time", "fulfill", "soon"), "unreadable_time"),
        (("satisfaction_rating", "1", {"ticket_id": 1001}), "missing_time"),
        (
            ("conversation_event", "1", {"type": "Messaging::ConversationMessage", "content": {"text": "x"}}),
            "missing_time",
        ),
        (chat(history=[{"type": "chat.msg", "msg": "x", "timestamp": "soon"}]), "unreadable_time"),
    ],
)
def test_unusable_measurements_ratings_and_chats_are_set_aside(
    record: tuple[str, str | None, Any], reason: str
) -> None:
    assert only(tables_of(load_of("zendesk", [*desk(CREATED), record])).quarantine)["reason"] == reason


def test_the_directory_holds_customers_and_only_keys_of_addresses() -> None:
    agent = ("user", "9", {"id": 9, "email": "joe@acme.example", "role": "agent", "created_at": "2024-01-01T00:00:00Z"})
    contact = (
        "Contact",
        "003000000000001AAA",
        {"AccountId": A1, "Email": "ann@example.com", "CreatedDate": "2024-07-01T00:00:00.000+0000"},
    )
    found = tables_of(load_of("zendesk", [*desk(), agent]), load_of("salesforce", [account(), contact])).users_directory
    assert found["source_object"].tolist() == ["Contact", "user"]
    assert set(found["email_key"]) == {keys.email_key("ann@example.com")}
    assert found["actor_key"].tolist() == [0, keys.user_key("product", "u1")]
    assert set(found["account_id"]) == {"acc_1"}
    assert "@" not in found.to_csv()


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("Mail to Ann.B+x@mail.example.com, please", "Mail to [email], please"),
        ("Card 4111 1111 1111 1111 was refused", "Card [card] was refused"),
        ("Order 4111111111111112 is late", "Order 4111111111111112 is late"),
        ("+44 (0)20 7946 0958", "[phone]"),
        ("555-123-4567", "[phone]"),
        ("Report of 2025-01-06 14:30 has 12345678 rows", "Report of 2025-01-06 14:30 has 12345678 rows"),
        ("Error 500 in 3 of 10 imports", "Error 500 in 3 of 10 imports"),
        (None, None),
    ],
)
def test_free_text_loses_addresses_numbers_and_cards(text: str | None, stored: str | None) -> None:
    assert redacted(text) == stored


# mapped exports


def test_mapped_records_follow_the_basis_of_their_load() -> None:
    records = [
        ("accounts", "a", {"account_id": "a", "tier": "Self Serve", "created_at": "2020-01-01", "valid_from_at": "2020-01-01"}),
        ("accounts", "a", {"account_id": "a", "tier": "growth", "created_at": "2020-01-01", "valid_from_at": "2021-01-01"}),
        (
            "subscriptions", "s",
            {
                "subscription_id": "s", "account_id": "a", "billing_period": "yearly", "mrr_usd_cents": "9900",
                "started_at": "2020-01-01T00:00:00Z",
            },
        ),
        (
            "tickets", "t",
            {
                "ticket_id": "t", "account_id": "a", "requester_email": "x@y.example", "status": "Solved",
                "created_at": "2025-02-28T12:00:00Z", "escalated_at": "2025-02-28T13:00:00Z",
                "solved_at": "2025-03-01T05:00:00Z",
            },
        ),
        ("users", "u", {"user_id": "u", "email": "x@y.example", "account_id": "a", "role": "admin"}),
        ("users", None, {"email": "z@y.example"}),
    ]  # fmt: skip
    found = tables_of(load_of("files", records, lag_hours=48, id_space="own"))
    assert found.accounts["tier"].tolist() == ["self_serve", "growth"]
    assert found.accounts["known_at"].tolist() == [at("2020-01-03"), at("2021-01-03")]
    assert found.accounts["valid_to_at"].tolist()[0] == at("2021-01-01")
    row = only(found.subscriptions)
    assert (row["billing_period"], row["mrr_usd_cents"], row["known_at"]) == ("annual", 9900, at("2020-01-03"))
    assert pd.isna(row["seat_count"])
    assert found.ticket_events["change"].tolist() == ["opened", "escalated", "solved"]
    assert set(found.ticket_events["known_at"]) == {at("2025-03-01 06:00")}  # all within a day of the load
    assert only(found.users_directory)["actor_key"] == keys.user_key("own", "u")
    assert found.quarantine["reason"].tolist() == ["missing_id"]


# laws

REOPENED = (CREATED, audit(2, 1, {"status": "solved"}), audit(3, 2, {"status": "open"}))
_pool = [
    *desk(*REOPENED),
    desk(status="open", updated_at="2025-01-10T00:00:00Z")[2],
    ("ticket", None, {}),
    ("ticket", "8", {"created_at": "?"}),
]


@settings(derandomize=True, max_examples=25, deadline=None)
@given(order=st.permutations(_pool), cut=st.integers(0, len(_pool)), again=st.lists(st.sampled_from(_pool), max_size=4))
def test_any_partition_into_loads_gives_the_same_tables(order: list[Any], cut: int, again: list[Any]) -> None:
    whole = canonical_records([load_of("zendesk", _pool)], POLICY)
    parts = canonical_records([load_of("zendesk", order[:cut] + again), load_of("zendesk", order[cut:], 1)], POLICY)
    assert imbalance(parts.counts) == []
    assert parts.counts["rows_in_count"].sum() == len(_pool) + len(again)
    for name in ("tickets", "ticket_events", "users_directory"):
        provenance = ["load_id", "row_no"]
        left, right = (getattr(t, name).drop(columns=provenance, errors="ignore") for t in (whole, parts))
        pd.testing.assert_frame_equal(left, right)


def test_a_profiles_addresses_count_for_its_user_from_the_load_that_first_showed_them() -> None:
    def profile(user: str, email: str | None, seen: str) -> tuple[str, str, dict[str, Any]]:
        return "profile", user, {"$distinct_id": user, "$properties": {"$email": email, "$last_seen": seen}}

    found = tables_of(
        load_of("mixpanel", [profile("u1", "a@x.io", "2025-02-27"), profile("$device:d1", "b@x.io", "2025-02-27")]),
        load_of("mixpanel", [profile("u1", "A@x.io", "2025-03-02")], 1, "2025-03-02T06:00:00"),
        load_of("mixpanel", [profile("u1", "c@x.io", "2025-03-03"), ("profile", "u2", {})], 2, "2025-03-03T06:00:00"),
    )
    rows = found.users_directory[["user_id_source", "email_key", "actor_key", "known_at"]].to_dict("records")
    user = keys.user_key("product", "u1")
    assert [tuple(row.values()) for row in rows] == [
        ("u1", keys.email_key("a@x.io"), user, pd.Timestamp("2025-03-01T06:00:00")),
        ("u1#2", keys.email_key("c@x.io"), user, pd.Timestamp("2025-03-03T06:00:00")),
    ]
    assert list(found.quarantine["reason"]) == ["wrong_type"]


def _tracked(person: str, distinct_id: str, email: str | None = None, **more: Any) -> tuple[str, str, dict[str, Any]]:
    return "person", distinct_id, {"person_id": person, "distinct_id": distinct_id, "email": email, **more}


_MADE_UP = "0194a000-aaaa-7000-8000-00000000000{}".format


def test_a_tracked_person_ties_address_and_devices_to_its_user_from_the_load_that_first_showed_them() -> None:
    first, second = _MADE_UP(1), _MADE_UP(2)
    found = tables_of(
        load_of("posthog", [_tracked("p1", "u1", "a@x.io"), _tracked("p1", first, "a@x.io"), _tracked("p2", second)]),
        load_of("posthog", [_tracked("p1", second, "A@x.io"), ("person", "x", {})], 1, "2025-03-02T06:00:00"),
    )
    rows = found.users_directory[["user_id_source", "email_key", "device_key", "actor_key", "known_at"]].to_dict(
        "records"
    )
    user, then, later = (
        keys.user_key("product", "u1"),
        pd.Timestamp("2025-03-01T06:00:00"),
        pd.Timestamp("2025-03-02T06:00:00"),
    )
    assert [tuple(row.values()) for row in rows] == [
        ("u1", keys.email_key("a@x.io"), 0, user, then),
        (f"u1/{first}", 0, keys.anonymous_key("product", first), user, then),
        (f"u1/{second}", 0, keys.anonymous_key("product", second), user, later),
    ]
    assert list(found.quarantine["reason"]) == ["wrong_type"]


def test_devices_of_a_person_with_two_user_ids_are_tied_to_both_and_a_deleted_id_to_nobody() -> None:
    device = _MADE_UP(1)
    both = [_tracked("p1", "u1"), _tracked("p1", "u2"), _tracked("p1", device)]
    found = tables_of(load_of("posthog", both)).users_directory
    assert sorted(found["actor_key"]) == sorted(keys.user_key("product", u) for u in ("u1", "u2"))
    gone = [_tracked("p1", "u1"), _tracked("p1", device, is_deleted=True)]
    assert not len(tables_of(load_of("posthog", gone)).users_directory)
