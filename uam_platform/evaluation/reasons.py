"""Do the reasons of a score name what was really wrong?

Here: reasons of churned, highly scored accounts beside the one cause that dominated their hidden state, and how steady the model's
reasons are when it is trained again. Not here: how reasons are made (`uam_platform.churn.reasons`), causes of alerts (`alert_matching`).

Judged: accounts that churned, at their last scored Monday at least 14 days before the end, if the score was among the week's highest
tenth (a true positive) and one cause dominated: its level at least 0.25 and twice that of the next. Reasons of contract themes and
reasons that lower the risk do not count. Hits are averaged over causes, so that a common cause cannot carry the figure; against it stand
the constant answers: always naming the same k causes hits k of C.
"""

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from uam_platform.contracts.tables import ACCOUNT_FEATURES, MODELS, SCORE_REASONS
from uam_platform.evaluation.resampling import Values, account_weights, interval
from uam_platform.evaluation.results import LEAST_CHURNED_ACCOUNTS, Row, Section
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.truth import Truth
from uam_platform.policy.churn import Codes
from uam_platform.policy.rulebook import load_rulebook

FAMILY_OF_THEME: Final[Mapping[str, str]] = {
    "friction": "product",
    "support": "support",
    "onboarding": "onboarding",
    "admin_engagement": "people",
    "team_spread": "people",
    "core_use": "value",
    "depth": "value",
    "feature_breadth": "value",
    "consistency": "value",
    "spending": "value",
}
"""The family of causes that a theme of reasons speaks of; a theme that is not listed names none."""

LEAST_LIFE: Final = pd.Timedelta(days=14)
LEAST_LEVEL: Final = 0.25
LEAST_LEAD: Final = 2.0
LEAST_CASES_PER_CAUSE: Final = 10
TOP_SHARE: Final = 0.10
REFIT_DAYS: Final = 84
_LEVEL: Final = "level_"
_REFIT: Final = "rank correlation after retraining"


@dataclass(frozen=True)
class Case:
    """One true positive: the family that was really to blame, the families its reasons name, strongest first."""

    family: str
    named: tuple[str, ...]


def section(run: RunFolder, truth: Truth, rows: pd.DataFrame, seed: int) -> Section:
    """Reasons of true positives, and their steadiness.

    Args:
        run: the run.
        truth: of its world.
        rows: scored account-weeks (`churn_rows`).
        seed: of the resampling.
    """
    blamed = with_dominant_cause(last_weeks(rows, truth.frame("churn")), truth)
    found = cases(run, blamed)
    title = "Reasons: the cause that dominated, among what a score says"
    note = (
        f"{len(found)} churned accounts scored among the week's highest tenth at their last Monday 14 days or more before the end, "
        f"with one dominant cause; by cause {_counted(found)}"
    )
    return Section("reasons", title, (*hit_rows(found, seed), _steadiness(run)), note)


def _counted(found: Sequence[Case]) -> str:
    families = sorted({case.family for case in found})
    return ", ".join(f"{family} {sum(c.family == family for c in found)}" for family in families) or "none"


def last_weeks(rows: pd.DataFrame, churn: pd.DataFrame) -> pd.DataFrame:
    """True positives: account_id, as_of of the last judged week of a churned account that its score put into the highest tenth."""
    place = rows.groupby("as_of")["churn_probability"].rank(ascending=False, method="first", pct=True)
    flagged = rows.assign(is_flagged=place <= TOP_SHARE)[rows["is_churned"].to_numpy(dtype=bool)]
    ends = churn.loc[~churn["is_censored"].astype(bool), ["account_id", "ended_at"]]
    pairs = flagged.merge(ends, on="account_id", how="inner")
    ahead = pairs["ended_at"] - pairs["as_of"]
    late = pairs[(ahead >= LEAST_LIFE) & (ahead <= pd.Timedelta(days=56))]
    last = late.sort_values(["account_id", "as_of"], kind="stable").groupby(["account_id", "ended_at"]).tail(1)
    return last.loc[last["is_flagged"], ["account_id", "as_of"]].sort_values(["as_of", "account_id"], ignore_index=True)


