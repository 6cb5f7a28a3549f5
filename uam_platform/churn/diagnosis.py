"""What a decline is most likely due to, by declared signs.

Here: points of every explanation from the signs of an account, as shares, and the sign that speaks loudest. Not here: signs and points
(`rulebook/churn.yaml`, `uam_platform.policy.diagnosis`), how much behaviour raises a score (`boosting`), words (`reasons`).

Whatever goes wrong lowers the use of a product, so that the inputs of a model which move its score most name the symptom. A
diagnosis asks what the symptom comes with. Each sign (failures per action, reopened tickets, administrators gone, a young account) adds
its points to the explanations it speaks for and takes them from those it speaks against; shares are the soft maximum of the sums, as in
a multinomial logit (McFadden 1974). A specific sign so explains the unspecific one away, and where none is there the explanations keep
the order of their starts.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from uam_platform.policy.diagnosis import Diagnosis, Ramp, Sign
from uam_platform.temporal.surprise import surprise

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Diagnosed:
    """Explanations of the rows of a frame, all with its index.

    Attributes:
        shares: one column per explanation; each row sums to 1.
        spoken: per explanation the sign that speaks loudest for it among those with words; None where none does.
    """

    shares: pd.DataFrame
    spoken: pd.DataFrame

    def of(self, index: pd.Index) -> "Diagnosed":
        """The rows of an index."""
        return Diagnosed(self.shares.loc[index], self.spoken.loc[index])


def diagnose(rows: pd.DataFrame, policy: Diagnosis) -> Diagnosed:
    """The explanations of every row, whatever its score.

    Args:
        rows: eligible ACCOUNT_FEATURES rows of one or more snapshots, all accounts of each: peers are who else is there.
        policy: explanations and signs.
    """
    values = {name: pd.Series(0.0, index=rows.index) for name in policy.signs}
    for _, snapshot in rows.groupby("as_of", sort=True):
        for name, sign in policy.signs.items():
            values[name].loc[snapshot.index] = _observed(snapshot, sign, policy)
    shares = _shares(values, rows.index, policy)
    spoken = {name: _loudest(values, name, rows.index, policy) for name in policy.explanations}
    return Diagnosed(shares, pd.DataFrame(spoken, index=rows.index, dtype=object))


def _observed(snapshot: pd.DataFrame, sign: Sign, policy: Diagnosis) -> pd.Series:
    seen = pd.Series(0.0, index=snapshot.index)
    if sign.ramp is not None:
        seen = _level(snapshot, sign.ramp)
    elif sign.measure is not None:
        seen = surprise(snapshot, sign.measure, policy)
    return seen.where(snapshot["tenure_days"].astype("float64") >= sign.least_tenure_days, 0.0)


def _level(snapshot: pd.DataFrame, ramp: Ramp) -> pd.Series:
    place = (snapshot[ramp.column].astype("float64") - ramp.nothing) / (ramp.full - ramp.nothing)
    return place.clip(0.0, 1.0).fillna(0.0)


def _shares(values: dict[str, pd.Series], index: pd.Index, policy: Diagnosis) -> pd.DataFrame:
    sums = {}
    for name, explanation in policy.explanations.items():
        total = np.full(len(index), explanation.start)
        for sign_name, sign in policy.signs.items():
            total = total + sign.points.get(name, 0.0) * values[sign_name].to_numpy()
        sums[name] = total
    points = np.column_stack(list(sums.values()))
    odds = np.exp(points - points.max(axis=1, keepdims=True))
    return pd.DataFrame(odds / odds.sum(axis=1, keepdims=True), index=index, columns=list(sums))


def _loudest(values: dict[str, pd.Series], explanation: str, index: pd.Index, policy: Diagnosis) -> list[str | None]:
    """Name of the sign with words that adds most points to the explanation, None where none adds any."""
    names = [n for n, sign in policy.signs.items() if sign.feature and sign.points.get(explanation, 0.0) > 0]
    if not names:
        return [None] * len(index)
    added = np.column_stack([policy.signs[n].points[explanation] * values[n].to_numpy() for n in names])
    best = added.argmax(axis=1)
    return [names[b] if added[row, b] > 0 else None for row, b in enumerate(best)]
