"""Every thing that happened is there once, under its agreed name, in whatever order and however often it was delivered."""

import itertools
from dataclasses import fields
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.contracts import tables
from uam_platform.contracts.model import Contract
from uam_platform.contracts.schemas import ibis_schema
from uam_platform.lake.engine import connect, empty
from uam_platform.lake.loads import LoadManifest
from uam_platform.lake.validation import check_schema
from uam_platform.policy.load import load_section
from uam_platform.policy.taxonomy import EventRule, Taxonomy
from uam_platform.staging.events import EventTables, canonical_events
from uam_platform.staging.key_index import new_keys, repeats
from uam_platform.staging.reconcile import imbalance, reconcile
from uam_platform.staging.split import Split, split_load
from uam_platform.temporal import keys
from uam_platform_tests.judged import verdicts
from uam_platform_tests.staging.landed import POLICY, delivery, land, manifest_in

CONNECTION = connect()
TAXONOMY = Taxonomy(
    owner="test",
    version=1,
    product_type="reporting",
    events={
        "report_generated": EventRule(meaning="", marker="value", tier="core", synonyms=("generate_report",)),
        "import_failed": EventRule(meaning="", marker="friction"),
        "page_viewed": EventRule(meaning=""),
    },
    features=("pivot", "api_access"),
    rejected_patterns=("(?i)click",),
)


def take_in(manifest: LoadManifest, loads: list[list[dict[str, Any]]]) -> tuple[list[Split], ibis.Table, ibis.Table]:
    """Splits, deliveries and repeated ids of loads taken in one after the other."""
    splits, repeated, earlier = [], empty(tables.REPEATED_KEYS), empty(tables.DELIVERY_KEYS)
    for rows in loads:
        splits.append(split_load(CONNECTION, land(manifest, rows), manifest, POLICY))
        new = new_keys(splits[-1].deliveries)
        repeated = ibis.union(repeated, repeats(new, earlier)).cache()
        earlier = ibis.union(earlier, new).cache()
    deliveries = ibis.union(empty(tables.DELIVERIES), *(s.deliveries for s in splits)).cache()
    return splits, CONNECTION.create_table(f"d{len(CONNECTION.list_tables())}", deliveries.to_pyarrow()), repeated


def events_of(folder: Path, *loads: list[dict[str, Any]], taxonomy: Taxonomy = TAXONOMY) -> EventTables:
    _, deliveries, repeated = take_in(manifest_in(folder), list(loads))
    return canonical_events(deliveries, repeated, taxonomy)


def stored(found: EventTables) -> EventTables:
    return EventTables(
        **{field.name: ibis.memtable(getattr(found, field.name).to_pyarrow()) for field in fields(found)}
    )


def rows(table: ibis.Table, *order: str) -> list[dict[str, Any]]:
    return table.order_by(*order).to_pyarrow().to_pylist()


@pytest.mark.parametrize(
    ("said", "name", "marker", "is_core"),
    [
        ({"event_name": "report_generated"}, "report_generated", "value", True),
        ({"event_name": "Report Generated"}, "report_generated", "value", True),
        ({"event_name": "reportGenerated"}, "report_generated", "value", True),
        ({"event_name": "Generate_Report"}, "report_generated", "value", True),
        ({"event_name": "importFailed"}, "import_failed", "friction", False),
        ({"kind": "page", "event_name": "Clicks per day"}, "page_viewed", "none", False),
        ({"kind": "page", "event_name": None}, "page_viewed", "none", False),
        ({"kind": "identify", "event_name": None}, "user_identified", "none", False),
        ({"kind": "group", "event_name": None}, "workspace_joined", "none", False),
        ({"kind": "alias", "event_name": None}, "user_aliased", "none", False),
    ],
)
def test_names_are_brought_to_their_canonical_form(
    tmp_path: Path, said: dict[str, Any], name: str, marker: str, is_core: bool
) -> None:
    (row,) = rows(events_of(tmp_path, [delivery(**said)]).events, "row_no")
    assert (row["event_name"], row["marker"], row["is_core"]) == (name, marker, is_core)
    assert row["event_name_source"] == (said["event_name"] or said["kind"])


