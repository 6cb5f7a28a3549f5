"""Facts of a small review, by hand.

Here: frames and alerts. Not here: any test.
"""

from datetime import date, datetime, time
from typing import Any

import pandas as pd

from uam_platform.contracts import tables
from uam_platform.contracts.model import Contract
from uam_platform.contracts.tables_behavior import ISSUES, JOURNEYS, MINED_PATTERNS
from uam_platform.contracts.tables_evidence import COHORT_THEMES, THEMES
from uam_platform.contracts.tables_kpis import ACCOUNT_SCORES, VALUE_CHANGES, VALUE_WEEKS, WORKSHEETS
from uam_platform.ledger.reviewing import Decision, Judged, ReviewedAlert
from uam_platform.reviews.facts import Facts

AS_OF, SINCE = date(2025, 6, 9), date(2025, 6, 2)


def frame(contract: Contract, *rows: dict[str, Any]) -> pd.DataFrame:
    """Rows of a table; columns not given are null."""
    return pd.DataFrame(list(rows), columns=list(contract.column_names))


def account(number: int, at_risk: int, **changed: Any) -> dict[str, Any]:
    """One row of revenue at risk."""
    row = {
        "account_id": f"acc_{number}", "as_of": AS_OF, "account_name": f"Company <{number}>", "owner_id": f"u{number}",
        "owner_name": f"Owner {number}", "tier": "growth", "arr_usd_cents": 100_000_00, "days_to_renewal": 200,
        "churn_probability": 0.1, "baseline_probability": 0.05, "revenue_at_risk_usd_cents": at_risk,
        "expected_saved_usd_cents": 0,
    }  # fmt: skip
    return {**row, **changed}


def journey(number: int, kind: str, subject: str, people: int = 1) -> dict[str, Any]:
    """One journey of an account."""
    return {
        "journey_id": f"j{number}{subject}", "account_id": f"acc_{number}", "journey_kind": kind, "journey_subject": subject,
        "occurrence_count": 4, "person_count": people, "event_date": SINCE, "known_date": SINCE,
    }  # fmt: skip


def voice(cohort: str, topic: str, members: int, chance: float, lift: float) -> dict[str, Any]:
    """What members of a cohort of 20 speak of."""
    return {
        "as_of": AS_OF, "cohort": cohort, "cohort_name": "alike", "topic": topic, "account_count": 20,
        "mentioning_account_count": members, "mention_count": members, "member_share_ratio": members / 20, "other_share_ratio": 0.15,
        "member_lift_ratio": lift, "chance_ratio": chance, "sentiment_mean": -0.3, "statement_id": "s1", "quote": "it fails <again>",
    }  # fmt: skip


def line(score: str, points: int, possible: int, reading: str) -> dict[str, Any]:
    """One line of the worksheet of account 1."""
    return {
        "account_id": "acc_1", "as_of": AS_OF, "score_name": score, "line_no": possible, "points_hundredths": points,
        "possible_hundredths": possible, "reading": reading, "alternative_reading": None,
    }  # fmt: skip


def move(number: int, direction: str, weighted: int, change: float = 1.5, day: date = AS_OF) -> dict[str, Any]:
    """Where durable value moves at an account."""
    return {
        "account_id": f"acc_{number}", "as_of": day, "value_direction": direction, "value_change": change,
        "reading": f"work of {number}", "arr_usd_cents": 100_000_00, "revenue_weight_usd_cents": weighted,
        "depth_change": -1.4, "depth_reading": f"depth of {number}", "is_losing_depth": number != 2,
    }  # fmt: skip


def side(day: date, direction: str, accounts: int) -> dict[str, Any]:
    """Accounts of one direction, with as many hundred thousand dollars."""
    return {
        "as_of": day, "value_direction": direction, "direction_account_count": accounts, "arr_usd_cents": accounts * 100_000_00,
        "revenue_weight_usd_cents": accounts * 120_000_00,
    }  # fmt: skip


def issue(name: str, trend: str, accounts: int) -> dict[str, Any]:
    """A failure that so many accounts met."""
    return {
        "issue": name, "event_name": "import_failed", "workflow": None, "failure_28d_count": 9, "failure_prior_28d_count": 4,
        "failing_account_28d_count": accounts, "failing_account_prior_28d_count": 1, "failing_person_28d_count": 3, "trend": trend,
        "trend_surprise": 0.0, "previous_event_name": "import_attempted", "previous_share_ratio": 0.8, "next_event_name": None,
        "next_share_ratio": None, "ended_session_ratio": 0.25, "retried_ratio": 0.5, "ticket_ratio": 0.1, "arr_usd_cents": 7_00,
        "pointers": "staging/events:1/2",
    }  # fmt: skip


def pattern(steps: str, is_replicated: bool, chance: float) -> dict[str, Any]:
    """A pattern that comes before churn."""
    return {
        "outcome": "churn", "pattern_kind": "sequence", "pattern": steps, "step_count": 2, "case_count": 40, "control_count": 160,
        "showing_case_count": 12, "showing_control_count": 8, "pattern_lift_ratio": 6.0,
        "pattern_lift_low_ratio": 2.5, "pattern_lift_high_ratio": 14.0,
        "pattern_chance_ratio": chance, "later_lift_ratio": 4.0, "later_chance_ratio": 0.02,
        "is_replicated": is_replicated,
        "arr_usd_cents": 5_00, "accounts": "acc_1", "exposed_account_count": 3, "exposed_arr_usd_cents": 9_00, "pointers": "x:1/2",
    }  # fmt: skip


