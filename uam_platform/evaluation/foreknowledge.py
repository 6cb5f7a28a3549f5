"""Does a score know of the outcome what even the full hidden state does not tell?

Here: a leak guard that sees small leaks. Not here: the comparison of rankings with the latent oracle (`churn_quality`), which a score
that sees the future of a few accounts never reaches.

Given the oracle's p, what then happens is chance: y - p is unrelated to everything that was known at `as_of`. Within strata of equal p
the ranks of the score must therefore be unrelated to y - p; the sum of their products, in standard errors by account, is a z value.
Measured on 3,000 accounts x 546 days: -0.1 for the platform's scores, 3.6 once one account in ten is told its outcome.
"""

from typing import Final

import numpy as np
import pandas as pd

from uam_platform.evaluation.churn_metrics import ORACLE_SCORE, SCORE, Judged
from uam_platform.evaluation.results import Row

LEAK: Final = "LEAK"
METRIC: Final = "knowledge beyond the oracle"
STRATA: Final = 40
LIMIT: Final = 3.0
"""One honest score in about 740 lies above it."""


def beyond_oracle(judged: Judged, score: str = SCORE) -> float:
    """The z value; NaN where it does not exist."""
    oracle = judged.scores[ORACLE_SCORE]
    edges = np.unique(np.quantile(oracle, np.arange(1, STRATA) / STRATA)) if len(oracle) else oracle
    rows = pd.DataFrame(
        {
            "account": judged.codes,
            "stratum": np.searchsorted(edges, oracle),
            "rank": pd.Series(judged.scores[score]).rank().to_numpy() / max(len(oracle), 1),
            "surprise": judged.churned - oracle,
        }
    )
    within = rows[["rank", "surprise"]] - rows.groupby("stratum")[["rank", "surprise"]].transform("mean")
    sums = (within["rank"] * within["surprise"]).groupby(rows["account"]).sum().to_numpy()
    error = float(np.sqrt((sums**2).sum()))
    return float(sums.sum()) / error if error > 0 else float("nan")


def foreknowledge_row(judged: Judged) -> Row:
    """The guard as a row; it says LEAK where the score knows the future."""
    found = beyond_oracle(judged)
    note = "z of the score's ranks against y - p within strata of the oracle's p; 0 is honest, above 3 a leak"
    if found > LIMIT:
        note = f"{LEAK}: {note}"
    return Row(METRIC, found if np.isfinite(found) else None, unit="SD", note=note, target=f"not above {LIMIT:.0f}")
