"""The declared score of behaviour turning for the worse, signal by signal.

Here: the weighted sum of signed surprises. Not here: a surprise (`uam_platform.temporal.surprise`), which signals and weights
(`rulebook/alerts.yaml`, `uam_platform.policy.harm`), the threshold (a detector's condition), words (`wording_harm`).
"""

from typing import Final

import pandas as pd

from uam_platform.policy.harm import HARM_SCORE, HarmScore
from uam_platform.temporal.surprise import surprise

PREFIX: Final = "harm_signal_"
"""Columns of the surprises beside the score: PREFIX + name of the signal, positive is bad."""


def with_harm(snapshot: pd.DataFrame, policy: HarmScore) -> pd.DataFrame:
    """`snapshot` with the surprise of every signal and their weighted sum, `harm_score`.

    Args:
        snapshot: ACCOUNT_FEATURES rows of one as_of.
        policy: signals and weights.
    """
    surprises = {PREFIX + name: surprise(snapshot, signal, policy) for name, signal in policy.signals.items()}
    total = pd.Series(0.0, index=snapshot.index)
    for name, signal in policy.signals.items():
        total = total + signal.weight * surprises[PREFIX + name]
    return snapshot.assign(**surprises, **{HARM_SCORE: total})
