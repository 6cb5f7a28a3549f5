"""What the weekly product-risk pack shows, in which order."""

from uam_platform.contracts.tables_behavior import JOURNEYS
from uam_platform.policy.load import load_section
from uam_platform.policy.reviews import ReviewPolicy
from uam_platform.reviews.pack import build, digest
from uam_platform.reviews.page import render
from uam_platform_tests.reviews.cases import AS_OF, SINCE, facts, frame

POLICY = load_section(ReviewPolicy, "reviews")
PACK = build(facts(), POLICY)


def test_risks_come_by_dollars_with_owner_reasons_and_what_changed() -> None:
    assert [r["account_id"] for r in PACK.risks] == ["acc_3", "acc_1", "acc_2"]
    first = PACK.risks[1]
    assert first["why"] == "core use fell; fewer people"
    assert first["changed"] == "since last week: from 2.0 % to 9.0 %; new: core use fell"
    assert (first["probability_before"], first["probability"], first["owner"]) == (0.02, 0.1, "Owner 1")
    assert PACK.risks[2]["owner"] == "u2"


def test_the_excerpt_of_a_worksheet_names_what_costs_most() -> None:
    assert [line["reading"] for line in PACK.risks[1]["worksheet"]] == ["little depth", "many failures"]


def test_the_headline_tells_change_alerts_precision_and_renewals() -> None:
    told = {f["label"]: (f["value"], f["note"]) for f in PACK.facts}
    assert told["Revenue at risk"] == ("$35,000", f"+25.0% since {SINCE}")
    assert told["Alerts open"] == ("3", f"1 new, 1 resolved since {SINCE}")
    assert told["Verdicts"][0] == "1 of 2 right"
    assert told["Renewals ahead"][0] == "2"


def test_only_older_open_alerts_without_a_verdict_are_carried_over() -> None:
    assert [(r["alert_id"], r["days"], r["is_overdue"]) for r in PACK.carry_over] == [("alert1", 7, True)]


def test_held_back_findings_are_counted_by_reason_for_this_snapshot() -> None:
    assert PACK.held_back == [{"reason": "suppressed: season", "count": 2}]


def test_failures_come_by_breadth_and_onboarding_stands_apart() -> None:
    assert [(r["subject"], r["accounts"], r["people"]) for r in PACK.failures] == [("import", 2, 5), ("export", 1, 1)]
    assert [r["subject"] for r in PACK.onboarding] == ["setup"]


def test_growth_needs_a_known_score_above_zero() -> None:
    assert [(r["account_id"], r["score"]) for r in PACK.expansion] == [("acc_2", 40.0)]


def test_renewals_lie_within_the_window_by_dollars() -> None:
    assert [(r["account_id"], r["on"]) for r in PACK.renewals] == [("acc_1", "2025-07-09"), ("acc_2", "2025-09-07")]


def test_a_missing_table_is_unknown_and_not_nothing() -> None:
    assert PACK.unknown == ("themes",)
    page = render(PACK, facts())
    assert page.count("Unknown: the table behind this section") == 1
    lacking = facts(journeys=frame(JOURNEYS))
    assert render(build(lacking, POLICY), lacking).count("Unknown: the table behind this section") == 3


def test_the_page_needs_nothing_else_and_escapes_names() -> None:
    page = render(PACK, facts())
    assert "Company &lt;1&gt;" in page
    assert "Company <1>" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert page.count("data:image/png;base64,") == 4
    assert page == render(build(facts(), POLICY), facts())


def test_an_empty_company_gets_a_page_too() -> None:
    given = facts()
    empty = {
        name: getattr(given, name).iloc[:0]
        for name in (
            "revenue", "revenue_before", "revenue_by_week", "reasons", "candidates", "journeys", "scores", "value_changes",
            "value_before", "value_weeks", "issues", "patterns",
        )
    }  # fmt: skip
    bare = facts(**empty, worksheets=given.worksheets.iloc[:0], alerts=[], judged=[], decisions=[], openings=[])
    assert "No account is scored." in render(build(bare, POLICY), bare)


def test_the_digest_names_figures_risks_and_place() -> None:
    told = digest(PACK, "/data/reviews/2025-06-09.html")
    assert told["title"] == f"Product-risk review, {AS_OF}"
    assert told["lines"][0] == "Company <3>: $20,000 at risk, Owner 3. only the terms of the contract speak for it"
    assert told["lines"][-1].startswith("1 alerts wait for a verdict")
    assert told["footer"].endswith("2025-06-09.html")


def test_cohorts_are_told_what_they_speak_of_only_where_chance_does_not_explain_it() -> None:
    assert [row["cohort"] for row in PACK.cohort_voices] == ["C2 alike"]
    assert PACK.cohort_voices[0]["members"] == "12 of 20"


def test_durable_value_tells_dollars_on_either_side_beside_those_before() -> None:
    told = [(r["direction"], r["accounts"], r["accounts_before"], r["arr"]) for r in PACK.value_sides]
    assert told == [
        ("strengthening", 1, 0, 100_000_00),
        ("holding", 0, 1, 0),
        ("weakening", 2, 1, 200_000_00),
        ("unknown", 1, 0, 100_000_00),
    ]
    figure = next(f for f in PACK.facts if f["label"] == "Durable value")
    assert (figure["value"], figure["note"]) == ("1 up, 2 down", "$100,000 a year up, $200,000 down")


def test_movers_come_by_weighted_dollars_with_their_row_and_whether_it_is_news() -> None:
    told = [(r["account"], r["direction"], r["since"], r["by"]) for r in PACK.value_movers]
    assert told == [
        ("Company <3>", "weakening", "new", "-1.2"),
        ("Company <1>", "weakening", "as before", "-2.0"),
        ("acc_2", "strengthening", "new", "+1.5"),
    ]
    assert PACK.value_movers[0]["row"] == "kpis/value_changes: account_id=acc_3, as_of=2025-06-09"


def test_issues_tell_frequency_sequence_and_change_and_what_rises_comes_first() -> None:
    assert [(r["issue"], r["trend"], r["accounts"], r["accounts_before"]) for r in PACK.issues] == [
        ("sync failed", "rising", 2, 1),
        ("import failed", "level", 5, 1),
    ]
    assert PACK.issues[0]["sequence"] == (
        "after import attempted (80 %), tried again 50 %, given up for the session 25 %, ticket 10 %"
    )


def test_patterns_that_came_again_stand_before_less_likely_ones_that_did_not() -> None:
    assert [(r["pattern"], r["again"]) for r in PACK.patterns] == [
        ("c > d", "yes, 4.0 times"),
        ("a > b", "not beyond chance, 4.0 times"),
    ]
    assert PACK.patterns[0]["lift"] == "6.0 (2.5–14.0)"


def test_who_loses_depth_in_silence_is_listed_with_the_sign_the_row_and_whether_an_alert_is_open() -> None:
    told = [(r["account"], r["since"], r["why"], r["alert"]) for r in PACK.silent_losers]
    assert told == [
        ("Company <3>", "as before", "depth of 3", "open"),
        ("Company <1>", "as before", "depth of 1", "open"),
        ("acc_5", "new", "depth of 5", "none"),
    ]
    assert PACK.silent_losers[0]["row"] == "kpis/value_changes: account_id=acc_3, as_of=2025-06-09"
