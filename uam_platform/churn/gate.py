"""The promotion gate: does behaviour tell more about leaving than chance would, beyond the contract?

Here: the permutation null of one training and its verdict. Not here: training (`train`), which reasons are then shown (`reasons`).

Every row used is scored by models that never saw its account, so its margin is the contract's log odds plus what behaviour adds. Were
behaviour unrelated to leaving, what is added to one account could as well have been added to another with the same kind of contract
in the same weeks. So whole histories of additions are exchanged between accounts of one billing period, labels and contracts stay
where they are, and the skill of the real additions (area under the ROC curve, theirs minus the contract's alone) must exceed the 99th
percentile of the exchanged ones (Good 2005, Permutation, Parametric and Bootstrap Tests, ch. 3: exchange within strata). No model is
fitted again: the null costs some predictions and ranks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from uam_platform.policy.churn import ChurnPolicy
from uam_platform.temporal.keys import key63

Values = npt.NDArray[np.float64]
Verdict = Literal["proven", "unproven", "useless"]
Margins = Callable[[pd.DataFrame], tuple[Values, Values]]


@dataclass(frozen=True)
class Gate:
    """What the null says of one training.

    Attributes:
        verdict: proven: behaviour beats chance; unproven: it helps, no more than chance might; useless: it does not even help.
        skill: area under the ROC curve of contract and behaviour together, minus that of the contract alone.
        bound: the percentile of the null that skill must exceed; below 0 where foreign additions only blur the contract.
    """

    verdict: Verdict
    skill: float
    bound: float


def behaviour_gate(rows: pd.DataFrame, margins: Margins, policy: ChurnPolicy, seed: int) -> Gate:
    """The verdict on a training.

    Args:
        rows: training rows: account_id, week, billing_period, is_churned and what `margins` needs.
        margins: of rows their contract log odds and what behaviour adds, by models that never saw their accounts.
        policy: permutations, percentile, horizon.
        seed: of the exchanges.
    """
    sample = _spaced(rows, max(policy.horizon_days // 7, 1))
    start, added = margins(sample)
    churned = sample["is_churned"].to_numpy()
    if churned.all() or not churned.any():
        return Gate("unproven", 0.0, 0.0)
    contract = auc(start, churned)
    skill = auc(start + added, churned) - contract
    rng = np.random.default_rng(seed)
    exchange = _Exchange(sample, added)
    null = [auc(start + exchange.draw(rng), churned) - contract for _ in range(policy.gate.permutations)]
    bound = float(np.quantile(null, policy.gate.percentile))
    verdict: Verdict = "proven" if skill > max(bound, 0.0) else "unproven" if skill > 0 else "useless"
    return Gate(verdict, float(skill), bound)


def auc(score: Values, churned: npt.NDArray[np.bool_]) -> float:
    """Area under the ROC curve by ranks, ties at their mean."""
    from scipy.stats import rankdata

    positive = int(churned.sum())
    ranks = rankdata(score)[churned].sum()
    return float((ranks - positive * (positive + 1) / 2) / (positive * (len(churned) - positive)))


def _spaced(rows: pd.DataFrame, weeks: int) -> pd.DataFrame:
    """Every account once per horizon, at a phase of its own: an ending counts once, and the null stays cheap."""
    phase = rows["account_id"].map({a: key63(f"gate:{a}") % weeks for a in rows["account_id"].unique()})
    return (
        rows.loc[(rows["week"] + phase) % weeks == 0].reset_index(drop=True).assign(block=lambda r: r["week"] // weeks)
    )


class _Exchange:
    """Histories of additions as a table of accounts and blocks of weeks, gaps filled from the account's nearest block."""

    def __init__(self, sample: pd.DataFrame, added: Values) -> None:
        table = (
            sample.assign(added=added)
            .pivot_table(index="account_id", columns="block", values="added", aggfunc="mean")
            .ffill(axis=1)
            .bfill(axis=1)
        )
        self._table = table.to_numpy()
        self._account = table.index.get_indexer(pd.Index(sample["account_id"]))
        self._block = table.columns.get_indexer(pd.Index(sample["block"]))
        period = sample.groupby("account_id")["billing_period"].last().fillna("none").reindex(table.index)
        self._strata = [np.flatnonzero(period.to_numpy() == kind) for kind in sorted(period.unique())]

    def draw(self, rng: np.random.Generator) -> Values:
        """Additions of all rows after one exchange of whole histories within each billing period."""
        other = np.arange(len(self._table))
        for members in self._strata:
            other[members] = rng.permutation(members)
        exchanged: Values = self._table[other[self._account], self._block]
        return exchanged