def with_dominant_cause(weeks: pd.DataFrame, truth: Truth) -> pd.DataFrame:
    """`weeks` in which one cause dominated the hidden state, with its family."""
    health, episodes = truth.frame("health"), truth.frame("episodes")
    families = dict(zip(episodes["cause"], episodes["family"], strict=True))
    columns = [c for c in health.columns if c.startswith(_LEVEL) and c.removeprefix(_LEVEL) in families]
    joined = weeks.merge(health[["account_id", "as_of", *columns]], on=["account_id", "as_of"], how="inner")
    if joined.empty or not columns:
        return joined.assign(family=pd.Series(dtype=object))[["account_id", "as_of", "family"]]
    levels = joined[columns].to_numpy(dtype=np.float64)
    ordered = np.sort(levels, axis=1)
    second = ordered[:, -2] if len(columns) > 1 else np.zeros(len(ordered))
    is_clear = (ordered[:, -1] >= LEAST_LEVEL) & (ordered[:, -1] >= LEAST_LEAD * second)
    causes = np.array([families[c.removeprefix(_LEVEL)] for c in columns], dtype=object)
    return joined.assign(family=causes[levels.argmax(axis=1)]).loc[is_clear, ["account_id", "as_of", "family"]]


def cases(run: RunFolder, weeks: pd.DataFrame) -> list[Case]:
    """One case per week, in the order of `weeks`; weeks of scores without trees have contract reasons only and name nothing."""
    run.view(SCORE_REASONS)
    run.connection.con.register("run_blamed", weeks.assign(as_of=weeks["as_of"].astype("datetime64[us]")))
    said = run.query("""
        SELECT r.account_id, r.as_of, r.reason_feature FROM run_churn_score_reasons r
        JOIN run_blamed b ON b.account_id = r.account_id AND b.as_of = r.as_of
        WHERE r.contribution > 0 ORDER BY r.as_of, r.account_id, r.reason_rank
    """)
    themes = {name: rule.theme for name, rule in load_rulebook().churn.features.items()}
    said["family"] = said["reason_feature"].map(themes).map(FAMILY_OF_THEME)
    named: dict[tuple[Any, ...], list[str]] = {}
    for account, as_of, family in said.dropna(subset=["family"])[["account_id", "as_of", "family"]].itertuples(
        index=False
    ):
        named.setdefault((account, pd.Timestamp(as_of)), []).append(family)
    return [
        Case(family, tuple(dict.fromkeys(named.get((account, pd.Timestamp(as_of)), ()))))
        for account, as_of, family in weeks[["account_id", "as_of", "family"]].itertuples(index=False)
    ]


def hit_rows(found: Sequence[Case], seed: int) -> list[Row]:
    """Top-1 and top-3 over causes, plain and corrected for constant answers, and top-1 by cause."""
    counts = pd.Series([case.family for case in found], dtype=object).value_counts()
    families = sorted(counts[counts >= LEAST_CASES_PER_CAUSE].index)
    judged = [case for case in found if case.family in families]
    if len(judged) < LEAST_CHURNED_ACCOUNTS or len(families) < 2:
        note = f"not estimable: {len(found)} true positives with one dominant cause, {LEAST_CHURNED_ACCOUNTS} needed over two causes"
        return [
            Row("reasons, top-1", None, note=note, target="≥ 0.50"),
            Row("reasons, top-3", None, note=note),
            Row("reasons, top-1 corrected", None, note=note),
            Row("reasons, top-3 corrected", None, note=note, target="≥ 0.25"),
        ]
    return _hit_rows(judged, families, seed)


