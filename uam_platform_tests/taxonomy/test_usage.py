"""Events that nobody uses are told with what they cost, and deprecated names that still arrive with who still names them."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pytest

from uam_platform.contracts.tables import EVENT_USAGE, EVENTS
from uam_platform.governance.assets import usage_metadata
from uam_platform.governance.checks import judged
from uam_platform.governance.seen_names import findings, seen_names
from uam_platform.governance.spelling import alike
from uam_platform.governance.synonyms import SAME_MOMENT, SAME_WORDS, counted, proposals
from uam_platform.governance.usage import Deprecated, deprecated_deliveries, event_usage
from uam_platform.governance.usage import counted as counted_rows
from uam_platform.lake.io_manager import as_table
from uam_platform.lake.validation import check_schema
from uam_platform.policy.consumers import Consumers
from uam_platform.policy.rulebook import load_rulebook
from uam_platform.policy.taxonomy_rules import ProposalRule
from uam_platform_tests.taxonomy.files import shipped

RULEBOOK = load_rulebook()
REGISTRY = Consumers(RULEBOOK)
LAST = date(2027, 3, 31)
AUDIT = RULEBOOK.taxonomy.audit


def stored(*rows: tuple[str, date, int], carried: int = 0) -> pd.DataFrame:
    """Counts of names and days, as the scan gives them."""
    made = [
        {"event_name": n, "event_name_source": n, "event_date": d, "rows": c, "carried": carried} for n, d, c in rows
    ]
    return pd.DataFrame(
        [
            {"event_name": "report_exported", "event_name_source": "x", "event_date": LAST, "rows": 100, "carried": 0},
            *made,
        ]
    )


def usage(rows: pd.DataFrame, **changed: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    frame = event_usage(rows, {LAST: 1000, LAST - timedelta(days=1): 500}, shipped(**changed), REGISTRY)
    return {row["event_name"]: row for row in frame.to_dict("records")}


def test_an_event_that_nothing_stands_on_is_proposed_for_removal_with_its_share_of_the_bytes() -> None:
    row = usage(stored(("modal_opened", LAST, 300), ("modal_opened", LAST - timedelta(days=1), 7)))["modal_opened"]
    assert (row["proposal"], row["consumer_count"], row["consumers"]) == ("remove_unused", 0, "")
    assert (row["window_event_count"], row["stored_bytes"]) == (307, 750 + 500)
    assert row["stored_ratio"] == pytest.approx(1250 / 1500)
    assert (row["used_from_date"], row["used_until_date"]) == (LAST - timedelta(days=1), LAST)


@pytest.mark.parametrize(
    ("rows", "changed", "proposal"),
    [
        (stored(("import_failed", LAST, 5)), {}, "keep"),
        (stored(("feature_used", LAST, 5), carried=5), {}, "keep_for_what_it_carries"),
        (stored(("modal_opened", LAST - timedelta(days=AUDIT.idle_days), 5)), {}, "remove_idle"),
        (stored(("modal_opened", LAST - timedelta(days=AUDIT.idle_days - 1), 5)), {}, "remove_unused"),
        (stored(("import_failed", LAST - timedelta(days=AUDIT.idle_days), 5)), {}, "remove_idle"),
        (stored(), {}, "remove_never_seen"),
        (stored(("modal_opened", LAST, 5)), {"modal_opened": {"since": LAST.isoformat()}}, "too_new"),
        (
            stored(("modal_opened", LAST, 5)),
            {"modal_opened": {"since": "2030-01-01"}},
            "remove_unused",
        ),  # data older than the file
        (stored(("button_pushed", LAST, 5)), {}, "declare"),
    ],
)
def test_a_proposal_says_why(rows: pd.DataFrame, changed: dict[str, Any], proposal: str) -> None:
    name = rows["event_name"].iloc[-1] if len(rows) > 1 else "modal_opened"
    assert usage(rows, **changed)[name]["proposal"] == proposal


def test_rows_keep_their_contract_also_of_an_empty_lake() -> None:
    for rows in (stored(("modal_opened", LAST, 3)), stored().iloc[:0]):
        table = as_table(event_usage(rows, {LAST: 10}, RULEBOOK.taxonomy, REGISTRY), EVENT_USAGE)
        check_schema(table, EVENT_USAGE)
        assert table.count().execute() >= len(RULEBOOK.taxonomy.events)


def test_the_scan_counts_what_events_carry_and_calls_under_their_kind() -> None:
    fixed = {"event_date": LAST, "feature_bits": 0, "amount_usd_cents": None, "event_kind": "track"}
    said = [
        {"event_name": "feature_used", "event_name_source": "featureUsed", "feature_bits": 4},
        {"event_name": "feature_used", "event_name_source": "featureUsed"},
        {"event_name": "page_viewed", "event_name_source": "Some title", "event_kind": "page"},
        {"event_name": "user_identified", "event_name_source": "identify", "event_kind": "identify"},
        {"event_name": "report_exported", "event_name_source": "report_exported", "amount_usd_cents": 5},
    ]
    columns = {n: EVENTS.columns[EVENTS.column_names.index(n)].type.value for n in {**fixed, **said[0]}}
    rows = counted_rows(ibis.memtable([{**fixed, **row} for row in said], schema=columns))
    told = {(r["event_name"], r["event_name_source"]): (r["rows"], r["carried"]) for r in rows.to_dict("records")}
    assert told == {
        ("feature_used", "featureUsed"): (2, 1),
        ("page_viewed", "page_viewed"): (1, 0),
        ("report_exported", "report_exported"): (1, 1),
        ("user_identified", "user_identified"): (1, 1),
    }


def test_a_person_sees_the_proposals_by_cost_and_a_plot() -> None:
    frame = event_usage(
        stored(("modal_opened", LAST, 300), ("page_viewed", LAST, 900)), {LAST: 1000}, RULEBOOK.taxonomy, REGISTRY
    )
    shown = usage_metadata(frame)
    text = shown["proposed_for_removal"].value
    assert text.index("page_viewed") < text.index("modal_opened")
    assert "import_failed" not in text.split("remove_never_seen")[0]
    assert shown["cost"].value.startswith("![")
    assert shown["their_share_of_bytes"] > 0.9


# deprecation

DATES = {"deprecated_on": "2027-03-30", "deprecated_by": "pricing_viewed", "refused_from": "2027-04-15"}


def deprecated(rows: pd.DataFrame, refused: pd.DataFrame | None = None) -> list[Deprecated]:
    none = pd.DataFrame({"event_name_source": [], "event_date": [], "rows": []})
    return list(
        deprecated_deliveries(rows, none if refused is None else refused, shipped(plan_compared=DATES), REGISTRY)
    )


def test_deliveries_under_a_deprecated_name_are_counted_from_its_day_on_with_the_rules_that_name_it() -> None:
    early = stored(("plan_compared", date(2027, 3, 29), 9))
    (quiet,) = deprecated(early)
    assert (quiet.taken, quiet.last) == (0, None)
    later = early.assign(event_date=date(2027, 3, 30), event_name_source=["report_exported", "Plan Compared"])
    (loud,) = deprecated(later)
    assert (loud.taken, loud.last, loud.successor) == (9, date(2027, 3, 30), "pricing_viewed")
    assert {(c.kind, c.name) for c in loud.consumers} >= {("cohort", "evaluators"), ("KPI", "expansion")}
    assert (
        "counts as pricing_viewed, set aside from 2027-04-15 on): 9 events taken, 0 set aside, the last on 2027-03-30"
        in loud.says
    )
    result = judged([loud])
    assert not result.passed
    assert result.severity.value == "WARN"
    assert judged([]).passed


def test_what_was_set_aside_as_deprecated_is_counted_too() -> None:
    refused = pd.DataFrame([{"event_name_source": "planCompared", "event_date": date(2027, 4, 15), "rows": 4}])
    (found,) = deprecated(stored(), refused)
    assert (found.taken, found.refused, found.last) == (0, 4, date(2027, 4, 15))


# names


@pytest.mark.parametrize(
    ("one", "other", "least", "most"),
    [
        ("Report Exported", "report_exported", 1, 1),
        ("exportReport", "report_exported", 1, 1),
        ("reports_exported", "report_exported", 1, 1),
        ("report_export", "report_exported", 1, 1),
        ("reprot_exportd", "report_exported", 0.8, 1),
        ("import_failed", "import_completed", 0, 0),
        ("beta_canvas_opened", "modal_opened", 0, 0.4),
        ("ctaTapped", "report_exported", 0, 0),
    ],
)
def test_names_are_alike_by_their_words_and_never_across_actions(
    one: str, other: str, least: float, most: float
) -> None:
    assert least <= alike(one, other) <= most
    assert alike(one, other) == alike(other, one)


def at(actor: int, second: float, name: str, teller: str = "segment/client") -> dict[str, Any]:
    return {
        "name": name, "is_unknown": name not in RULEBOOK.taxonomy.events, "teller": teller, "actor_key": actor,
        "occurred_us": int((actor * 100_000 + second) * 1_000_000),
    }  # fmt: skip


def proposed(rows: list[dict[str, Any]]) -> dict[str, tuple[str, set[str]]]:
    schema = {
        "name": "string",
        "is_unknown": "boolean",
        "teller": "string",
        "actor_key": "int64",
        "occurred_us": "int64",
    }
    names = counted(ibis.memtable(rows, schema=schema), ProposalRule())
    found = proposals(names, RULEBOOK.taxonomy.events, ProposalRule(shown=1))
    return {p.name: (p.meant, {e.kind for e in p.evidence}) for p in found}


def test_what_the_server_tells_within_seconds_of_the_client_is_the_same_moment() -> None:
    pairs = [row for n in range(30) for row in (at(n, 0, "xq_pushed"), at(n, 2, "import_completed", "logs/server"))]
    noise = [
        at(100 + n, 60 * k, what)
        for n in range(30)
        for k, what in enumerate(("page_viewed", "report_viewed", "search_performed"))
    ]
    assert proposed([*pairs, *noise]) == {"xq_pushed": ("import_completed", {SAME_MOMENT})}
    apart = [
        {**row, "occurred_us": row["occurred_us"] + 30_000_000 * (row["name"] == "import_completed")} for row in pairs
    ]
    assert proposed([*apart, *noise]) == {}


def test_what_always_follows_something_frequent_is_no_synonym() -> None:
    rows = [
        at(n, k * 2, what)
        for n in range(40)
        for k, what in enumerate(("page_viewed", "xq_pushed", "page_viewed", "page_viewed"))
    ]
    assert proposed(rows) == {}


def test_names_that_only_share_frequent_neighbours_are_in_no_same_place() -> None:
    def among(actor: int, name: str, before: str, after: str, teller: str) -> list[dict[str, Any]]:
        around = ("page_viewed", before, name, after, "page_viewed")
        return [at(actor, 60 * k, what, teller) for k, what in enumerate(around)]

    alike_names = [
        row for n in range(30) for row in among(n, "xq_pushed", "report_viewed", "report_exported", "amplitude/client")
    ]
    alike_names += [
        row
        for n in range(40, 70)
        for row in among(n, "dashboard_shared", "report_viewed", "report_exported", "segment/client")
    ]
    assert proposed(alike_names)["xq_pushed"][0] == "dashboard_shared"
    apart = [
        row for n in range(30) for row in among(n, "xq_pushed", "page_viewed", "search_performed", "amplitude/client")
    ]
    apart += [
        row
        for n in range(40, 70)
        for row in among(n, "dashboard_shared", "page_viewed", "report_exported", "segment/client")
    ]
    assert "xq_pushed" not in proposed(apart)


def test_a_rare_name_is_proposed_by_its_words_alone() -> None:
    assert proposed([at(1, 0, "Report Is Exported"), at(1, 1, "page_viewed")]) == {
        "Report Is Exported": ("report_exported", {SAME_WORDS})
    }


def test_delivered_names_without_an_event_are_findings_with_their_counts() -> None:
    day = {"event_date": LAST, "source": "segment"}
    unknown = [{**day, "event_name_source": "export_report", "reason": "unknown_name"}] * 3
    unknown += [{**day, "event_name_source": "ctaTapped", "reason": "rejected_name"}]
    taken = [
        {**day, "event_name": "odd_thing", "event_name_source": "odd_thing"},
        {**day, "event_name": "page_viewed", "event_name_source": "p"},
    ]
    types = {"event_date": "date", "source": "string", "event_name_source": "string"}
    seen = seen_names(
        ibis.memtable(taken, schema={**types, "event_name": "string"}),
        ibis.memtable(unknown, schema={**types, "reason": "string"}),
        RULEBOOK.taxonomy,
    )
    told = list(findings(seen, RULEBOOK.taxonomy, "taxonomy.yaml"))
    assert [(f.event, f.reason, f.severity) for f in told] == [
        ("export_report", "undeclared", "warning"),
        ("ctaTapped", "refused", "warning"),
        ("odd_thing", "undeclared", "warning"),
    ]
    assert "3 rows from segment, 2027-03-31 to 2027-03-31" in told[0].says
    assert "--as report_exported" in told[0].write


def test_the_command_says_where_there_is_nothing_to_read(tmp_path: Path, uam: Any) -> None:
    nothing = uam("taxonomy", "propose", "--run", tmp_path)
    assert nothing.code == 2
    assert "no events yet; name the folder of a run with --run" in nothing.said
