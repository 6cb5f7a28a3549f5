"""Shares of things that belong to accounts, with their interval.

Here: one share as a row, resampled by account. Not here: the draws and exact bounds themselves (`resampling`), what is counted
(the sections).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from uam_platform.evaluation.resampling import Values, account_sums, account_weights, interval, safe_ratio, upper_bound
from uam_platform.evaluation.results import Row, rate_parts, ratio

Bounds = tuple[float | None, float | None]


def share_interval(accounts: Sequence[str], hits: Sequence[bool], seed: int) -> Bounds:
    """95 % interval of the share of hits when whole accounts are drawn; the exact bound over accounts where all or none hit."""
    if not len(accounts):
        return None, None
    if all(hits) or not any(hits):  # every draw would be the same
        bound = upper_bound(0, len(set(accounts)), 0.975)
        return (0.0, bound) if bound is None or not any(hits) else (1 - bound, 1.0)
    return ratio_interval(accounts, np.asarray(hits, dtype=np.float64), np.ones(len(hits)), seed)


def ratio_interval(accounts: Sequence[str], part: Values, whole: Values, seed: int) -> Bounds:
    """95 % interval of sum(part) / sum(whole) when whole accounts are drawn."""
    if not len(accounts):
        return None, None
    codes, names = pd.factorize(np.asarray(accounts, dtype=object), sort=True)
    sums = account_sums(np.asarray(codes, dtype=np.int64), len(names), part, whole)
    drawn = account_weights(len(names), seed) @ sums
    return interval(safe_ratio(drawn[:, 0], drawn[:, 1]))


def share_row(
    metric: str,
    accounts: Sequence[str],
    hits: Sequence[bool],
    seed: int,
    *,
    what: str = "",
    target: str = "",
    yardsticks: Mapping[str, float | None] | None = None,
) -> Row:
    """The share of hits as a row; `what` names the things counted."""
    low, high = share_interval(accounts, hits, seed)
    found = int(sum(hits))
    note = f"{found:,} of {len(hits):,}{' ' + what if what else ''}"
    return Row(
        metric, ratio(found, len(hits)), low, high, yardsticks=yardsticks or {}, note=note, target=target,
        parts=rate_parts(found, len(hits)),
    )  # fmt: skip