def _hit_rows(judged: Sequence[Case], families: Sequence[str], seed: int) -> list[Row]:
    weights = account_weights(len(judged), seed)
    of = np.array([[case.family == family for family in families] for case in judged], dtype=np.float64)
    plain, corrected = [], []
    for k, target in ((1, "≥ 0.50"), (3, "")):
        hits = np.array([case.family in case.named[:k] for case in judged], dtype=np.float64)
        value, drawn = _macro(np.ones((1, len(judged))), hits, of), _macro(weights, hits, of)
        constant = min(k / len(families), 1.0)
        beside = {"constant answer": constant}
        plain.append(Row(f"reasons, top-{k}", float(value[0]), *interval(drawn), yardsticks=beside, target=target))
        if constant < 1:
            better = [(v - constant) / (1 - constant) for v in (value, drawn)]
            goal = "≥ 0.25" if k == 3 else ""
            note = "(hit - constant) / (1 - constant); 0 is a constant answer"
            corrected.append(
                Row(f"reasons, top-{k} corrected", float(better[0][0]), *interval(better[1]), note=note, target=goal)
            )
    by_cause = [
        Row(
            f"reasons, top-1, {family}",
            float(hits_of.mean()),
            parts={"hits": float(hits_of.sum()), "trials": float(len(hits_of))},
        )
        for family in families
        if len(hits_of := np.array([c.named[:1] == (family,) for c in judged if c.family == family], dtype=np.float64))
    ]
    return [*plain, *corrected, *by_cause]


def _macro(weights: Values, hits: Values, of: Values) -> Values:
    """Mean over families of the share of hits among the family's cases, per line of weights; families that are not drawn are left out."""
    cases_of, hits_of = weights @ of, weights @ (of * hits[:, None])
    rates = np.divide(hits_of, cases_of, out=np.full(cases_of.shape, np.nan), where=cases_of > 0)
    return np.asarray(np.nanmean(rates, axis=1))


def _steadiness(run: RunFolder) -> Row:
    """Spearman's correlation of the mean size of contributions between the latest models and those a quarter before."""
    models = run.frame(MODELS)
    learned = models[models["model_rung"] == "lightgbm"]
    days = pd.to_datetime(learned["as_of"])
    earlier = days[days <= days.max() - pd.Timedelta(days=REFIT_DAYS)]
    if earlier.empty:
        return Row(
            _REFIT,
            None,
            note="not estimable: the run has no two trainings of LightGBM a quarter apart",
            target="≥ 0.80",
        )
    features = run.frame(
        ACCOUNT_FEATURES, where=f"as_of = (SELECT max(as_of) FROM {run.view(ACCOUNT_FEATURES)}) AND is_eligible"
    )
    chosen = [learned.loc[days == day, "model_id"].min() for day in (days.max(), earlier.max())]
    try:
        sizes = [_contribution_sizes(run, model, features) for model in chosen]
    except (OSError, KeyError) as error:
        return Row(
            _REFIT, None, note=f"not estimable: an artefact of the run cannot be read ({error})", target="≥ 0.80"
        )
    both = pd.concat(sizes, axis=1, join="inner")
    found = float(both.corr(method="spearman").to_numpy()[0, 1])
    note = f"mean |contribution| of {len(both)} inputs; models of {days.max():%Y-%m-%d} and {earlier.max():%Y-%m-%d}, same rows"
    return Row(_REFIT, found, unit="ratio", note=note, target="≥ 0.80")


def _contribution_sizes(run: RunFolder, model: str, features: pd.DataFrame) -> pd.Series:
    from uam_platform.churn.boosting import mean_contributions
    from uam_platform.churn.features import matrix

    said = json.loads(gzip.decompress((run.root / "models" / f"{model}.json.gz").read_bytes()))
    inputs = matrix(features, tuple(said["features"]), Codes.model_validate(said["codes"]))
    return mean_contributions(tuple(said["trees"]), inputs).drop(columns="expected").abs().mean()
