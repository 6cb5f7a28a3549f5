"""How close in time two user ids used one identifier, as known over time.

Here: silence between the stretches of use. Not here: how much silence ends an identity (`rulebook/identity.yaml`), what the pairs
become (`edges`).
"""

import numpy as np
import pandas as pd

from uam_platform.identity.intervals import FOREVER

_SIDES = ("left", "right")


class Nearness:
    """Silence between pairs of user ids on one identifier.

    With every day that becomes known stretches of use grow, so silence only shrinks: once near, always near.

    Args:
        pairs: identifier, left, right.
        daily: identifier, user, day, known: days on which a user id used an identifier; repetitions do not matter.
    """

    def __init__(self, pairs: pd.DataFrame, daily: pd.DataFrame) -> None:
        self._index = pairs.index
        stretches = _stretches(daily[daily["identifier"].isin(pairs["identifier"])])
        numbered = pairs[["identifier", *_SIDES]].reset_index(names="pair")
        parts = []
        for side in _SIDES:
            own = numbered.merge(stretches, left_on=["identifier", side], right_on=["identifier", "user"])
            parts.append(own[["pair", "known"]].assign(**{f"first_{side}": own["first"], f"last_{side}": own["last"]}))
        columns = [f"{end}_{side}" for side in _SIDES for end in ("first", "last")]
        rows = pd.concat(parts, ignore_index=True).reindex(columns=["pair", "known", *columns])
        rows = rows.sort_values(["pair", "known"], ignore_index=True)
        rows[columns] = rows.groupby("pair")[columns].ffill()
        rows = rows.drop_duplicates(["pair", "known"], keep="last").dropna()
        silence = rows[["first_left", "first_right"]].max(axis=1) - rows[["last_left", "last_right"]].min(axis=1)
        self._rows = rows[["pair", "known"]].assign(silence=silence)

    def since(self, days: int | None) -> np.ndarray:
        """First known day with at most so many days of silence between the two; FOREVER if never, or if `days` is None."""
        if days is None:
            return np.full(len(self._index), FOREVER, dtype=np.int64)
        near = self._rows[self._rows["silence"] <= days].groupby("pair")["known"].min()
        found: np.ndarray = near.reindex(self._index).fillna(FOREVER).to_numpy(np.int64)
        return found


def _stretches(daily: pd.DataFrame) -> pd.DataFrame:
    """identifier, user, known, first, last: the stretch of use as known from a day on."""
    by_known = daily.groupby(["identifier", "user", "known"], as_index=False).agg(
        first=("day", "min"), last=("day", "max")
    )
    of_user = by_known.groupby(["identifier", "user"])
    return by_known.assign(first=of_user["first"].cummin(), last=of_user["last"].cummax())
