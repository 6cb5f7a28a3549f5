"""Training of the reference learner: parameters by cross-validation over accounts, one final model, its card.

Here: from training rows to an artefact; equal rows give equal bytes. Not here: where the rows come from (`reference_worlds`), how the
artefact is used (`reference`). `build` is what `uam reference` does.
"""

import hashlib
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from uam_platform.evaluation.reference import (
    Card,
    Reference,
    all_inputs,
    feature_contract_id,
    input_names,
    shipped_codes,
)
from uam_platform.evaluation.reference_worlds import CHURNED, SEED, WEIGHT, Plan, build_worlds
from uam_platform.evaluation.resampling import Codes, Values

FOLDS: Final = 3
_MOST_TREES: Final = 1200
_PATIENCE: Final = 60
_FIXED: Final[dict[str, Any]] = {
    "objective": "binary", "learning_rate": 0.04, "feature_fraction": 0.5, "bagging_fraction": 0.8, "bagging_freq": 1,
    "lambda_l2": 20.0, "max_bin": 127, "deterministic": True, "force_row_wise": True, "feature_pre_filter": False,
    "seed": 20250106, "num_threads": 1, "verbosity": -1,
}  # fmt: skip
CANDIDATES: Final[tuple[dict[str, int], ...]] = (
    {"num_leaves": 4, "min_data_in_leaf": 200},
    {"num_leaves": 8, "min_data_in_leaf": 200},
    {"num_leaves": 15, "min_data_in_leaf": 400},
    {"num_leaves": 31, "min_data_in_leaf": 400},
)
"""From shallow to deep; which depth so many accounts can carry is what cross-validation decides."""


@dataclass(frozen=True)
class Rows:
    """Training rows as a learner sees them."""

    inputs: Values
    churned: Values
    weights: Values
    fold: Codes


def build(plan: Plan, say: Callable[[str], None]) -> Reference:
    """The reference learner of a plan of worlds."""
    from uam_platform.simulation.world.difficulty import WORLD_VERSION

    frames = [pd.read_parquet(path) for path in build_worlds(plan, say)]
    return train(pd.concat(frames, ignore_index=True), WORLD_VERSION, plan, say)


def train(rows: pd.DataFrame, world_version: str, plan: Plan, say: Callable[[str], None]) -> Reference:
    """Choose parameters, train on everything, describe.

    Args:
        rows: `reference_worlds.training_rows` of all worlds.
        world_version: of the worlds.
        plan: which worlds they were.
        say: receives a line per candidate.
    """
    import lightgbm

    account = rows[SEED].astype(str) + ":" + rows["account_id"].astype(str)
    seen = as_rows(rows, account)
    tried = []
    for candidate in CANDIDATES:
        result = cross_validate(seen, candidate)
        say(f"{candidate}: " + ", ".join(f"{name} {value:.5g}" for name, value in result.items()))
        tried.append({**candidate, **result})
    best = min(tried, key=lambda each: each["log_loss"])
    parameters = {**_FIXED, **{name: best[name] for name in CANDIDATES[0]}, "num_trees": int(best["num_trees"])}
    model = _fit(seen, np.ones(len(rows), dtype=bool), parameters)
    card = Card(
        sha256=hashlib.sha256(model.encode()).hexdigest(),
        feature_contract_id=feature_contract_id(),
        world_version=world_version,
        difficulty=plan.difficulty,
        seeds=plan.seeds,
        accounts=int(account.nunique()),
        churned_accounts=int(account[rows[CHURNED].to_numpy(dtype=bool)].nunique()),
        rows=int(rows[WEIGHT].sum()),
        inputs=input_names(),
        codes=shipped_codes().model_dump(mode="json"),
        parameters=parameters,
        cross_validated=tried,
        lightgbm_version=lightgbm.__version__,
    )
    return Reference(card, model)


def as_rows(rows: pd.DataFrame, account: pd.Series) -> Rows:
    """Inputs, outcome, weights and account folds."""
    folds = {name: zlib.crc32(name.encode()) % FOLDS for name in account.unique()}
    return Rows(
        inputs=all_inputs(rows).to_numpy(dtype=np.float64),
        churned=rows[CHURNED].to_numpy(dtype=np.float64),
        weights=rows[WEIGHT].to_numpy(dtype=np.float64),
        fold=account.map(folds).to_numpy(dtype=np.int64),
    )


def cross_validate(rows: Rows, candidate: dict[str, int]) -> dict[str, float]:
    """Out-of-fold quality of a candidate at the number of trees that suits all folds best; an account lies in one fold."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    fits = [_early_stopped(rows, fold, {**_FIXED, **candidate}) for fold in range(FOLDS)]
    trees = max(int(np.mean([fit.best_iteration for fit in fits])), 1)
    predicted = np.empty(len(rows.churned))
    for fold, fit in enumerate(fits):
        out = rows.fold == fold
        predicted[out] = fit.predict(rows.inputs[out], num_iteration=trees, num_threads=1)
    kept = np.clip(predicted, 1e-7, 1 - 1e-7)
    loss = -(rows.churned * np.log(kept) + (1 - rows.churned) * np.log(1 - kept))
    return {
        "log_loss": float(np.average(loss, weights=rows.weights)),
        "roc_auc": float(roc_auc_score(rows.churned, predicted, sample_weight=rows.weights)),
        "average_precision": float(average_precision_score(rows.churned, predicted, sample_weight=rows.weights)),
        "num_trees": float(trees),
    }


def _early_stopped(rows: Rows, fold: int, parameters: dict[str, Any]) -> Any:
    import lightgbm

    inside = rows.fold != fold
    data = _dataset(rows, inside, parameters)
    check = lightgbm.Dataset(rows.inputs[~inside], rows.churned[~inside], weight=rows.weights[~inside], reference=data)
    quiet = [lightgbm.early_stopping(_PATIENCE, verbose=False)]
    return lightgbm.train(parameters, data, _MOST_TREES, valid_sets=[check], callbacks=quiet)


def _fit(rows: Rows, used: Any, parameters: dict[str, Any]) -> str:
    import lightgbm

    rule = {name: value for name, value in parameters.items() if name != "num_trees"}
    text: str = lightgbm.train(rule, _dataset(rows, used, rule), int(parameters["num_trees"])).model_to_string()
    return re.sub(r"\nparameters:.*?\nend of parameters\n", "\n", text, flags=re.DOTALL)


def _dataset(rows: Rows, used: Any, parameters: dict[str, Any]) -> Any:
    import lightgbm

    return lightgbm.Dataset(
        rows.inputs[used],
        rows.churned[used],
        weight=rows.weights[used],
        feature_name=list(input_names()),
        params=parameters,
    )
