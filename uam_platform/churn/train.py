"""Training: one model per account fold, learned only from what was final, calibrated only on accounts it never saw.

Here: the plan of folds. Not here: which rows (`training_rows`), the library (`boosting`), keeping the result (`registry`).

With five folds, ten pair models leave out two folds each. The model that serves fold f is the mean of the four that left out f;
each of these also left out one other fold g, so its margins on g are honest and calibrate the mean (cross-fitting), and the spread
of the four is a jackknife that gives the interval. Time is honest by the embargo in `training_rows`.

Every model starts from the contract hazard of its own rows and learns what behaviour adds: when contracts end is known, and hundreds
of churned accounts are too few to spend on learning it again.

Rows are not weighted to equal accounts by default: accounts that leave have fewer rows, so equal accounts would mean heavier churned
rows and a base rate that is too high. `spell_weight_power` turns it on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import combinations
from typing import Final

import numpy as np
import pandas as pd

from uam_platform.churn.artefact import Artefact, model_id
from uam_platform.churn.baseline import ContractHazard, fit_contract_hazard, starting_log_odds
from uam_platform.churn.boosting import fit_trees, mean_margins
from uam_platform.churn.calibration import Calibration, fit_calibration
from uam_platform.churn.features import feature_contract_id, matrix
from uam_platform.churn.gate import Gate, Values, Verdict, behaviour_gate
from uam_platform.churn.ladder import Rung, Step, choose
from uam_platform.churn.rules import DeclaredIndex, Tilt, declared_index, fit_tilt
from uam_platform.churn.training_rows import eligible_lately, thinned, training_rows
from uam_platform.policy.churn import ChurnPolicy

Pair = frozenset[int]

_RUNGS: Final[Mapping[Verdict, Rung]] = {
    "proven": "lightgbm",
    "unproven": "lightgbm_unproven",
    "useless": "contract_hazard",
}


@dataclass(frozen=True)
class PairModel:
    """Trees learned without two folds, and the contract hazard of the same rows that they start from."""

    trees: str
    hazard: ContractHazard


@dataclass(frozen=True)
class TrainedFold:
    """One trained model.

    Attributes:
        as_of: first snapshot it serves.
        fold: account fold it may score.
        artefact: the model.
        content: its canonical bytes.
        model_id: hash of the bytes.
        trained_label_to: latest day a training label reached to (horizon and grace included); None without rows.
        row_count: rows trained on, before thinning.
        churned_account_count: distinct churned accounts among them.
        gate: whether behaviour beat chance; None where it was not tried.
    """

    as_of: date
    fold: int
    artefact: Artefact
    content: bytes
    model_id: str
    trained_label_to: pd.Timestamp | None
    row_count: int
    churned_account_count: int
    gate: Gate | None


def train(
    features: pd.DataFrame, labels: pd.DataFrame, as_of: date, policy: ChurnPolicy, seed: int, threads: int = 1
) -> list[TrainedFold]:
    """The models that serve from snapshot `as_of` on, one per fold.

    Args:
        features: account_features rows up to `as_of` (later ones are never used).
        labels: labels of them.
        as_of: first snapshot the models serve.
        policy: ladder, parameters, features.
        seed: equal seeds, rows and policy give equal bytes, whatever `threads`.
        threads: of LightGBM.
    """
    rows = training_rows(features, labels, as_of, policy)
    counts = [rows.loc[(rows["fold"] != f) & rows["is_churned"], "account_id"].nunique() for f in range(policy.folds)]
    step = choose(min(counts), policy.ladder)  # one rung for all folds: probabilities of one week stay comparable
    if step.rung != "lightgbm":
        known = eligible_lately(features, as_of, policy)
        index = declared_index(known, policy)
        return [
            _fold(rows, fold, counts[fold], as_of, step, {}, policy, None, (index, known))
            for fold in range(policy.folds)
        ]
    models = _pair_models(rows, policy, seed, threads)
    gate = behaviour_gate(rows, lambda sample: _unseen_margins(sample, models, policy), policy, seed)
    rung = _RUNGS[gate.verdict] if policy.gate.useless_give_way or gate.verdict == "proven" else "lightgbm_unproven"
    step, served = replace(step, rung=rung), models if rung != "contract_hazard" else {}
    return [_fold(rows, fold, counts[fold], as_of, step, served, policy, gate) for fold in range(policy.folds)]


def _unseen_margins(rows: pd.DataFrame, models: Mapping[Pair, PairModel], policy: ChurnPolicy) -> tuple[Values, Values]:
    """Contract log odds of rows and what the trees add, each by the mean of the models that left out the row's fold."""
    start, added = np.empty(len(rows)), np.empty(len(rows))
    inputs = matrix(rows, tuple(policy.features), policy.codes)
    folds = rows["fold"].to_numpy()
    for fold in np.unique(folds):
        own = folds == fold
        mine = [model for pair, model in models.items() if fold in pair]
        starts = [starting_log_odds(model.hazard, rows.loc[own], policy.contract_cells) for model in mine]
        nothing = tuple(np.zeros(int(own.sum())) for _ in mine)
        start[own] = np.mean(starts, axis=0)
        added[own], _ = mean_margins(tuple(model.trees for model in mine), inputs.loc[own], nothing)
    return start, added


