"""What a score is read beside, made out of sample from the run's own features: contract baseline, logistic regression, hand score.

Here: cross-fitting over account folds and time, and the two learned yardsticks. Not here: the reference learner (`reference`), the
formula of the hand score (`hand_score`), the latent oracle (the truth itself).

A row is scored by a fit on the accounts of other folds whose outcome was known by the cut (56 days before its week at the latest).
While fewer than 30 accounts have churned in that evidence, all weeks of the other accounts serve: the first weeks of a history would
otherwise make a yardstick weak that the platform is to beat. This favours the yardstick, never the platform.
"""

import zlib
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from uam_platform.evaluation.hand_score import hand_score
from uam_platform.evaluation.resampling import Codes, Values
from uam_platform.evaluation.results import LEAST_CHURNED_ACCOUNTS

FOLDS: Final = 5
CONTRACT_SCORE: Final = "p_contract"
LOGISTIC_SCORE: Final = "p_logistic"
BASE_SCORE: Final = "p_base"
HAND_SCORE: Final = "hand_score"
REFERENCE_SCORE: Final = "p_reference"

_HORIZON_WEEKS: Final = 8
_CONTRACT_CUT_WEEKS: Final = 4
_LOGISTIC_CUT_WEEKS: Final = 12
_EDGES: Final = np.array([0, 7, 14, 21, 28, 35, 42, 49, 56, 63, 70, 77, 84, 112, 140, 182, 273], dtype=np.float64)
_PRIOR_WEEKS: Final = 100.0  # account-weeks that a cell's billing period, and a period's overall rate, count for
_PRIOR_RATE: Final = 0.035  # about 20 % a year over eight weeks
_QUIET_STRIDE: Final = 4  # every fourth week without churn, at fourfold weight: same means, a quarter of the time

Mask = npt.NDArray[np.bool_]
Learner = Callable[[Mask, Mask], Values]


def with_yardsticks(rows: pd.DataFrame, features: pd.DataFrame) -> pd.DataFrame:
    """`rows` with p_base (the rate of all), p_contract, p_logistic and hand_score.

    Args:
        rows: account_id, as_of, is_churned; one row per account-week.
        features: account_features of the same rows, in the same order.
    """
    if rows.empty:
        return rows.assign(**{name: np.zeros(0) for name in (BASE_SCORE, CONTRACT_SCORE, LOGISTIC_SCORE, HAND_SCORE)})
    plan = CrossFit(rows)
    contract = plan.scored(_contract_learner(rows, features), _CONTRACT_CUT_WEEKS)
    logistic = plan.scored(_logistic_learner(rows, features, contract), _LOGISTIC_CUT_WEEKS)
    base = plan.scored(_base_learner(rows), _CONTRACT_CUT_WEEKS)
    found = {BASE_SCORE: base, CONTRACT_SCORE: contract, LOGISTIC_SCORE: logistic, HAND_SCORE: hand_score(features)}
    return rows.assign(**found)


