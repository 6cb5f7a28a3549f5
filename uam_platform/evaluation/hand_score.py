"""A health score as Customer Success writes it by hand: fixed weights, nothing learned.

Here: the formula, written down once. It is a yardstick: what a careful team reaches with a spreadsheet, on the same columns that the
platform's models see. Not here: learned yardsticks (`yardsticks`), the platform's own health score (`uam_platform.kpis`).

    health = 30 x trend of core actions        min(1, (core 28 d + 2) / (core of the 28 d before + 2))
           + 20 x trend of people              min(1, (people 28 d + 1) / (people of the 28 d before + 1))
           + 10 x breadth                      min(1, (features 28 d + 1) / (features of the 28 d before + 1))
           + 15 x regularity                   min(1, active days 28 d / 20)
           + 15 x freedom from failures        1 - min(1, 2 x failures 28 d / (core 28 d + 10))
           + 10 x quiet support                1 - min(1, (tickets 28 d + 2 x escalations 28 d) / 5)

Risk is 100 - health. A new account counts as level: its earlier window is empty, so trends are 1.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

Values = npt.NDArray[np.float64]


def hand_score(features: pd.DataFrame) -> Values:
    """Risk from 0 (healthy) to 100 per row of account_features.

    Args:
        features: account_features columns; missing values count as nothing happened.
    """
    core = _count(features, "core_28d_count")
    failures = _count(features, "friction_28d_count") / (core + 10)
    noise = _count(features, "ticket_28d_count") + 2 * _count(features, "escalation_28d_count")
    health = (
        30 * _trend(core, _count(features, "core_prior_28d_count"), 2)
        + 20 * _trend_of(features, "active_person_28d_count", "active_person_prior_28d_count")
        + 10 * _trend_of(features, "feature_28d_count", "feature_prior_28d_count")
        + 15 * np.minimum(1.0, _count(features, "active_day_28d_count") / 20)
        + 15 * (1 - np.minimum(1.0, 2 * failures))
        + 10 * (1 - np.minimum(1.0, noise / 5))
    )
    return np.asarray(100.0 - health)


def _count(features: pd.DataFrame, column: str) -> Values:
    return np.nan_to_num(features[column].to_numpy(dtype=np.float64, na_value=np.nan))


def _trend_of(features: pd.DataFrame, now: str, before: str) -> Values:
    return _trend(_count(features, now), _count(features, before), 1)


def _trend(now: Values, before: Values, shrink: float) -> Values:
    return np.minimum(1.0, (now + shrink) / (before + shrink))
