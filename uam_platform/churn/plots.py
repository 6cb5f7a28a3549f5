"""Pictures of a model's quality, as PNG bytes.

Here: reliability, gains and importance plots. Not here: the numbers behind them (`backtest`, `boosting`), where they are shown (the
assets' metadata).
"""

import numpy as np
import pandas as pd

from uam_platform.orchestration.plots import figure, png

_SIZE = (5.0, 4.0)
_BINS = 10


def reliability_plot(rows: pd.DataFrame) -> bytes:
    """Share of churned rows against the score, in bins of equal size, beside the diagonal.

    Args:
        rows: churn_probability and churned (0 or 1), as `backtest.closed_scores` gives them; may be empty.
    """
    made, axes = figure("Reliability", "scored probability", "share that left", _SIZE)
    if len(rows):
        bins = pd.qcut(rows["churn_probability"].rank(method="first"), min(_BINS, len(rows)), labels=False)
        means = rows.groupby(bins)[["churn_probability", "churned"]].mean()
        axes.plot(means["churn_probability"], means["churned"], marker="o", color="#1f6f8b")
        top = 1.05 * float(means.to_numpy().max())
        axes.plot([0, top], [0, top], color="#999999", linestyle="--", linewidth=1)
    return png(made)


def gains_plot(rows: pd.DataFrame) -> bytes:
    """Share of churned rows found against the share of rows looked at, by score and by the contract baseline.

    Args:
        rows: churn_probability, baseline_probability and churned; may be empty.
    """
    made, axes = figure("Gains", "share of accounts, riskiest first", "share of leavers found", _SIZE)
    if len(rows) and rows["churned"].sum():
        looked = np.arange(1, len(rows) + 1) / len(rows)
        for column, name, colour in (
            ("churn_probability", "score", "#1f6f8b"),
            ("baseline_probability", "contract baseline", "#d08c60"),
        ):
            ordered = rows.sort_values(column, ascending=False, kind="stable")["churned"].to_numpy()
            axes.plot(looked, np.cumsum(ordered) / ordered.sum(), label=name, color=colour)
        axes.plot([0, 1], [0, 1], color="#999999", linestyle="--", linewidth=1)
        axes.legend(loc="lower right")
    return png(made)


def importance_plot(gains: pd.Series, shown: int = 15) -> bytes:
    """Bars of the inputs with the largest share of the split gain.

    Args:
        gains: share by input name, largest first (`boosting.mean_gains`); may be empty.
        shown: number of bars.
    """
    made, axes = figure("What the model looks at", "share of split gain", "", _SIZE)
    top = gains.head(shown)[::-1]
    axes.barh(list(top.index), top.to_numpy(), color="#1f6f8b")
    return png(made)
