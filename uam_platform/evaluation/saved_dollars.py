"""What a team would save that each week works on the accounts a score puts first, within the alert budget.

Here: the portfolio of each week and its expected loss by the oracle. Not here: dollars at risk of all accounts (`churn_dollars`),
alerts (`alerts`).

Each Monday the `budget` accounts with the largest expected loss p x MRR are worked on; what can be saved there is a share of the oracle's
expected loss p_L x MRR of these accounts. The share is an assumption until outcomes of an arm without action say otherwise, so dollars
are printed for 0.1 and 0.4; against the oracle's own portfolio it cancels out.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from uam_platform.evaluation.churn_beside import NAMES, finite, row
from uam_platform.evaluation.churn_metrics import BASELINE, ORACLE_SCORE, SCORE, Judged
from uam_platform.evaluation.resampling import Values, safe_ratio
from uam_platform.evaluation.results import Row
from uam_platform.evaluation.yardsticks import HAND_SCORE, LOGISTIC_SCORE, REFERENCE_SCORE
from uam_platform.policy.rulebook import load_rulebook

SAVE_RATES: Final = (0.1, 0.4)
CONTRACT_TIMES_ARR: Final = "contract hazard x ARR"
RISK_ONLY: Final = "risk alone"
ARR_ONLY: Final = "ARR alone"
_HORIZONS_PER_YEAR: Final = 365 / 56

SAVED_METRICS: Final = (
    "saved dollars at the budget, share of the oracle's", "saved dollars over contract hazard x ARR",
    "lost dollars covered at the budget, share of the oracle's",
)  # fmt: skip


def default_budget() -> int:
    """Accounts a week of the shipped rulebook's alert budget."""
    return load_rulebook().alerts.budget.new_per_week


def rankings(judged: Judged) -> dict[str, Values]:
    """What each way of working puts first, by its name; the platform's own is under `SCORE`."""
    mrr = np.nan_to_num(judged.mrr)
    found = {SCORE: judged.scores[SCORE] * mrr}
    for score in (ORACLE_SCORE, REFERENCE_SCORE, LOGISTIC_SCORE, HAND_SCORE):
        if score in judged.scores:
            found[NAMES[score]] = judged.scores[score] * mrr
    found[CONTRACT_TIMES_ARR] = judged.scores[BASELINE] * mrr
    found[RISK_ONLY] = judged.scores[SCORE]
    found[ARR_ONLY] = mrr
    return found


def chosen(as_of: pd.Series, ranking: Values, budget: int) -> Values:
    """1 for the `budget` first rows of each week, 0 for the others; ties go to the earlier row."""
    place = pd.Series(-ranking, index=as_of.index).groupby(as_of).rank(method="first")
    return np.asarray(place <= budget, dtype=np.float64)


def saved_rows(judged: Judged, budget: int) -> list[Row]:
    """Share of the oracle's saved dollars, the difference to contract hazard x ARR, and the same of dollars really lost.

    Args:
        judged: account-weeks.
        budget: accounts worked on each week.
    """
    ranked = rankings(judged)
    picked = {name: chosen(judged.as_of, values, budget) for name, values in ranked.items()}
    expected = judged.scores[ORACLE_SCORE] * np.nan_to_num(judged.mrr)
    lost = judged.churned * np.nan_to_num(judged.mrr)
    best, own = picked[NAMES[ORACLE_SCORE]], picked[SCORE]
    contract = picked[CONTRACT_TIMES_ARR]
    over = judged.of_sums(
        lambda s: safe_ratio(s[:, 0] - s[:, 1], s[:, 2]), own * expected, contract * expected, best * expected
    )
    shares, parts = _shares(picked, expected)
    realised, realised_parts = _shares(picked, lost)
    over_parts = {"numerator": parts["numerator"] - float(contract @ expected), "denominator": parts["denominator"]}
    return [
        row(
            SAVED_METRICS[0], judged.of_sums(lambda s: safe_ratio(s[:, 0], s[:, 1]), own * expected, best * expected),
            target="≥ 0.82", yardsticks=shares, parts=parts, note=_worth(judged, parts["numerator"], budget),
        ),
        row(SAVED_METRICS[1], over, target="above 0", parts=over_parts, note="as a share of the oracle's; paired by account"),
        row(
            SAVED_METRICS[2], judged.of_sums(lambda s: safe_ratio(s[:, 0], s[:, 1]), own * lost, best * lost),
            yardsticks=realised, parts=realised_parts, note="realised: MRR that left within 56 days; noisier",
        ),
    ]  # fmt: skip


def _shares(picked: Mapping[str, Values], value: Values) -> tuple[dict[str, float | None], dict[str, float]]:
    """Share of the oracle's value that each other way of working holds, and the sums it is made of."""
    held = {name: float(rows @ value) for name, rows in picked.items()}
    whole, own = held.pop(NAMES[ORACLE_SCORE]), held.pop(SCORE)
    parts = {"numerator": own, "denominator": whole, **{f"numerator {name}": part for name, part in held.items()}}
    return {name: finite(part / whole if whole else None) for name, part in held.items()}, parts


def _worth(judged: Judged, covered: float, budget: int) -> str:
    weeks = max(int(judged.as_of.nunique()), 1)
    yearly = 12 * covered / weeks * _HORIZONS_PER_YEAR
    low, high = (rate * yearly for rate in SAVE_RATES)
    return (
        f"{budget} accounts a week by p x MRR; if {SAVE_RATES[0]:.0%} to {SAVE_RATES[1]:.0%} of the loss there can be averted (an "
        f"assumption), ${low:,.0f} to ${high:,.0f} of ARR a year"
    )
