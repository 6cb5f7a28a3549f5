"""Scores of the eligible accounts of snapshots, with intervals and reasons.

Here: applying the pinned models. Not here: choosing them (`registry.serving`), training (`train`), wording (`reasons`).

The 80 % interval of a LightGBM score is symmetric in log odds: margin +- t(0.9, folds - 2) x sqrt(jackknife variance of the trees +
1 / churned accounts), the second part for the calibration's own level. On the other rungs it is the Beta interval of the contract
cell. It covers what is not known about the probability, not whether this one account leaves.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from uam_platform.churn.artefact import Artefact
from uam_platform.churn.baseline import beta_interval, look_up, starting_log_odds
from uam_platform.churn.boosting import mean_margins
from uam_platform.churn.calibration import calibrate, sigmoid
from uam_platform.churn.diagnosis import Diagnosed, diagnose
from uam_platform.churn.features import matrix
from uam_platform.churn.folds import account_folds
from uam_platform.churn.reasons import cell_reasons, index_reasons, tree_reasons
from uam_platform.churn.rules import contract_log_odds
from uam_platform.contracts.tables import SCORE_REASONS, SCORES
from uam_platform.policy.churn import ChurnPolicy

Values = npt.NDArray[np.float64]


def score(
    features: pd.DataFrame,
    models: Mapping[str, Artefact],
    policy: ChurnPolicy,
    groups: pd.DataFrame | None = None,
    threads: int = 1,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores and reasons of the eligible rows.

    Args:
        features: account_features rows of one or more snapshots that the same models serve.
        models: artefacts by model_id, one per fold.
        policy: folds and wording; inputs and cells come from the artefacts.
        groups: account_id, parent_account_id, as given to `labels`.
        threads: of LightGBM; results do not depend on it.

    Returns:
        Frames of the scores and score_reasons contracts, sorted by their keys.

    Raises:
        ValueError: a fold has no model, or more than one.
    """
    by_fold = {artefact.fold: (identifier, artefact) for identifier, artefact in models.items()}
    if len(by_fold) != len(models) or set(by_fold) != set(range(policy.folds)):
        raise ValueError(f"need one model for each of {policy.folds} folds, got folds {sorted(by_fold)}")
    rows = features.loc[features["is_eligible"].astype(bool)].reset_index(drop=True)
    folds = account_folds(rows["account_id"], policy.folds, groups)
    diagnosed = diagnose(rows, policy.diagnosis) if policy.diagnosis.explanations else None
    scored, reasons = [], []
    for fold, (identifier, artefact) in sorted(by_fold.items()):
        part = rows.loc[folds == fold]
        own = diagnosed.of(part.index) if diagnosed else None
        one, why = _score_fold(part, artefact, policy, threads, own)
        scored.append(one.assign(model_id=identifier, fold=np.int16(fold)))
        reasons.append(why)
    return _stored(scored, SCORES.column_names), _stored(reasons, SCORE_REASONS.column_names)


def probabilities(rows: pd.DataFrame, artefact: Artefact, threads: int = 1) -> Values:
    """Churn probabilities of account_features rows by one model, whatever fold they are of."""
    if not artefact.trees:
        return _tilted(look_up(artefact.hazard, rows, artefact.cells)[0], rows, artefact)
    starts = tuple(starting_log_odds(hazard, rows, artefact.cells) for hazard in artefact.tree_hazards)
    return _tree_scores(matrix(rows, artefact.features, artefact.codes), starts, artefact, threads)[0]


def _tilted(probability: Values, rows: pd.DataFrame, artefact: Artefact) -> Values:
    """Contract hazards moved by the declared index."""
    if not artefact.tilt.slope:
        return probability
    return sigmoid(contract_log_odds(probability) + artefact.tilt.of(rows, artefact.codes))


def _stored(parts: list[pd.DataFrame], columns: tuple[str, ...]) -> pd.DataFrame:
    filled = [part for part in parts if len(part)] or parts[:1]
    order = ["account_id", "as_of", *(["reason_rank"] if "reason_rank" in columns else [])]
    return pd.concat(filled, ignore_index=True).loc[:, list(columns)].sort_values(order, ignore_index=True)


def _score_fold(
    rows: pd.DataFrame, artefact: Artefact, policy: ChurnPolicy, threads: int, diagnosed: Diagnosed | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    baseline, accounts = look_up(artefact.hazard, rows, artefact.cells)
    if artefact.trees:
        inputs = matrix(rows, artefact.features, artefact.codes)
        starts = tuple(starting_log_odds(hazard, rows, artefact.cells) for hazard in artefact.tree_hazards)
        probability, low, high = _tree_scores(inputs, starts, artefact, threads)
        is_proven = artefact.rung == "lightgbm"
        reasons = (
            tree_reasons(rows, inputs, artefact, policy, threads, diagnosed)
            if is_proven
            else cell_reasons(rows, artefact, policy)
        )
    else:
        probability = _tilted(baseline, rows, artefact)
        low, high = beta_interval(probability, accounts)
        reasons = index_reasons(rows, artefact, policy) if artefact.tilt.slope else cell_reasons(rows, artefact, policy)
    scores = rows[["account_id", "as_of", "decision_at", "snapshot_version"]].assign(
        churn_probability=probability,
        score_low=low,
        score_high=high,
        baseline_probability=baseline,
        model_rung=artefact.rung,
    )
    return scores, reasons


def _tree_scores(
    inputs: pd.DataFrame, starts: tuple[Values, ...], artefact: Artefact, threads: int
) -> tuple[Values, Values, Values]:
    from scipy.special import stdtrit

    margin, error = mean_margins(artefact.trees, inputs, starts, threads)
    calibration = artefact.calibration
    log_odds = calibrate(margin, calibration)
    width = stdtrit(len(artefact.trees) - 1, 0.9) * np.sqrt(
        (calibration.slope * error) ** 2 + calibration.margin_error**2
    )
    return sigmoid(log_odds), sigmoid(log_odds - width), sigmoid(log_odds + width)
