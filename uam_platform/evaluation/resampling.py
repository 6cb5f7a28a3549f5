"""Intervals: resampling whole accounts, and exact bounds of rates.

Here: the account-cluster bootstrap and the Clopper-Pearson bound. Not here: the metrics (their sections). Weekly rows of one
account repeat each other, so an account is drawn with its whole history or not at all.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

DRAWS: Final = 500
_LOW, _HIGH = 2.5, 97.5


def account_weights(accounts: int, seed: int, draws: int = DRAWS) -> Values:
    """How often each account is drawn: draws x accounts, every row adds up to `accounts`."""
    if not accounts:
        return np.zeros((draws, 0))
    rng = np.random.default_rng(seed)
    return rng.multinomial(accounts, np.full(accounts, 1 / accounts), size=draws).astype(np.float64)


def interval(drawn: Values) -> tuple[float | None, float | None]:
    """95 % percentile interval of the draws in which the metric exists; none if that is less than half of them."""
    found = drawn[np.isfinite(drawn)]
    if len(found) * 2 < max(len(drawn), 1):
        return None, None
    low, high = np.percentile(found, [_LOW, _HIGH])
    return float(low), float(high)


def account_sums(codes: Codes, accounts: int, *columns: Any) -> Values:
    """Sums per account: accounts x columns."""
    return np.column_stack(
        [np.bincount(codes, weights=np.asarray(c, dtype=np.float64), minlength=accounts) for c in columns]
    )


def safe_ratio(part: Values, whole: Values) -> Values:
    """Element-wise quotient, NaN where there is no whole."""
    whole = np.asarray(whole, dtype=np.float64)
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole != 0)


def upper_bound(hits: int, trials: int, confidence: float = 0.95) -> float | None:
    """One-sided upper bound of a rate (Clopper and Pearson 1934); without a hit about 3 / trials."""
    from scipy.special import betaincinv

    if not trials:
        return None
    return 1.0 if hits >= trials else float(betaincinv(hits + 1, trials - hits, confidence))
