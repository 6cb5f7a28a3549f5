"""Walks along the snapshots: trains where models are due, scores each snapshot with the models it was recorded with.

Here: the order and the bookkeeping of training and scoring. Not here: one training (`train`), one scoring (`score`), the
artefact files (`registry`).
"""

from pathlib import Path

import pandas as pd

from uam_platform.churn import registry
from uam_platform.churn.days import as_day, as_days
from uam_platform.churn.promotion import Comparison, compare
from uam_platform.churn.score import score
from uam_platform.churn.train import TrainedFold, train
from uam_platform.churn.training_rows import training_rows
from uam_platform.contracts.tables import MODELS, SCORE_REASONS, SCORES
from uam_platform.policy.churn import ChurnPolicy


def extend_registry(
    features: pd.DataFrame,
    labels: pd.DataFrame,
    models: pd.DataFrame,
    policy: ChurnPolicy,
    folder: Path,
    seed: int,
    threads: int,
) -> pd.DataFrame:
    """The model registry with every training that is due up to the latest snapshot; rows that exist never change.

    Args:
        features: account_features of all recorded snapshots.
        labels: labels of them.
        models: the registry so far (models contract), possibly empty.
        policy: churn rules.
        folder: where artefacts are kept.
        seed: of the training.
        threads: of LightGBM; the models do not depend on it.

    Returns:
        The models contract, sorted by its key.
    """
    for day in sorted(as_days(features["as_of"]).unique()):
        as_of = day.date()
        if not registry.is_training_day(models, as_of, policy.retrain_every_weeks):
            continue
        trained = train(features, labels, as_of, policy, seed, threads)
        compared = _compared(trained, features, labels, models, policy, folder, seed)
        registry.store(folder, trained)
        rows = registry.model_rows(trained, compared)
        models = rows if models.empty else pd.concat([models, rows], ignore_index=True)
    ordered = models.assign(as_of=as_days(models["as_of"]).dt.date).sort_values(list(MODELS.key), ignore_index=True)
    whole = ordered.reindex(columns=list(MODELS.column_names))  # older registries lack columns
    champions = pd.to_datetime(whole["champion_as_of"]).dt.date
    return whole.assign(
        champion_as_of=champions.astype(object).where(champions.notna(), None),
        is_promoted=whole["is_promoted"].astype("boolean"),
        judged_churned_account_count=whole["judged_churned_account_count"].astype("Int64"),
    )


def _compared(
    trained: list[TrainedFold],
    features: pd.DataFrame,
    labels: pd.DataFrame,
    models: pd.DataFrame,
    policy: ChurnPolicy,
    folder: Path,
    seed: int,
) -> Comparison | None:
    """The new models beside those that serve; None for the first."""
    as_of = trained[0].as_of
    if models.empty or as_days(models.loc[registry.is_promoted(models), "as_of"]).min() > as_day(as_of):
        return None
    serving = registry.serving(models, as_of)
    champion = {
        int(fold): registry.load(folder, str(model))
        for fold, model in zip(serving["fold"], serving["model_id"], strict=True)
    }
    challenger = {one.fold: one.artefact for one in trained}
    rows = training_rows(features, labels, as_of, policy)
    return compare(rows, champion, challenger, as_days(serving["as_of"]).iloc[0].date(), policy, seed)


def score_snapshots(
    features: pd.DataFrame,
    models: pd.DataFrame,
    policy: ChurnPolicy,
    folder: Path,
    groups: pd.DataFrame | None,
    threads: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores and reasons of the given snapshots, each by the models that serve it.

    Args:
        features: account_features rows of the snapshots.
        models: the registry.
        policy: churn rules.
        folder: where artefacts are kept.
        groups: account_id, parent_account_id (see `folds.account_folds`).
        threads: of LightGBM.
    """
    if features.empty:  # an input without accounts
        return pd.DataFrame(columns=SCORES.column_names), pd.DataFrame(columns=SCORE_REASONS.column_names)
    days = as_days(features["as_of"])
    trained = {day: registry.serving(models, as_day(day).date()) for day in sorted(days.unique())}
    first_of = days.map({day: as_days(serving["as_of"]).iloc[0] for day, serving in trained.items()})
    scored, reasons = [], []
    for _, rows in features.groupby(first_of, sort=True):  # all snapshots that the same models serve, at once
        serving = trained[as_days(rows["as_of"]).iloc[0]]
        artefacts = {i: registry.load(folder, i) for i in serving["model_id"]}
        one, why = score(rows, artefacts, policy, groups, threads)
        scored.append(one)
        reasons.append(why)
    return pd.concat(scored, ignore_index=True), pd.concat(reasons, ignore_index=True)