class CrossFit:
    """Which rows a yardstick learns from for which rows it scores.

    Args:
        rows: account_id, as_of, is_churned.
    """

    def __init__(self, rows: pd.DataFrame) -> None:
        codes, names = pd.factorize(rows["account_id"], sort=True)
        folds = np.array([zlib.crc32(str(name).encode()) % FOLDS for name in names], dtype=np.int64)
        self.accounts: Codes = np.asarray(codes, dtype=np.int64)
        self.fold: Codes = folds[codes]
        self.week: Codes = ((rows["as_of"] - rows["as_of"].min()).dt.days // 7).to_numpy(dtype=np.int64)
        self.churned: Mask = rows["is_churned"].to_numpy(dtype=bool)

    def scored(self, learner: Learner, every_weeks: int) -> Values:
        """Out-of-sample predictions of a learner that is fitted anew every so many weeks."""
        result = np.full(len(self.week), np.nan)
        for fitted_on, scored in self.splits(every_weeks):
            result[scored] = learner(fitted_on, scored)
        return result

    def splits(self, every_weeks: int) -> Iterator[tuple[Mask, Mask]]:
        """Pairs of rows: fitted on, scored. Every row is scored once."""
        for cut in range(0, int(self.week.max()) + 1, every_weeks):
            is_due = (self.week >= cut) & (self.week < cut + every_weeks)
            is_known = self.week + _HORIZON_WEEKS <= cut
            for fold in range(FOLDS):
                scored = is_due & (self.fold == fold)
                if scored.any():
                    others = self.fold != fold
                    yield (others & is_known if self._is_enough(others & is_known) else others), scored

    def _is_enough(self, evidence: Mask) -> bool:
        return len(np.unique(self.accounts[evidence & self.churned])) >= LEAST_CHURNED_ACCOUNTS


def _base_learner(rows: pd.DataFrame) -> Learner:
    """The share of churned account-weeks, the same for all."""
    churned = rows["is_churned"].to_numpy(dtype=bool)
    return lambda fitted_on, scored: np.full(int(scored.sum()), _rate(churned[fitted_on]))


def _contract_learner(rows: pd.DataFrame, features: pd.DataFrame) -> Learner:
    """Share of churned account-weeks by days to renewal x billing period, each level shrunk to the one above."""
    days = features["days_to_renewal"].to_numpy(dtype=np.float64, na_value=np.nan)
    place = np.where(np.isnan(days), len(_EDGES) + 1, np.searchsorted(_EDGES, days, side="right"))
    period, names = pd.factorize(features["billing_period"].fillna("none").astype(str), sort=True)
    width = len(_EDGES) + 2
    cell = period * width + place
    churned = rows["is_churned"].to_numpy(dtype=np.float64)

    def learner(fitted_on: Mask, scored: Mask) -> Values:
        hits = churned[fitted_on]
        rates = _shrunk(period[fitted_on], hits, len(names), np.full(len(names), _rate(hits)))
        cells = _shrunk(cell[fitted_on], hits, len(names) * width, np.repeat(rates, width))
        return np.asarray(cells[cell[scored]])

    return learner


def _rate(hits: Values | Mask) -> float:
    return float((hits.sum() + _PRIOR_WEEKS * _PRIOR_RATE) / (len(hits) + _PRIOR_WEEKS))


def _shrunk(places: Codes, hits: Values, count: int, above: Values) -> Values:
    rows = np.bincount(places, minlength=count)
    found = np.bincount(places, weights=hits, minlength=count)
    return np.asarray((found + _PRIOR_WEEKS * above) / (rows + _PRIOR_WEEKS))


def _logistic_learner(rows: pd.DataFrame, features: pd.DataFrame, contract: Values) -> Learner:
    """Ridge logistic regression on every model input that the platform defines, standardised, gaps at the median and marked.

    The log odds of the contract baseline are an input too: what a contract says is no straight line in days to renewal.
    """
    from sklearn.linear_model import LogisticRegression

    from uam_platform.evaluation.reference import all_inputs

    inputs = np.column_stack([all_inputs(features).to_numpy(dtype=np.float64), np.log(contract / (1 - contract))])
    churned = rows["is_churned"].to_numpy(dtype=bool)
    plan = CrossFit(rows)
    is_kept = churned | ((plan.week + plan.accounts) % _QUIET_STRIDE == 0)

    def learner(fitted_on: Mask, scored: Mask) -> Values:
        used = fitted_on & is_kept
        target = churned[used]
        if target.all() or not target.any():
            return np.full(int(scored.sum()), float(target.mean()) if len(target) else np.nan)
        prepare = _Standard(inputs[used])
        model = LogisticRegression(C=0.01, solver="newton-cholesky", tol=1e-3, max_iter=50)
        model.fit(prepare(inputs[used]), target, sample_weight=np.where(target, 1.0, float(_QUIET_STRIDE)))
        return np.asarray(model.predict_proba(prepare(inputs[scored]))[:, 1])

    return learner


class _Standard:
    """Columns as numbers of mean 0 and deviation 1, bounded at 5, with a column that marks gaps where there are any."""

    def __init__(self, seen: Values) -> None:
        self._gaps = np.flatnonzero(np.isnan(seen).any(axis=0))
        hidden = np.isnan(seen).all(axis=0)
        filled = np.where(hidden, 0.0, seen)
        self._median = np.nanmedian(filled, axis=0)
        filled = np.where(np.isnan(filled), self._median, filled)
        self._mean, deviation = filled.mean(axis=0), filled.std(axis=0)
        self._deviation = np.where(deviation > 0, deviation, 1.0)

    def __call__(self, values: Values) -> Values:
        filled = np.where(np.isnan(values), self._median, values)
        scaled = np.clip((filled - self._mean) / self._deviation, -5.0, 5.0)
        return np.column_stack([scaled, np.isnan(values[:, self._gaps])])