def test_unknown_and_rejected_names_are_kept_for_review(tmp_path: Path) -> None:
    names = ("Beta Canvas Opened", "Clicked Button", "report_generated")
    found = events_of(tmp_path / "strict", [delivery(event_name=n) for n in names])
    assert [(r["event_name_source"], r["reason"]) for r in rows(found.unknown_events, "row_no")] == [
        ("Beta Canvas Opened", "unknown_name"),
        ("Clicked Button", "rejected_name"),
    ]
    assert [r["event_name"] for r in rows(found.events, "row_no")] == ["report_generated"]
    open_minded = TAXONOMY.model_copy(update={"accept_unknown": True})
    found = events_of(tmp_path / "open", [delivery(event_name=n) for n in names], taxonomy=open_minded)
    assert [r["event_name"] for r in rows(found.events, "row_no")] == ["Beta Canvas Opened", "report_generated"]
    assert [r["reason"] for r in rows(found.unknown_events, "row_no")] == ["rejected_name"]


def on_day(day: str, name: str) -> dict[str, Any]:
    at = f"2025-01-{day}T12:00:00Z"
    return delivery(
        event_name=name, message_id=f"{name}{day}", occurred_text=at, original_text=None, received_text=at, sent_text=at
    )


MOVED = Taxonomy(
    owner="test",
    version=1,
    product_type="reporting",
    events={
        "report_saved": EventRule(
            meaning="", marker="intent", synonyms=("Keep Report",), deprecated_on=date(2025, 1, 5), deprecated_by="report_kept",
            refused_from=date(2025, 1, 7),
        ),
        "report_kept": EventRule(meaning="", marker="value", tier="core", deprecated_on=date(2025, 1, 6), deprecated_by="report_stored"),
        "report_stored": EventRule(meaning="", marker="progress"),
    },
    features=(),
)  # fmt: skip


def test_a_deprecated_name_counts_as_its_successor_by_event_day_and_is_then_set_aside(tmp_path: Path) -> None:
    told = [
        on_day(day, name) for day in ("04", "05", "06", "07") for name in ("reportSaved", "keep_report", "report_kept")
    ]
    found = events_of(tmp_path, told, taxonomy=MOVED)
    named = {(r["event_date"].day, r["event_name_source"]): r["event_name"] for r in rows(found.events, "row_no")}
    assert {named[4, "reportSaved"], named[4, "keep_report"]} == {"report_saved"}
    assert {named[5, "reportSaved"], named[5, "keep_report"], named[5, "report_kept"]} == {"report_kept"}
    assert {named[6, "reportSaved"], named[6, "report_kept"], named[7, "report_kept"]} == {"report_stored"}
    assert {(r["event_name"], r["marker"], r["is_core"]) for r in rows(found.events, "row_no")} == {
        ("report_saved", "intent", False),
        ("report_kept", "value", True),
        ("report_stored", "progress", False),
    }
    assert [
        (r["event_date"].day, r["event_name_source"], r["reason"]) for r in rows(found.unknown_events, "row_no")
    ] == [
        (7, "reportSaved", "deprecated_name"),
        (7, "keep_report", "deprecated_name"),
    ]


def test_a_day_is_named_the_same_whichever_days_it_is_computed_with(tmp_path: Path) -> None:
    told = [on_day(day, "report_saved") for day in ("04", "06")]
    together = rows(events_of(tmp_path / "both", told, taxonomy=MOVED).events, "row_no")
    alone = [
        rows(events_of(tmp_path / str(n), [one], taxonomy=MOVED).events, "row_no")[0] for n, one in enumerate(told)
    ]
    assert [r["event_name"] for r in together] == [r["event_name"] for r in alone] == ["report_saved", "report_stored"]


def test_features_become_bits_by_their_position(tmp_path: Path) -> None:
    features = ("pivot", "API access", "unheard_of", None)
    found = events_of(tmp_path, [delivery(feature=f) for f in features])
    assert [r["feature_bits"] for r in rows(found.events, "row_no")] == [1, 2, 0, 0]