def alert(number: int, opened: date, state: str = "open", verdict: str | None = None, *moved: str) -> ReviewedAlert:
    """One alert of the review."""
    return ReviewedAlert(
        f"alert{number}",
        f"acc_{number}",
        "core_decline",
        f"Title {number}",
        "u9",
        state,
        opened,
        50_00,
        "call",
        moved,
        verdict,
    )


def facts(**changed: Any) -> Facts:
    """A review of three accounts, one old and one new alert."""
    given: dict[str, Any] = {
        "as_of": AS_OF,
        "since": SINCE,
        "revenue": frame(
            tables.REVENUE_AT_RISK,
            account(1, 10_000_00, days_to_renewal=30),
            account(2, 5_000_00, account_name=None, owner_name=None, days_to_renewal=90),
            account(3, 20_000_00, days_to_renewal=None),
        ),
        "revenue_before": frame(tables.REVENUE_AT_RISK, account(1, 28_000_00, churn_probability=0.02)),
        "revenue_by_week": pd.DataFrame(
            {"as_of": [SINCE, AS_OF], "revenue_at_risk_usd_cents": [28_000_00, 35_000_00], "arr_usd_cents": [1, 1]}
        ),
        "reasons": frame(
            tables.SCORE_REASONS,
            {"account_id": "acc_1", "as_of": AS_OF, "reason_rank": 2, "reason_text": "fewer people"},
            {"account_id": "acc_1", "as_of": AS_OF, "reason_rank": 1, "reason_text": "core use fell"},
        ),
        "changes": frame(
            tables.SCORE_CHANGES,
            {
                "account_id": "acc_1",
                "as_of": AS_OF,
                "change_text": "since last week: from 2.0 % to 9.0 %; new: core use fell",
            },
        ),
        "candidates": frame(
            tables.CANDIDATES,
            {"as_of": AS_OF, "fingerprint": "a", "decision": "suppressed", "reason": "season"},
            {"as_of": AS_OF, "fingerprint": "b", "decision": "suppressed", "reason": "season"},
            {"as_of": SINCE, "fingerprint": "c", "decision": "suppressed", "reason": "silence"},
            {"as_of": AS_OF, "fingerprint": "d", "decision": "alert", "reason": None},
        ),
        "journeys": frame(
            JOURNEYS,
            journey(1, "repeated_failure", "export"),
            journey(1, "repeated_failure", "import", 3),
            journey(2, "repeated_failure", "import", 2),
            journey(3, "onboarding_failed", "setup"),
        ),
        "issues": frame(ISSUES, issue("import failed", "level", 5), issue("sync failed", "rising", 2)),
        "patterns": frame(MINED_PATTERNS, pattern("a > b", False, 0.0001), pattern("c > d", True, 0.01)),
        "themes": frame(THEMES),
        "cohort_themes": frame(
            COHORT_THEMES,
            voice("C2", "workflow_failures", 12, 0.001, 4.0),
            voice("C1", "performance", 3, 0.4, 1.1),
            voice("C3", "pricing", 9, 0.01, 0.2),
        ),
        "scores": frame(
            ACCOUNT_SCORES,
            {"account_id": "acc_1", "as_of": AS_OF, "expansion_score": 0.0},
            {"account_id": "acc_2", "as_of": AS_OF, "expansion_score": 40.0},
            {"account_id": "acc_3", "as_of": AS_OF, "expansion_score": None},
        ),
        "worksheets": frame(
            WORKSHEETS,
            line("behaviour", 100, 2000, "little depth"),
            line("behaviour", 1500, 1500, "steady"),
            line("friction", 700, 1000, "many failures"),
            line("health", 0, 9000, "not shown"),
        ),
        "value_changes": frame(
            VALUE_CHANGES,
            move(1, "weakening", 300_000_00, -2.0),
            move(2, "strengthening", 100_000_00),
            move(3, "weakening", 500_000_00, -1.2),
            move(5, "holding", 50_000_00, 0.2),
            {**move(4, "unknown", 900_000_00), "value_change": None, "reading": None, "is_losing_depth": False},
        ),
        "value_before": frame(VALUE_CHANGES, move(1, "weakening", 0, day=SINCE), move(3, "holding", 0, day=SINCE)),
        "value_weeks": frame(
            VALUE_WEEKS,
            *(side(AS_OF, d, n) for d, n in (("holding", 0), ("strengthening", 1), ("unknown", 1), ("weakening", 2))),
            *(side(SINCE, d, n) for d, n in (("holding", 1), ("strengthening", 0), ("unknown", 0), ("weakening", 1))),
        ),
        "alerts": [
            alert(1, SINCE, "open", None, "seen"),
            alert(2, AS_OF, "open", None, "opened"),
            alert(3, date(2025, 5, 1), "open", "useful: called"),
            alert(4, date(2025, 5, 1), "resolved", None, "absent", "resolved"),
        ],
        "judged": [Judged("core_decline", 1, 2, 4)],
        "decisions": [
            Decision("alert3", "acc_3", "false_positive", "seasonal", "kim", datetime.combine(date(2025, 6, 5), time()))
        ],
        "openings": [(SINCE, "opened", 2), (AS_OF, "resolved", 1)],
        "set_aside": {"broken records": 3},
    }
    return Facts(**{**given, **changed})
