"""Signals of other tools: each once whatever the order and repeats, of the account or person it names, or set aside with its reason."""

import json
import random
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.contracts.exchange import problem
from uam_platform.lake.loads import Load
from uam_platform.policy.redaction import Redactor
from uam_platform.policy.time import TimePolicy
from uam_platform.staging.documents import accounts_of
from uam_platform.staging.external_signals import signal_rows, subjects
from uam_platform.staging.record_log import read_records
from uam_platform.staging.records import canonical_records
from uam_platform.temporal import keys
from uam_platform_tests.staging.landed import POLICY

NOW = datetime(2025, 3, 1)  # noqa: DTZ001 - lake timestamps are naive UTC
CRM_ID = "001000000000001AAA"
PEOPLE = [
    {"actor_key": keys.user_key("product", "u1"), "email_key": keys.email_key("ann@x.example"), "account_id": "acc_3"},
    {"actor_key": 0, "email_key": keys.email_key("two@x.example"), "account_id": "acc_1"},
    {"actor_key": 0, "email_key": keys.email_key("two@x.example"), "account_id": "acc_3"},
]
KNOWN = subjects(
    accounts_of(
        [{"account_id": "acc_1", "account_name": "Acme GmbH"}, {"account_id": "acc_2", "account_name": "Beta"}],
        {CRM_ID: "acc_2"},
    ),
    PEOPLE,
    "product",
)


def envelope(own_id: str = "s1", **changed: Any) -> dict[str, Any]:
    sound = {
        "version": 1, "id": own_id, "type": "signal", "occurred_at": "2025-02-27T10:00:00+01:00",
        "subject": {"account_id": "acc_1"},
        "signal": {"name": "revenue_blocker", "value": 3, "confidence": 0.8, "text": "Write to ann@x.example."},
    }  # fmt: skip
    return sound | changed


Landed = tuple[str, str, Any, int]
"""Source, sender, envelope, hours after NOW at which it was received."""


def landed(deliveries: list[Landed]) -> list[tuple[Load, pd.DataFrame]]:
    """One load a delivery, as the connectors land them."""
    found = []
    for number, (source, sender, item, hours) in enumerate(deliveries):
        at = NOW + timedelta(hours=hours)
        text = item if isinstance(item, str) else json.dumps(item, sort_keys=True)
        own = item.get("id") if isinstance(item, dict) and isinstance(item.get("id"), str) else "hash"
        row = {
            "source_object": "signal",
            "record_id": f"{sender}/{own}",
            "modified_text": at.isoformat() + "Z",
            "payload": text,
        }
        load = Load(f"{at:%Y%m%dT%H%M%S}-{number:04d}-{source}", source, at.isoformat(), {}, {})
        found.append((load, pd.DataFrame([{**row, "row_no": 0}])))
    return found


def rows_of(*deliveries: Landed, policy: TimePolicy = POLICY) -> tuple[list[dict[str, Any]], list[str], int]:
    """Rows, reasons of what was set aside, repeats."""
    records, log = read_records(landed(list(deliveries)))
    rows = signal_rows(log, records, KNOWN, Redactor(), policy)
    return rows, [r["reason"] for r in log.rejected], sum(log.duplicates.values())


def one(**changed: Any) -> tuple[dict[str, Any] | None, str | None]:
    rows, reasons, _ = rows_of(("exchange", "sigos", envelope(**changed), 0))
    return (rows[0] if rows else None), (reasons[0] if reasons else None)


def test_a_signal_keeps_sender_value_pointer_and_redacted_words_and_is_known_when_received() -> None:
    row, _ = one()
    assert row
    assert (row["signal_id"], row["sender"], row["account_id"], row["attached_by"]) == (
        "sigos/s1",
        "sigos",
        "acc_1",
        "declared",
    )
    assert (row["signal_value"], row["signal_confidence_ratio"]) == (3.0, 0.8)
    assert (row["signal_text"], row["redaction_count"]) == ("Write to [email].", 1)
    assert row["occurred_at"] == datetime(2025, 2, 27, 9)  # noqa: DTZ001
    assert row["known_at"] == NOW
    assert row["known_date"] == datetime(2025, 2, 28).date()  # noqa: DTZ001 - the day whose snapshot sees it


@pytest.mark.parametrize(
    ("subject", "account_id", "by"),
    [
        ({"salesforce_id": CRM_ID[:15]}, "acc_2", "declared"),
        ({"account_name": "acme GMBH"}, "acc_1", "declared"),
        ({"user_id": "u1"}, "acc_3", "person"),
        ({"email": " Ann@X.example"}, "acc_3", "person"),
        ({"account_id": "acc_99", "salesforce_id": CRM_ID}, "acc_2", "declared"),
    ],
)
def test_a_subject_leads_to_its_account(subject: dict[str, str], account_id: str, by: str) -> None:
    row, _ = one(subject=subject)
    assert row
    assert (row["account_id"], row["attached_by"]) == (account_id, by)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"subject": {"account_id": "acc_99"}}, "unknown_account"),
        ({"subject": {"email": "two@x.example"}}, "unknown_account"),
        ({"subject": {"account_id": "acc_1", "salesforce_id": CRM_ID}}, "contradictory_subject"),
        ({"subject": {}}, "missing_subject"),
        ({"subject": {"account_id": 7}}, "wrong_type"),
        ({"version": 2}, "unknown_version"),
        ({"version": True}, "unknown_version"),
        ({"type": "alert.opened"}, "unknown_type"),
        ({"occurred_at": "2025-02-27T10:00:00"}, "unreadable_time"),
        ({"occurred_at": "2025-03-05T10:00:00Z"}, "impossible_time"),
        ({"signal": {"name": "Revenue Blocker"}}, "wrong_type"),
        ({"signal": {"name": "a", "value": "3"}}, "wrong_type"),
        ({"signal": {"name": "a", "confidence": 1.7}}, "wrong_type"),
        ({"signal": {"name": "a", "text": ""}}, "wrong_type"),
        ({"signal": None}, "missing_signal"),
    ],
)
def test_what_cannot_be_used_is_set_aside_with_its_reason(changed: dict[str, Any], reason: str) -> None:
    assert one(**changed) == (None, reason)