def test_a_retry_on_the_same_day_counts_once(tmp_path: Path) -> None:
    late = delivery(message_id="m1", received_text="2025-01-06T12:00:09Z", sent_text="2025-01-06T12:00:08.5Z")
    found = events_of(tmp_path, [late, delivery(message_id="m1")], [delivery(message_id="m1")])
    (event,) = rows(found.events, "row_no")
    assert event["row_no"] == 1  # known earlier than row 0 of the same load
    repeated = rows(found.duplicates_log, "load_id", "row_no")
    assert [r["row_no"] for r in repeated] == [0, 0]
    assert {r["reason"] for r in repeated} == {"same_day_repeat"}


def test_a_repeat_under_another_day_counts_once_where_it_came_first(tmp_path: Path) -> None:
    next_day = {"occurred_text": "2025-01-07T01:00:00Z", "original_text": None, "received_text": "2025-01-07T01:00:01Z"}
    moved, first = delivery(message_id="m1", **next_day), delivery(message_id="m1")
    found = events_of(tmp_path / "later", [first], [moved, moved], [first])
    assert [r["event_date"] for r in rows(found.events, "row_no")] == [date(2025, 1, 6)]
    assert sorted(r["reason"] for r in rows(found.duplicates_log, "row_no")) == ["other_day_repeat"] * 2 + [
        "same_day_repeat"
    ]
    found = events_of(tmp_path / "earlier_day_later", [moved], [first])
    assert [r["event_date"] for r in rows(found.events, "row_no")] == [date(2025, 1, 6)]  # known first
    (repeat,) = rows(found.duplicates_log, "row_no")
    assert (repeat["event_date"], repeat["first_event_date"]) == (date(2025, 1, 7), date(2025, 1, 6))
    found = events_of(tmp_path / "one_load", [moved, first])
    assert [r["event_date"] for r in rows(found.events, "row_no")] == [date(2025, 1, 6)]  # known first


def test_identity_evidence_counts_combinations_and_only_group_calls_claim_accounts(tmp_path: Path) -> None:
    said = {"workspace_id": "w1", "account_id": "acc_1"}
    calls = [
        delivery(**said, anonymous_id="a1"),
        delivery(**said, anonymous_id="a1", occurred_text=None, original_text="2025-01-06T12:00:00.250Z"),
        delivery(**said, kind="group", role="admin"),
        delivery(event_name="Clicked Button"),
    ]
    found = rows(events_of(tmp_path, calls).identity_evidence, "event_kind")
    assert [(r["event_kind"], r["event_count"], r["account_id_source"], r["role"]) for r in found] == [
        ("group", 1, "acc_1", "admin"),
        ("track", 2, None, None),
    ]
    assert found[1]["device_key"] == keys.anonymous_key("product", "a1")
    assert found[1]["ended_us"] - found[1]["started_us"] == 250_000
    assert {r["workspace_id_source"] for r in found} == {"w1"}


@pytest.mark.parametrize("taxonomy", [TAXONOMY, MOVED], ids=["undated", "dated"])
@pytest.mark.parametrize("dialect", ["duckdb", "pyspark"])
def test_expressions_compile_for_both_engines(dialect: str, taxonomy: Taxonomy) -> None:
    def bound(contract: Contract) -> ibis.Table:
        return ibis.table(ibis_schema(contract), name=contract.name)

    found = canonical_events(bound(tables.DELIVERIES), bound(tables.REPEATED_KEYS), taxonomy)
    known = repeats(new_keys(bound(tables.DELIVERIES)), bound(tables.DELIVERY_KEYS))
    for table in (found.events, found.unknown_events, found.duplicates_log, found.identity_evidence, known):
        assert "SELECT" in str(ibis.to_sql(table, dialect=dialect))


def test_the_shipped_taxonomy_accepts_what_calls_are_named() -> None:
    assert {"user_identified", "user_aliased", "workspace_joined", "page_viewed"} <= set(
        load_section(Taxonomy, "taxonomy").events
    )


# laws

_deliveries = st.lists(
    st.builds(
        lambda number, shift, name: delivery(
            message_id=f"m{number}",
            event_name=name,
            original_text=None,
            occurred_text=f"2025-01-0{5 + shift}T12:00:00Z",
            received_text=f"2025-01-0{5 + shift}T12:00:0{number}Z",
        ),
        st.integers(0, 5),
        st.integers(0, 2),
        st.sampled_from(["report_generated", "reportGenerated", "oops", "Clicked", None]),
    ),
    max_size=14,
)


