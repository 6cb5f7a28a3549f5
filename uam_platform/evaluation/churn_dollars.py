"""Churn probabilities in dollars: how much revenue they say is at risk, beside what is and what leaves.

Here: foretold against the oracle's dollars and against realised ones, whole, capped and by tier. Not here: what a team would save by
working from the scores (`saved_dollars`).
"""

from typing import Final

import numpy as np

from uam_platform.evaluation import churn_metrics as metrics
from uam_platform.evaluation.churn_beside import NAMES, PROBABILITIES, beside, row
from uam_platform.evaluation.churn_metrics import ORACLE_SCORE, SCORE, Estimate, Judged
from uam_platform.evaluation.results import Row
from uam_platform.evaluation.yardsticks import BASE_SCORE

CAP_QUANTILE: Final = 0.98
LEAST_CHURNED_PER_TIER: Final = 90
_SCORES: Final = (*PROBABILITIES[1:], BASE_SCORE)

DOLLAR_METRICS: Final = (
    "dollars at risk over the oracle's", "dollars at risk, MRR capped", "dollars, realised",
)  # fmt: skip


def dollar_rows(judged: Judged) -> list[Row]:
    """Dollars at risk over the oracle's (also capped and by tier), and realised dollars in standard deviations."""
    known = float(np.isfinite(judged.mrr).mean())
    cap = float(np.nanquantile(judged.mrr, CAP_QUANTILE)) if known else float("inf")
    return [
        _foretold(judged, DOLLAR_METRICS[0], "0.85 to 1.15", f"sum of p x MRR; MRR known for {known:.1%} of rows"),
        _foretold(
            judged, DOLLAR_METRICS[1], "", f"no account counts more than the 98th percentile, ${cap:,.0f} a month", cap
        ),
        *_by_tier(judged),
        row(
            DOLLAR_METRICS[2], Estimate(metrics.realised_z(judged, SCORE)), "SD", target="-2 to 2",
            yardsticks=beside(judged, PROBABILITIES, lambda s: metrics.realised_z(judged, s)),
            note="sum of (p - y) x MRR on snapshots 56 days apart; above 0: too much foretold",
        ),
    ]  # fmt: skip


def _by_tier(judged: Judged) -> list[Row]:
    rows = []
    for tier in sorted(set(judged.tier)):
        in_tier = judged.tier == tier
        churned = len(np.unique(judged.codes[in_tier & (judged.churned > 0)]))
        label = f"dollars at risk, {tier}"
        if churned < LEAST_CHURNED_PER_TIER:
            note = f"not estimable: {churned} churned accounts, {LEAST_CHURNED_PER_TIER} needed in a tier"
            rows.append(Row(label, None, unit="ratio", note=note, target="0.75 to 1.25"))
            continue
        rows.append(_foretold(judged, label, "0.75 to 1.25", f"{churned} churned accounts in the tier", rows=in_tier))
    return rows


def _foretold(
    judged: Judged, label: str, target: str, note: str, cap: float = np.inf, rows: metrics.Mask | None = None
) -> Row:
    sums: dict[str, float] = {
        s: metrics.dollar_sum(judged, s, cap, rows) for s in (SCORE, ORACLE_SCORE, *_SCORES) if s in judged.scores
    }
    whole = sums[ORACLE_SCORE]
    named = beside(judged, _SCORES, lambda s: sums[s] / whole if whole else np.nan)
    parts = {"numerator": sums[SCORE], "denominator": whole}
    parts |= {f"numerator {NAMES[s]}": value for s, value in sums.items() if s in _SCORES}
    found = metrics.dollars(judged, SCORE, cap, rows)
    return row(label, found, target=target, yardsticks=named, parts=parts, note=note)
