"""LightGBM, deterministic: fitting trees, their margins and contributions.

Here: every call of the library. Not here: which rows (`training_rows`), folds and calibration (`train`), words (`reasons`).
"""

import re
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from uam_platform.churn import contributions as small
from uam_platform.policy.churn import ChurnPolicy

Values = npt.NDArray[np.float64]


def fit_trees(
    inputs: pd.DataFrame,
    churned: Values,
    weights: Values,
    offset: Values,
    policy: ChurnPolicy,
    seed: int,
    threads: int,
) -> str:
    """Train on the rows given; the text of the model, equal for equal rows, policy and seed whatever the number of threads.

    Args:
        inputs: model inputs, one column per feature of the policy.
        churned: 0 or 1.
        weights: weight of each row.
        offset: log odds the trees start from; they learn what is to be added to it.
        policy: LightGBM parameters and directions.
        seed: of bagging and feature sampling.
        threads: of the library.
    """
    import lightgbm

    rule = policy.lightgbm.model_dump()
    trees = rule.pop("num_trees")
    parameters = {
        **rule,
        "objective": "binary",
        "boost_from_average": False,
        "monotone_constraints": [policy.features[name].monotone for name in inputs.columns],
        "deterministic": True,
        "force_row_wise": True,
        "feature_pre_filter": False,
        "num_threads": threads,
        "seed": seed,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(
        inputs.to_numpy(),
        label=churned,
        weight=weights,
        init_score=offset,
        feature_name=list(inputs.columns),
        params=parameters,
    )
    text: str = lightgbm.train(parameters, data, num_boost_round=trees).model_to_string()
    return re.sub(r"\nparameters:.*?\nend of parameters\n", "\n", text, flags=re.DOTALL)


@lru_cache(maxsize=64)
def _booster(text: str) -> Any:
    import lightgbm

    return lightgbm.Booster(model_str=text)


def mean_margins(
    trees: tuple[str, ...], inputs: pd.DataFrame, offsets: tuple[Values, ...], threads: int = 1
) -> tuple[Values, Values]:
    """Mean margin of the models (offset plus trees) and its jackknife standard error.

    Each model left out another account fold, so their spread is a delete-a-group jackknife (Kott 2001):
    variance = (G - 1) / G x sum of squared deviations from the mean.
    """
    margins = np.array(
        [
            offset + _booster(t).predict(inputs.to_numpy(), raw_score=True, num_threads=threads)
            for t, offset in zip(trees, offsets, strict=True)
        ]
    ).reshape(len(trees), len(inputs))
    mean = margins.mean(axis=0)
    groups = len(trees)
    return mean, np.sqrt((groups - 1) / groups * ((margins - mean) ** 2).sum(axis=0))


def mean_contributions(trees: tuple[str, ...], inputs: pd.DataFrame, threads: int = 1) -> pd.DataFrame:
    """Contributions (TreeSHAP) to what the trees add to the offset: by table for small trees, else LightGBM's own.

    Returns:
        One column per input plus `expected` (what they add when nothing is known); each row sums to the mean of the trees' sums.
    """
    values = inputs.to_numpy(dtype="float64")
    parts = [
        small.contributions(t, values)
        if small.is_small(t)
        else _booster(t).predict(values, pred_contrib=True, num_threads=threads)
        for t in trees
    ]
    mean = np.mean(np.array(parts).reshape(len(trees), len(inputs), inputs.shape[1] + 1), axis=0)
    return pd.DataFrame(mean, columns=[*inputs.columns, "expected"], index=inputs.index)


def mean_gains(trees: tuple[str, ...]) -> pd.Series:
    """Share of the total split gain by input, mean of the models, largest first; empty without trees."""
    if not trees:
        return pd.Series(dtype="float64")
    boosters = [_booster(t) for t in trees]
    gains = np.mean([b.feature_importance("gain") for b in boosters], axis=0)
    total = max(float(gains.sum()), 1e-12)
    return pd.Series(gains / total, index=boosters[0].feature_name()).sort_values(ascending=False, kind="stable")
