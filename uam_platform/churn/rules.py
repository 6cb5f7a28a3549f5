"""What is believed before enough customers have left to learn it: rules of contracts, and a declared index of how an account does.

Here: the risk that a contract's terms alone imply, and the index with its frozen scalers. Not here: what outcomes make of them
(`baseline`, `train`), the declared numbers (`rulebook/churn.yaml`).

Both need no outcome. Who signed for a term decides at its end; who did not can leave any day. One assumed rate of leaving per horizon
therefore says what a renewal within the horizon risks and what one beyond it does not. The index is the mean over themes of the
model inputs whose direction is declared (more of it can only raise, or only lower, the risk), each compared with the accounts of the
latest weeks; a mean of signs, each weighing alike, loses little against fitted weights where outcomes are few (Dawes 1979, The robust
beauty of improper linear models).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from uam_platform.churn.calibration import log_odds, shift_to, sigmoid
from uam_platform.churn.features import matrix
from uam_platform.policy.churn import ChurnPolicy, Codes

Values = npt.NDArray[np.float64]

NO_RENEWAL = "none"
_OUTLIER = 3.0  # deviations beyond which an input says no more
_SPREAD_OF_NORMAL = 1.4826  # of the median absolute deviation
_STEPS = 50


@dataclass(frozen=True)
class DeclaredIndex:
    """A weighted sum of standardised inputs, mean 0 and deviation 1 over the accounts it was frozen on; more is worse.

    Attributes:
        inputs: names of model inputs.
        centres: value of each that says nothing.
        spreads: of each, in its own unit.
        weights: of each standardised input.
        centre: mean of the weighted sum.
    """

    inputs: tuple[str, ...] = ()
    centres: tuple[float, ...] = ()
    spreads: tuple[float, ...] = ()
    weights: tuple[float, ...] = ()
    centre: float = 0.0

    def of(self, rows: pd.DataFrame, codes: Codes) -> Values:
        """The index of account_features rows; an unknown value counts as its centre."""
        if not self.inputs:
            return np.zeros(len(rows))
        return np.asarray(self.parts(matrix(rows, self.inputs, codes)).sum(axis=1) - self.centre)

    def parts(self, inputs: pd.DataFrame) -> Values:
        """What each input contributes, one column per input."""
        z = (inputs.to_numpy() - np.array(self.centres)) / np.array(self.spreads)
        return np.nan_to_num(np.clip(z, -_OUTLIER, _OUTLIER), nan=0.0) * np.array(self.weights)


@dataclass(frozen=True)
class Tilt:
    """What the index adds to the log odds of a contract: shift + slope x index."""

    index: DeclaredIndex = DeclaredIndex()
    slope: float = 0.0
    shift: float = 0.0

    def of(self, rows: pd.DataFrame, codes: Codes) -> Values:
        """Log odds to be added, one per row."""
        return self.shift + self.slope * self.index.of(rows, codes)


def believed_rate(period: str, bucket: str, policy: ChurnPolicy) -> float:
    """Probability to leave within the horizon that the terms of a contract cell imply, from the assumed rate of leaving alone.

    A year's leavers are those of the assumed rate over as many horizons as a year has. Who can leave any day does so at that rate. Of
    those who signed for a term the declared share leaves before its end, spread evenly; the others leave at its end.

    Args:
        period: billing period.
        bucket: index of the interval of days to renewal, or `NO_RENEWAL`.
        policy: the assumed rate, which billing periods are rolling, the edges of the buckets.
    """
    assumed = policy.base_rate
    if bucket == NO_RENEWAL or period in policy.rolling_billing_periods or policy.label_kind != "subscription_end":
        return assumed.probability
    horizons = 365 / policy.horizon_days
    yearly = 1 - (1 - assumed.probability) ** horizons
    early = yearly * assumed.early_share / horizons
    opens = policy.contract_cells.renewal_edges_days[int(bucket) - 1] if int(bucket) else 0
    return yearly * (1 - assumed.early_share) + early if opens < policy.horizon_days else early


def declared_index(rows: pd.DataFrame, policy: ChurnPolicy) -> DeclaredIndex:
    """The index frozen on account_features rows; without inputs where none differs between them."""
    signed: Mapping[str, int] = {
        name: rule.monotone
        for name, rule in policy.features.items()
        if rule.monotone and policy.family(name) == "behaviour"
    }
    inputs = matrix(rows, tuple(signed), policy.codes)
    centres = inputs.median()
    spreads = _SPREAD_OF_NORMAL * (inputs - centres).abs().median()
    spreads = spreads.where(spreads > 0, inputs.std())  # most accounts alike: the others still differ
    told = [name for name in inputs.columns if np.isfinite(spreads[name]) and spreads[name] > 0]
    if not told:
        return DeclaredIndex()
    themes = [policy.features[name].theme for name in told]
    weights = [signed[name] / themes.count(theme) for name, theme in zip(told, themes, strict=True)]
    raw = DeclaredIndex(tuple(told), tuple(map(float, centres[told])), tuple(map(float, spreads[told])), tuple(weights))
    values = raw.of(rows, policy.codes)
    deviation = float(values.std())
    if deviation == 0:
        return DeclaredIndex()
    scaled = tuple(float(w / deviation) for w in weights)
    return DeclaredIndex(raw.inputs, raw.centres, raw.spreads, scaled, float(values.mean() / deviation))


def fit_tilt(
    index: DeclaredIndex, start: Values, values: Values, churned: Values, accounts: int, policy: ChurnPolicy
) -> Tilt:
    """The slope that outcomes and the declared belief together support, and the shift that gives the rows' mean probability.

    The mean is that of the outcomes, without any the assumed rate of leaving. The belief is a normal distribution of the slope; outcomes
    count as so many independent ones as accounts have left, because the weeks of one account repeat each other.

    Args:
        index: frozen.
        start: log odds by contract.
        values: index of the same rows.
        churned: 0 or 1 of the same rows.
        accounts: distinct churned accounts among them; 0: the belief alone.
        policy: the belief.
    """
    belief = policy.index
    slope = belief.slope
    if not index.inputs or not len(start):
        return Tilt(index, slope if index.inputs else 0.0, 0.0)
    target = float(churned.sum()) if accounts else policy.base_rate.probability * len(start)
    weight = accounts / float(churned.sum()) if accounts else 0.0
    for _ in range(_STEPS if accounts else 0):
        p = sigmoid(start + shift_to(start + slope * values, target) + slope * values)
        middle = float((p * (1 - p) * values).sum() / (p * (1 - p)).sum())
        gradient = weight * float(((churned - p) * values).sum()) - (slope - belief.slope) / belief.deviation**2
        curvature = weight * float((p * (1 - p) * (values - middle) ** 2).sum()) + 1 / belief.deviation**2
        step = gradient / curvature
        slope += float(np.clip(step, -0.5, 0.5))
        if abs(step) < 1e-10:
            break
    slope = max(slope, 0.0)
    return Tilt(index, slope, shift_to(start + slope * values, target))


def contract_log_odds(probability: Values) -> Values:
    """Log odds of cell probabilities, bounded away from certainty."""
    return log_odds(np.clip(probability, 1e-4, 1 - 1e-4))
