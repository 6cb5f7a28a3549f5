"""Scores that people can challenge, and the worksheets behind them.

Here: all formulas over the inputs, in the order in which one reads another, as the tables account_scores and worksheets. Not here:
one formula (`formulas`), inputs (`inputs`), how a worksheet is shown (`worksheet`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from uam_platform.contracts.tables import ACCOUNT_SCORES, WORKSHEETS
from uam_platform.kpis.formulas import Applied, apply
from uam_platform.kpis.readings import readings
from uam_platform.kpis.revenue import cents_products
from uam_platform.kpis.server_truth import REFUSED
from uam_platform.policy.scores import ORDER, Line, ScorePolicy

Cents = npt.NDArray[np.int64]
SUMMED: Final = "revenue_weight"
"""The formula whose missing lines add nothing; all others are out of 100."""

_KEYS: Final = ["account_id", "as_of"]


@dataclass(frozen=True)
class Scored:
    """All formulas over the same rows of inputs."""

    inputs: pd.DataFrame
    applied: Mapping[str, Applied]
    policy: ScorePolicy


def score(inputs: pd.DataFrame, policy: ScorePolicy) -> Scored:
    """Every formula of the policy; health reads the behaviour and friction scores made just before.

    Args:
        inputs: rows of `score_inputs`.
        policy: formulas.
    """
    applied: dict[str, Applied] = {}
    for name in ORDER:
        applied[name] = apply(policy.formulas[name], inputs)
        if name in ("behaviour", "friction"):
            inputs = inputs.assign(**{f"{name}_score": applied[name].score()})
    return Scored(inputs, applied, policy)


def account_scores(scored: Scored) -> pd.DataFrame:
    """Rows of the ACCOUNT_SCORES contract, one per row of inputs."""
    rows = scored.inputs[_KEYS].copy()
    for name in ("behaviour", "friction", "health", "expansion"):
        rows[f"{name}_score"] = scored.applied[name].score()
    ranks = rows.groupby("as_of")["expansion_score"].rank(method="min", ascending=False)
    weights = scored.applied["revenue_weight"]
    rows = rows.assign(
        expansion_rank=ranks.astype("Int32"),
        revenue_weight_ratio=weights.total / 100.0,
        revenue_weight_usd_cents=_weighted_lines(scored).sum(axis=1),
        policy_version=scored.policy.version,
    )
    return rows.loc[:, list(ACCOUNT_SCORES.column_names)].sort_values(_KEYS, ignore_index=True)


def worksheets(scored: Scored) -> pd.DataFrame:
    """Rows of the WORKSHEETS contract: every line of every formula for every row of inputs."""
    weighted = _weighted_lines(scored)
    parts = [
        _line(scored, name, number, line, weighted[:, number] if name == SUMMED else None)
        for name in ORDER
        for number, line in enumerate(scored.policy.formulas[name].lines)
    ]
    found = pd.concat(parts, ignore_index=True)
    return found.sort_values([*_KEYS, "score_name", "line_no"], ignore_index=True)


def _weighted_lines(scored: Scored) -> Cents:
    """What each line of the revenue weight is worth in cents: its part of the weight x ARR, rounded half up."""
    earned = scored.applied["revenue_weight"].earned
    arr = scored.inputs["arr_usd_cents"].fillna(0).astype("int64")
    columns = [cents_products(arr, (earned[:, n] / 100.0).tolist()) for n in range(earned.shape[1])]
    return np.column_stack([c.to_numpy(dtype=np.int64) for c in columns])


def _refused(inputs: pd.DataFrame, line: Line) -> list[bool]:
    """Rows in which an input of the line was refused for want of a server's word."""
    if REFUSED not in inputs:
        return [False] * len(inputs)
    return [not line.inputs.isdisjoint(names) for names in inputs[REFUSED]]


def _line(scored: Scored, name: str, number: int, line: Line, cents: Cents | None) -> pd.DataFrame:
    applied = scored.applied[name]
    values = scored.inputs[line.input]
    missing, alone = applied.missing[:, number], applied.alone[:, number]
    is_word = bool(line.words)
    state = np.where(missing, "missing", "context" if line.is_context else "counted")
    made = scored.inputs[_KEYS].assign(
        score_name=name,
        line_no=number + 1,
        line_state=state,
        input_name=line.input,
        input_value=np.nan if is_word else values.astype(float),
        input_text=values.where(values.notna(), None) if is_word else None,
        points_hundredths=applied.earned[:, number],
        possible_hundredths=applied.possible[:, number],
        line_usd_cents=None if cents is None else pd.array(cents, dtype="Int64"),
        reading=readings(line, values, missing.tolist(), alone.tolist(), name == SUMMED, _refused(scored.inputs, line)),
        alternative_reading=line.alternative or None,
    )
    return made.astype({"input_text": object, "line_usd_cents": "Int64"}).loc[:, list(WORKSHEETS.column_names)]
