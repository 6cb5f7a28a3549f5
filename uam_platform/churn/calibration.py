"""From a model's margin (log odds) to a probability that can be multiplied with money.

Here: fitting on margins of accounts the model never saw, and applying. Not here: which kind (`ladder`), the margins (`train`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from uam_platform.churn.ladder import CalibrationKind

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """A rising map of margins to log odds.

    Attributes:
        kind: as chosen by the ladder.
        slope: of the straight line, and of the tails beyond the knots.
        intercept: of the straight line.
        knots: margins of the isotonic steps' centres, rising; empty for a straight line.
        levels: log odds at the knots.
        margin_error: standard error of the calibrated log odds from the number of churned accounts behind the fit.
    """

    kind: CalibrationKind
    slope: float = 1.0
    intercept: float = 0.0
    knots: tuple[float, ...] = ()
    levels: tuple[float, ...] = ()
    margin_error: float = 0.0


def sigmoid(margin: Values) -> Values:
    """Log odds to probability."""
    return 1.0 / (1.0 + np.exp(-np.clip(margin, -35, 35)))


def log_odds(probability: Values) -> Values:
    """Probability to log odds."""
    return np.log(probability) - np.log1p(-probability)


def calibrate(margin: Values, calibration: Calibration) -> Values:
    """Calibrated log odds; non-decreasing in the margin."""
    if not calibration.knots:
        return calibration.slope * margin + calibration.intercept
    knots, levels = np.array(calibration.knots), np.array(calibration.levels)
    inside = np.interp(margin, knots, levels)
    beyond = np.minimum(margin - knots[0], 0.0) + np.maximum(margin - knots[-1], 0.0)
    return inside + calibration.slope * beyond


def fit_calibration(margin: Values, churned: Values, churned_accounts: int, kind: CalibrationKind) -> Calibration:
    """Fit on out-of-fold margins.

    Args:
        margin: one per row, by a model that never saw the row's account.
        churned: 0 or 1 per row.
        churned_accounts: distinct churned accounts among the rows.
        kind: intercept (shift only), platt (shift and slope) or isotonic (steps joined at their centres).
    """
    error = 1.0 / np.sqrt(max(churned_accounts, 1))
    if kind == "none" or not 0 < churned.sum() < len(churned):
        return Calibration("none", margin_error=error)
    if kind == "intercept":
        return Calibration(kind, intercept=shift_to(margin, float(churned.sum())), margin_error=error)
    slope, intercept = _platt(margin, churned)
    if kind == "platt":
        return Calibration(kind, slope, intercept, margin_error=error)
    knots, levels = _isotonic(margin, churned, slope, intercept)
    return Calibration(kind, slope, intercept, knots, levels, error)


def shift_to(margin: Values, total: float) -> float:
    """The shift of log odds with which the probabilities of all rows sum to `total` (Newton's method)."""
    shift = 0.0
    for _ in range(50):
        p = sigmoid(margin + shift)
        step = float((total - p.sum()) / np.maximum((p * (1 - p)).sum(), 1e-12))
        shift += float(np.clip(step, -2, 2))
        if abs(step) < 1e-10:
            break
    return shift


def _platt(margin: Values, churned: Values) -> tuple[float, float]:
    """Slope and intercept of a logistic regression without penalty; a slope at or below 0 is a shift, so that ranks are kept."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=np.inf, max_iter=200).fit(margin.reshape(-1, 1), churned)
    slope, intercept = float(model.coef_[0][0]), float(model.intercept_[0])
    return (slope, intercept) if slope > 0.05 else (0.05, shift_to(0.05 * margin, float(churned.sum())))


_MINIMUM_SHARE = (
    0.02  # an isotonic step rests on at least this share of the rows, else the tails follow single accounts
)


def _isotonic(
    margin: Values, churned: Values, slope: float, intercept: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Centred isotonic regression (Oron & Flournoy 2017): steps joined at their centres, so that ranks inside a step are kept."""
    from sklearn.isotonic import IsotonicRegression

    order = np.argsort(margin, kind="stable")
    bins = np.array_split(order, int(1 / _MINIMUM_SHARE))
    centres = np.array([margin[b].mean() for b in bins])
    shares = np.array([churned[b].mean() for b in bins])
    sizes = np.array([len(b) for b in bins], dtype=float)
    fitted = IsotonicRegression(increasing=True).fit_transform(centres, shares, sample_weight=sizes)
    levels = np.unique(fitted)
    floor = 0.5 * sigmoid(np.array([slope * centres[0] + intercept]))[0]
    knots = [float(np.average(centres[fitted == level], weights=sizes[fitted == level])) for level in levels]
    return tuple(knots), tuple(float(v) for v in log_odds(np.clip(levels, floor, 1 - 1e-6)))