def test_equal_ids_of_two_senders_are_two_signals_and_a_changed_repeat_is_set_aside() -> None:
    rows, reasons, repeats = rows_of(
        ("collector", "sigos", envelope(), 0),
        ("collector", "other", envelope(), 0),
        ("exchange", "sigos", envelope(), 5),
        ("exchange", "sigos", envelope(signal={"name": "else"}), 6),
    )
    assert sorted(row["signal_id"] for row in rows) == ["other/s1", "sigos/s1"]
    assert (reasons, repeats) == (["conflicting_repeat"], 1)


def test_a_corrected_signal_counts_although_the_first_was_wrong() -> None:
    wrong = envelope(signal={"name": "a", "confidence": 9})
    rows, reasons, _ = rows_of(("exchange", "sigos", wrong, 0), ("exchange", "sigos", envelope(), 1))
    assert [row["known_at"] for row in rows] == [NOW + timedelta(hours=1)]
    assert reasons == ["wrong_type"]


def test_an_unknown_account_comes_out_of_the_quarantine_by_itself() -> None:
    deliveries = landed([("exchange", "sigos", envelope(), 0)])
    assert list(canonical_records(deliveries, POLICY).quarantine["reason"]) == ["unknown_account"]
    load = Load("20250302T000000-0000-files", "files", "2025-03-02T00:00:00", {}, {})
    account = {"source_object": "accounts", "record_id": "", "modified_text": None, "row_no": 0}
    facts = json.dumps({"account_id": "acc_1", "account_name": "Acme", "created_at": "2024-01-01"})
    found = canonical_records([*deliveries, (load, pd.DataFrame([{**account, "payload": facts}]))], POLICY)
    assert list(found.external_signals["account_id"]) == ["acc_1"]
    assert found.quarantine.empty


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(("id", "signal", "subject", "name", "x")), inner, max_size=4)
    ),
    max_leaves=6,
)


@given(
    JSON
    | st.fixed_dictionaries(
        {
            "version": st.just(1),
            "type": st.just("signal"),
            "id": JSON,
            "occurred_at": JSON,
            "subject": JSON,
            "signal": JSON,
        }
    )
)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_any_json_is_judged_and_breaks_nothing(item: Any) -> None:
    fault = problem(item)
    assert fault is None or all(isinstance(part, str) for part in fault)


DELIVERY = st.tuples(
    st.sampled_from(("collector", "exchange")),
    st.sampled_from(("sigos", "other")),
    st.builds(
        lambda own, value, account: envelope(
            own, subject={"account_id": account}, signal={"name": "a", "value": value}
        ),
        st.sampled_from(("s1", "s2")),
        st.sampled_from((1, 2)),
        st.sampled_from(("acc_1", "acc_99")),
    ),
    st.integers(0, 4),
)


@pytest.mark.proves("Exchange's endpoint", "repeats count once")
@given(st.lists(DELIVERY, max_size=10), st.integers(0, 99))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_repeats_and_any_order_of_loads_reconcile(deliveries: list[Landed], seed: int) -> None:
    found = canonical_with_accounts(landed(deliveries))
    mixed = landed(deliveries)
    random.Random(seed).shuffle(mixed)
    again = canonical_with_accounts(mixed)
    pd.testing.assert_frame_equal(found.external_signals, again.external_signals)
    pd.testing.assert_frame_equal(found.counts, again.counts)
    own = found.counts[found.counts["source_object"] == "signal"]
    sums = own[["accepted_count", "quarantined_count", "duplicate_count"]].sum()
    assert sums.sum() == len(deliveries)
    assert sums["accepted_count"] == len(found.external_signals)
    assert found.external_signals["signal_id"].is_unique
    sound = {f"{sender}/{item['id']}" for _, sender, item, _ in deliveries if item["subject"]["account_id"] == "acc_1"}
    assert set(found.external_signals["signal_id"]) == sound


def canonical_with_accounts(deliveries: list[tuple[Load, pd.DataFrame]]) -> Any:
    load = Load("20250201T000000-0000-files", "files", "2025-02-01T00:00:00", {}, {})
    facts = json.dumps({"account_id": "acc_1", "account_name": "Acme", "created_at": "2024-01-01"})
    row = {"source_object": "accounts", "record_id": "", "modified_text": None, "row_no": 0, "payload": facts}
    return canonical_records([(load, pd.DataFrame([row])), *deliveries], POLICY)
