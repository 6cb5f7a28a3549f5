"""Scores of identity over identifiers, with intervals over accounts.

Here: pairwise and B-cubed precision, recall and F1 (Bagga and Baldwin 1998), fragmentation, by scenario class. Not here: who holds which
identifier (`identity`), who is in which class (`identity_classes`).

An account is drawn with all identifiers of its people. The pairs of an identifier are counted at both of its ends, so that a pair across
two accounts goes half with each.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from uam_platform.evaluation.resampling import Values, account_sums, account_weights, interval, safe_ratio, upper_bound
from uam_platform.evaluation.results import Row, quotient_parts
from uam_platform.evaluation.shares import Bounds, share_row

Chosen = npt.NDArray[np.bool_] | None

_TARGETS: Final = {"precision": "≥ 0.995", "recall": "≥ 0.97", "F1": ""}


class Clusters:
    """Identifiers with their sizes, and the accounts that are drawn.

    Args:
        own: person_id, person_key, account_id; one row per identifier.
        seed: of the draws.
    """

    def __init__(self, own: pd.DataFrame, seed: int) -> None:
        both = own.groupby(["person_key", "person_id"])["person_id"].transform("size").to_numpy(dtype=np.float64)
        claimed = own.groupby("person_key")["person_id"].transform("size").to_numpy(dtype=np.float64)
        true = own.groupby("person_id")["person_key"].transform("size").to_numpy(dtype=np.float64)
        self.people, self._own = own["person_id"].to_numpy(dtype=object), own[["person_id", "person_key"]]
        self._pairs = np.column_stack([both - 1, claimed - 1, both - 1, true - 1]).reshape(-1, 4)
        self._items = np.column_stack([both / claimed, np.ones(len(own)), both / true, np.ones(len(own))]).reshape(
            -1, 4
        )
        codes, names = pd.factorize(own["account_id"].to_numpy(dtype=object), sort=True)
        self._codes, self._count = np.asarray(codes, dtype=np.int64), len(names)
        self._weights = account_weights(self._count, seed)

    def pairwise(self, chosen: Chosen = None) -> dict[str, tuple[float | None, Bounds]]:
        """Precision, recall and F1 over pairs of identifiers; of the chosen identifiers alone if given."""
        return self._measured(self._pairs, chosen)

    def b_cubed(self, chosen: Chosen = None) -> dict[str, tuple[float | None, Bounds]]:
        """The same averaged over identifiers."""
        return self._measured(self._items, chosen)

    def missed(self) -> tuple[int, int, int]:
        """Pairs held together rightly, claimed and true."""
        right, claimed, _, true = (int(v) // 2 for v in self._pairs.sum(axis=0))
        return right, claimed, true

    def parts(self, chosen: Chosen = None) -> dict[str, dict[str, float]]:
        """What the scores are quotients of, for pooling over worlds: by metric numerator and denominator.

        Of pairs F1 is one quotient too, twice the right pairs over those claimed and those true; of B-cubed it is none and left out.
        """
        found = {}
        for kind, values in (("pairwise", self._pairs), ("B-cubed", self._items)):
            sums = (values if chosen is None else values[chosen]).sum(axis=0)
            found[f"{kind} precision"] = quotient_parts(sums[0], sums[1])
            found[f"{kind} recall"] = quotient_parts(sums[2], sums[3])
            if kind == "pairwise":
                found[f"{kind} F1"] = quotient_parts(2 * sums[0], sums[1] + sums[3])
        return found

    def split(self, chosen: Chosen = None) -> npt.NDArray[np.bool_]:
        """Whether each person became several; of the people of the chosen identifiers alone if given."""
        own = self._own if chosen is None else self._own[chosen]
        found: npt.NDArray[np.bool_] = (own.groupby("person_id")["person_key"].nunique() > 1).to_numpy()
        return found

    def _measured(self, values: Values, chosen: Chosen) -> dict[str, tuple[float | None, Bounds]]:
        kept = values if chosen is None else np.where(chosen[:, None], values, 0.0)
        sums = account_sums(self._codes, self._count, *kept.T)
        accounts = int((sums[:, 3] > 0).sum())
        total, drawn = sums.sum(axis=0)[None, :], self._weights @ sums
        precision, recall = (_quotients(total, drawn, place) for place in (0, 2))
        f1 = (_harmonic(precision[0], recall[0]), _harmonic(precision[1], recall[1]))
        return {
            name: _estimate(value, draws, accounts)
            for name, (value, draws) in (("precision", precision), ("recall", recall), ("F1", f1))
        }


def _quotients(total: Values, drawn: Values, place: int) -> tuple[Values, Values]:
    return safe_ratio(total[:, place], total[:, place + 1]), safe_ratio(drawn[:, place], drawn[:, place + 1])


def _harmonic(precision: Values, recall: Values) -> Values:
    return 2 * safe_ratio(precision * recall, precision + recall)


def _estimate(value: Values, draws: Values, accounts: int) -> tuple[float | None, Bounds]:
    if not np.isfinite(value[0]):
        return None, (None, None)
    if value[0] >= 1:  # every draw would be the same: the exact bound over accounts
        bound = upper_bound(0, accounts, 0.975)
        return float(value[0]), (1 - bound if bound is not None else None, 1.0)
    return float(value[0]), interval(draws)


def score_rows(clusters: Clusters) -> Iterator[Row]:
    """Pairwise and B-cubed scores of everybody."""
    (right, claimed, true), parts = clusters.missed(), clusters.parts()
    notes = {
        "pairwise precision": f"{claimed - right:,} of {claimed:,} pairs wrong",
        "pairwise recall": f"{true - right:,} of {true:,} pairs missed",
    }
    for kind, found in (("pairwise", clusters.pairwise()), ("B-cubed", clusters.b_cubed())):
        for name, (value, (low, high)) in found.items():
            metric = f"{kind} {name}"
            given = parts.get(metric, {})
            yield Row(metric, value, low, high, note=notes.get(metric, ""), target=_TARGETS[name], parts=given)


def class_rows(
    clusters: Clusters, members: Mapping[str, set[str]], placed: Mapping[str, float | None]
) -> Iterator[Row]:
    """B-cubed F1 per scenario class; beside it precision and recall of both kinds, people split and events on the right account.

    Args:
        clusters: everybody's identifiers.
        members: people by class.
        placed: share of events on the right account by class.
    """
    for name, people in members.items():
        chosen = np.array([person in people for person in clusters.people], dtype=bool)
        found = clusters.b_cubed(chosen)
        value, (low, high) = found["F1"]
        count = int(chosen.sum())
        beside = _beside(clusters, found, chosen) | {"events": placed.get(name)} if count else {}
        note = f"{count:,} identifiers of {len(people):,} people" if count else "nobody in this world"
        parts = {"identifiers": float(count)}
        yield Row(f"B-cubed F1, {name}", value, low, high, yardsticks=beside, note=note, parts=parts)


def _beside(
    clusters: Clusters, b_cubed: Mapping[str, tuple[float | None, Bounds]], chosen: Chosen
) -> dict[str, float | None]:
    pairs, split = clusters.pairwise(chosen), clusters.split(chosen)
    return {
        "precision": b_cubed["precision"][0],
        "recall": b_cubed["recall"][0],
        "pairwise precision": pairs["precision"][0],
        "pairwise recall": pairs["recall"][0],
        "people split": float(split.mean()) if len(split) else None,
    }


def fragment_rows(own: pd.DataFrame, seed: int) -> Iterator[Row]:
    """How many people one true person became, and the share of people who became several.

    Args:
        own: person_id, person_key, account_id; one row per identifier.
        seed: of the draws.
    """
    made = own.groupby("person_id").agg(people=("person_key", "nunique"), account=("account_id", "first"))
    is_split = (made["people"] > 1).tolist()
    yield share_row("people split over several", made["account"].tolist(), is_split, seed, what="people")
    yield Row("people made of one person", float(made["people"].mean()) if len(made) else None, unit="ratio")