def _pair_models(rows: pd.DataFrame, policy: ChurnPolicy, seed: int, threads: int) -> dict[Pair, PairModel]:
    kept, weights = thinned(rows, policy.training)
    inputs = matrix(kept, tuple(policy.features), policy.codes)
    churned, folds = kept["is_churned"].to_numpy(dtype="float64"), kept["fold"].to_numpy()
    models = {}
    for pair in combinations(range(policy.folds), 2):
        used = ~np.isin(folds, pair)
        hazard = fit_contract_hazard(rows.loc[~rows["fold"].isin(pair)], policy)
        start = starting_log_odds(hazard, kept.loc[used], policy.contract_cells)
        trees = fit_trees(inputs.loc[used], churned[used], weights[used], start, policy, seed, threads)
        models[frozenset(pair)] = PairModel(trees, hazard)
    return models


def _fold(
    rows: pd.DataFrame,
    fold: int,
    churned_accounts: int,
    as_of: date,
    step: Step,
    models: Mapping[Pair, PairModel],
    policy: ChurnPolicy,
    gate: Gate | None,
    declared: tuple[DeclaredIndex, pd.DataFrame] | None = None,
) -> TrainedFold:
    seen = rows.loc[rows["fold"] != fold]
    names = tuple(policy.features) if models else ()
    evidence = seen if step.rung != "rules" else seen.iloc[:0]
    hazard = fit_contract_hazard(evidence, policy)
    mine = [models[frozenset((fold, g))] for g in range(policy.folds) if g != fold] if models else []
    artefact = Artefact(
        rung=step.rung,
        fold=fold,
        features=names,
        feature_contract_id=feature_contract_id(names, policy),
        codes=policy.codes,
        cells=policy.contract_cells,
        hazard=hazard,
        calibration=_calibration(seen, fold, models, policy),
        trees=tuple(one.trees for one in mine),
        tree_hazards=tuple(one.hazard for one in mine),
        tilt=_tilt(evidence, hazard, declared, policy) if declared else Tilt(),
    )
    content = artefact.to_bytes()
    reach = None if seen.empty else seen["day"].max() + pd.Timedelta(days=policy.label_lag_days)
    return TrainedFold(as_of, fold, artefact, content, model_id(content), reach, len(seen), churned_accounts, gate)


def _tilt(
    evidence: pd.DataFrame,
    hazard: ContractHazard,
    declared: tuple[DeclaredIndex, pd.DataFrame],
    policy: ChurnPolicy,
) -> Tilt:
    """What the index adds to the contract: learned from outcomes where there are any, else believed, with the mean of the latest weeks."""
    index, known = declared
    accounts = evidence.loc[evidence["is_churned"].astype(bool), "account_id"].nunique()
    rows = evidence if accounts else known
    churned = rows["is_churned"].to_numpy(dtype="float64") if accounts else np.zeros(len(rows))
    start = starting_log_odds(hazard, rows, policy.contract_cells)
    return fit_tilt(index, start, index.of(rows, policy.codes), churned, accounts, policy)


def _calibration(seen: pd.DataFrame, fold: int, models: Mapping[Pair, PairModel], policy: ChurnPolicy) -> Calibration:
    if not models:
        return Calibration("none")
    recent = _recent(seen, policy)
    inputs = matrix(recent, tuple(policy.features), policy.codes)
    margins = np.empty(len(recent), dtype="float64")
    folds = recent["fold"].to_numpy()
    for other in np.unique(folds):
        rows = folds == other
        model = models[frozenset((fold, int(other)))]
        start = starting_log_odds(model.hazard, recent.loc[rows], policy.contract_cells)
        margins[rows], _ = mean_margins((model.trees,), inputs.loc[rows], (start,))
    churned = recent["is_churned"].to_numpy(dtype="float64")
    accounts = recent.loc[recent["is_churned"], "account_id"].nunique()
    kind = choose(accounts, policy.ladder).calibration
    return fit_calibration(margins, churned, accounts, kind)


def _recent(seen: pd.DataFrame, policy: ChurnPolicy) -> pd.DataFrame:
    """The latest weeks, where enough accounts left in them for a slope of their own; else all rows."""
    latest = seen.loc[seen["week"] > seen["week"].max() - policy.training.calibration_weeks]
    enough = latest.loc[latest["is_churned"], "account_id"].nunique() >= policy.ladder.platt
    return latest if enough else seen
