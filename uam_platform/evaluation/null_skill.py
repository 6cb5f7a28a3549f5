"""Does a score seem to know something where there is nothing to know?

Here: training and scoring anew on given labels, labels permuted between alike contracts, skill beyond the contract baseline. Not here:
worlds without signal (`null_worlds`), the verdicts (`nulls`).
"""

from datetime import date
from typing import Final

import numpy as np
import pandas as pd

from uam_platform.evaluation.churn_metrics import Estimate
from uam_platform.evaluation.ranking import Ranking
from uam_platform.evaluation.resampling import account_weights, interval
from uam_platform.evaluation.results import LEAST_CHURNED_ACCOUNTS
from uam_platform.policy.churn import ChurnPolicy

TRAINED_SHARE: Final = 0.6
"""Share of the labelled weeks after which the models of a null are trained; the later weeks are scored."""

PERMUTATIONS: Final = 5
LEARNED_RUNG: Final = "lightgbm"


def permuted_labels(features: pd.DataFrame, labels: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Labels in which every account has the label history of another one of its contract stratum.

    Strata: billing period, and for annual terms the month of renewal, so that what contracts say of leaving stays while behaviour
    belongs to somebody else. Weeks in which the other account has no label are left out. The fold stays that of the account.

    Args:
        features: account_features.
        labels: labels of them.
        seed: of the permutation.
    """
    donors = _donors(features, np.random.default_rng(seed))
    outcomes = labels.drop(columns=["fold"]).rename(columns={"account_id": "donor_id"})
    kept = labels[["account_id", "as_of", "fold"]].assign(donor_id=labels["account_id"].map(donors))
    found = kept.merge(outcomes, on=["donor_id", "as_of"], how="inner", validate="1:1").drop(columns="donor_id")
    return found[list(labels.columns)].sort_values(["account_id", "as_of"], ignore_index=True)


def _donors(features: pd.DataFrame, rng: np.random.Generator) -> dict[str, str]:
    first = features.sort_values("as_of").drop_duplicates("account_id").sort_values("account_id")
    renewal = pd.to_datetime(first["as_of"]) + pd.to_timedelta(
        first["days_to_renewal"].fillna(0).astype(float), unit="D"
    )
    month = renewal.dt.month.astype(str)
    stratum = first["billing_period"].fillna("none").astype(str)
    stratum = stratum.where(stratum != "annual", "annual|" + month)
    donors: dict[str, str] = {}
    for _, group in first["account_id"].groupby(stratum, sort=True):
        own = group.to_numpy(dtype=object)
        donors.update(zip(own, rng.permutation(own), strict=True))
    return donors


def training_day(labels: pd.DataFrame, share: float = TRAINED_SHARE) -> date:
    """The snapshot from which on the models of a null serve."""
    days = np.sort(pd.to_datetime(labels.loc[labels["is_label_closed"].astype(bool), "as_of"]).unique())
    return pd.Timestamp(days[int(len(days) * share)]).date()


def forecast(
    features: pd.DataFrame,
    labels: pd.DataFrame,
    policy: ChurnPolicy,
    seed: int,
    judged: tuple[pd.DataFrame, pd.DataFrame] | None = None,
) -> pd.DataFrame:
    """Later weeks scored by models trained on earlier ones, each account by models that never saw it.

    Args:
        features: account_features to train on.
        labels: labels of them.
        policy: of the training.
        seed: of the training.
        judged: features and labels of another world to score instead; folds go by account id there too.

    Returns:
        account_id, as_of, is_churned, churn_probability, baseline_probability, model_rung.
    """
    from uam_platform.churn.backtest import closed_scores
    from uam_platform.churn.score import score
    from uam_platform.churn.train import train

    as_of = training_day(labels)
    open_gate = policy.gate.model_copy(update={"useless_give_way": False})  # what was learned is judged, not the gate
    policy = policy.model_copy(update={"gate": open_gate})
    models = {each.model_id: each.artefact for each in train(features, labels, as_of, policy, seed)}
    rows, outcome = judged or (features, labels)
    later = rows[(pd.to_datetime(rows["as_of"]) >= pd.Timestamp(as_of)) & rows["is_eligible"].astype(bool)]
    scored, _ = score(later, models, policy)
    closed = closed_scores(scored, outcome)
    return closed.assign(is_churned=closed["churned"].astype(bool)).drop(columns="churned")


def skill(
    rows: pd.DataFrame, seed: int, score: str = "churn_probability", over: str | None = "baseline_probability"
) -> Estimate:
    """ROC-AUC of a score minus that of another one (of guessing where there is none), with its account-cluster interval.

    NaN without interval where too few accounts churned, or where the ladder fell back to contract terms: nothing was learned there, so
    no skill would mean nothing.
    """
    if not is_telling(rows):
        return Estimate(float("nan"))
    codes, names = pd.factorize(rows["account_id"], sort=True)
    accounts = np.asarray(codes, dtype=np.int64)
    weights = account_weights(len(names), seed)
    churned = rows["is_churned"].to_numpy(dtype=np.float64)
    values, drawn = [], []
    for name in (score, over):
        if name is None:
            values.append(0.5)
            drawn.append(np.full(len(weights), 0.5))
            continue
        ranking = Ranking(rows[name].to_numpy(dtype=np.float64), accounts, len(names))
        values.append(ranking.value("auc", churned, 1 - churned))
        drawn.append(ranking.draws("auc", churned, 1 - churned, weights))
    return Estimate(values[0] - values[1], *interval(drawn[0] - drawn[1]))


def is_telling(rows: pd.DataFrame) -> bool:
    """Whether the rows were scored by learned models and enough of their accounts churned."""
    churned = rows.loc[rows["is_churned"], "account_id"].nunique()
    return churned >= LEAST_CHURNED_ACCOUNTS and bool(rows["model_rung"].str.startswith(LEARNED_RUNG).all())


def permuted_skill(
    features: pd.DataFrame, labels: pd.DataFrame, policy: ChurnPolicy, seed: int, times: int = PERMUTATIONS
) -> Estimate:
    """Mean skill beyond contract over several permutations, each trained anew, with its t interval over them.

    One permutation may lie above 0 by chance in one case out of forty; the mean of several may not.
    """
    from scipy.stats import t

    found = []
    for number in range(seed, seed + times):
        rows = forecast(features, permuted_labels(features, labels, number), policy, number)
        found.append(skill(rows, number).value)
    if not np.isfinite(found).all():
        return Estimate(float("nan"))
    half = float(t.ppf(0.975, times - 1) * np.std(found, ddof=1) / np.sqrt(times))
    return Estimate(float(np.mean(found)), float(np.mean(found)) - half, float(np.mean(found)) + half)
