"""Small populations of accounts for the alert tests: level by default, changed by keyword per account."""

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

import pandas as pd

from uam_platform.contracts.model import Type
from uam_platform.contracts.tables import ACCOUNT_FEATURES, REVENUE_AT_RISK, SCORE_REASONS, SCORES

MONDAY = date(2025, 6, 2)
ESCALATED_DECLINE = {
    "core_prior_28d_count": 120,
    "core_28d_count": 40,
    "core_7d_count": 8,
    "days_since_escalation": 20,
    "arr_usd_cents": 90_000_00,
    "tier": "enterprise",
}
Changes = Mapping[str, Mapping[str, Any]]
_LEVEL = {
    "core_prior_28d_count": 100,
    "core_28d_count": 100,
    "core_7d_count": 25,
    "core_84d_count": 300,
    "tier": "growth",
    "billing_period": "annual",
    "strategic_fit": "medium",
    "plan": "team",
    "seat_count": 10,
    "mrr_usd_cents": 1_000_00,
    "arr_usd_cents": 12_000_00,
    "days_to_renewal": 200,
    "is_eligible": True,
    "days_since_escalation": None,
    "days_since_last_event": 0,
    "seat_use_ratio": 0.5,
}


class Population:
    """The four inputs of `candidates` for a number of accounts on some snapshots."""

    def __init__(self, changes: Changes | None = None, count: int = 60, as_of: tuple[date, ...] = (MONDAY,)) -> None:
        changes = changes or {}
        names = sorted({*changes, *(f"acc_{n:05d}" for n in range(count))})
        rows = [self._row(name, day, changes.get(name, {})) for day in as_of for name in names]
        self.features = _frame([r for r in rows], ACCOUNT_FEATURES.column_names)
        self.scores = _frame(rows, SCORES.column_names)
        self.revenue = _frame(rows, REVENUE_AT_RISK.column_names)
        self.reasons = _frame([_reason(r) for r in rows], SCORE_REASONS.column_names)

    @staticmethod
    def _row(name: str, day: date, changed: Mapping[str, Any]) -> dict[str, Any]:
        zero = {c.name: 0 for c in ACCOUNT_FEATURES.columns if c.type in (Type.INT64, Type.INT32, Type.FLOAT64)}
        row = {
            **zero,
            **_LEVEL,
            "account_id": name,
            "as_of": day,
            "decision_at": datetime.combine(day, time(6)),
            "churn_probability": 0.1,
            "score_low": 0.05,
            "score_high": 0.2,
            "baseline_probability": 0.08,
            "model_rung": "lightgbm",
            "model_id": "m",
            "fold": 0,
            "account_name": f"Company {name[-3:]}",
            "owner_id": "005A",
            "owner_name": "Kim Owner",
            "owner_email": "kim@acme.example",
            **changed,
        }
        row["revenue_at_risk_usd_cents"] = int(row["arr_usd_cents"] * row["churn_probability"])
        row["expected_saved_usd_cents"] = row["revenue_at_risk_usd_cents"] // 4
        return row

    def __add__(self, other: "Population") -> "Population":
        both = Population(count=0)
        for part in ("features", "scores", "revenue", "reasons"):
            frames = [getattr(self, part), getattr(other, part)]
            setattr(both, part, pd.concat(frames, ignore_index=True))
        return both

    def inputs(self) -> dict[str, pd.DataFrame]:
        """Keyword arguments of `candidates`."""
        return {"features": self.features, "scores": self.scores, "reasons": self.reasons, "revenue": self.revenue}


def _reason(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "reason_rank": 1,
        "reason_feature": "core_28d_count",
        "reason_value": float(row["core_28d_count"]),
        "contribution": 0.4,
        "reason_text": "core actions fell",
    }


def _frame(rows: list[dict[str, Any]], names: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame([{n: r.get(n) for n in names} for r in rows], columns=list(names))