@settings(derandomize=True, max_examples=7, deadline=None)
@given(arrived=_deliveries, cuts=st.lists(st.integers(0, 14), max_size=3), data=st.data())
def test_rows_in_are_accepted_quarantined_or_duplicates_and_each_event_is_there_once(
    tmp_path_factory: Any, arrived: list[dict[str, Any]], cuts: list[int], data: st.DataObject
) -> None:
    bounds = [0, *sorted(min(c, len(arrived)) for c in cuts), len(arrived)]
    loads = [arrived[a:b] for a, b in itertools.pairwise(bounds)]
    manifest = manifest_in(tmp_path_factory.mktemp("law"))
    splits, deliveries, repeated = take_in(manifest, loads)
    found = stored(canonical_events(deliveries, repeated, TAXONOMY))
    for table, contract in (
        (found.events, tables.EVENTS),
        (found.unknown_events, tables.UNKNOWN_EVENTS),
        (found.duplicates_log, tables.DUPLICATES_LOG),
        (found.identity_evidence, tables.IDENTITY_EVIDENCE),
    ):
        check_schema(table, contract)
        assert all(v.is_valid for v in verdicts(table, contract).values()), contract.name
    quarantine = ibis.union(empty(tables.QUARANTINE), *(s.quarantine for s in splits))
    counts = reconcile(
        manifest.loads(),
        events=found.events,
        unknown_events=found.unknown_events,
        duplicates_log=found.duplicates_log,
        quarantine=quarantine,
    )
    assert imbalance(counts) == []
    assert counts["rows_in_count"].sum() == len(arrived)
    sent = {row["message_id"] for row in arrived if row["event_name"]}
    ids = [r["event_lo"] for table in (found.events, found.unknown_events) for r in rows(table, "event_lo")]
    assert sorted(ids) == sorted(keys.key63(f"segment|{m}") for m in sent)

    # a day computed alone is the same as within its range, and rows in any order give the same events
    day = date(2025, 1, 5) + timedelta(days=data.draw(st.integers(0, 2)))
    whole = rows(found.events.filter(found.events.event_date == day), "event_lo")
    alone = canonical_events(deliveries.filter(deliveries.event_date == day), repeated, TAXONOMY)
    assert rows(alone.events, "event_lo") == whole
    mixed = CONNECTION.create_table("mixed", deliveries.order_by(ibis.desc("row_no")).to_pyarrow(), overwrite=True)
    assert rows(canonical_events(mixed, repeated, TAXONOMY).events, "event_lo") == rows(found.events, "event_lo")


@settings(derandomize=True, max_examples=4, deadline=None)
@given(arrived=_deliveries)
def test_delivering_everything_again_changes_no_event(tmp_path_factory: Any, arrived: list[dict[str, Any]]) -> None:
    once = events_of(tmp_path_factory.mktemp("once"), arrived)
    twice = events_of(tmp_path_factory.mktemp("twice"), arrived, arrived[::-1])
    assert rows(once.events, "event_lo") == rows(twice.events, "event_lo")
    assert rows(once.unknown_events, "event_lo") == rows(twice.unknown_events, "event_lo")


def test_an_imbalance_says_which_load_and_what_to_do(tmp_path: Path) -> None:
    manifest = manifest_in(tmp_path)
    splits, deliveries, repeated = take_in(manifest, [[delivery(), delivery(message_id="m2")]])
    found = canonical_events(deliveries, repeated, TAXONOMY)
    lost = found.events.filter(found.events.row_no > 0)
    counts = reconcile(
        manifest.loads(),
        events=lost,
        unknown_events=found.unknown_events,
        duplicates_log=found.duplicates_log,
        quarantine=splits[0].quarantine,
    )
    (message,) = imbalance(counts)
    assert manifest.loads()[0].load_id in message
    assert "1 rows have no outcome (2 in; 1 accepted, 0 quarantined, 0 duplicates)" in message
