"""Churn probabilities: ranking, calibration and dollars, beside the contract baseline, the base rate and the latent oracle.

Here: the sections and how each number is to be read. Not here: the metrics (`churn_metrics`), the judged rows (`churn_rows`). Scores are
point in time, by models that saw neither the account nor a later week, so every row is out of sample.
"""

import math
from collections.abc import Mapping
from typing import Final

import numpy as np

from uam_platform.evaluation import churn_metrics as metrics
from uam_platform.evaluation.churn_metrics import BASELINE, ORACLE_SCORE, SCORE, Estimate, Judged
from uam_platform.evaluation.churn_rows import ScoredWeeks, scored_weeks
from uam_platform.evaluation.results import (
    BASE_RATE,
    CONTRACT,
    LEAST_CHURNED_ACCOUNTS,
    ORACLE,
    Row,
    Section,
    not_estimable,
)
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.truth import Truth

LEARNED_RUNG: Final = "lightgbm"
_EVERYTHING: Final = (
    "ROC-AUC", "average precision", "ROC-AUC over the contract baseline", "share of the oracle's ROC margin",
    "share of the oracle's PR margin", "ROC-AUC against the soft truth", "Brier skill over the base rate",
    "Brier skill over the contract baseline", "distance to the oracle's probability", "calibration slope",
    "calibration intercept", "dollars at risk over the oracle's", "dollars, realised",
)  # fmt: skip


def sections(run: RunFolder, truth: Truth, seed: int) -> tuple[Section, ...]:
    """One section over the weeks that LightGBM scored, one over all scored weeks."""
    found = scored_weeks(run, truth)
    learned = found.rows[found.rows["model_rung"] == LEARNED_RUNG]
    rungs = found.rows.groupby("model_rung")["as_of"].nunique().to_dict()
    ladder = ", ".join(f"{rung} in {count}" for rung, count in sorted(rungs.items())) or "none"
    return (
        Section("churn", "Churn, weeks scored by LightGBM", (*rows_of(Judged(learned, seed)),)),
        Section(
            "churn_all",
            "Churn, all scored weeks",
            (*_coverage(found), *rows_of(Judged(found.rows, seed))),
            f"Rungs by snapshots: {ladder}",
        ),
    )


def _coverage(found: ScoredWeeks) -> tuple[Row, ...]:
    population = len(found.rows) + found.censored_count + found.unscored_count
    covered = (population - found.unscored_count) / population if population else None
    note = (
        f"{found.snapshot_count} Mondays; scored outside the population: {found.outside_count:,} (ended, under notice, too young); "
        f"acquired or merged within the horizon, left aside: {found.censored_count:,}"
    )
    return (Row("population scored", covered, note=note),)


def rows_of(judged: Judged) -> list[Row]:
    """All metrics of the judged rows, or one line that says why there are none."""
    size = Row(
        "account-weeks", len(judged.churned), unit="count",
        note=f"{judged.accounts:,} accounts, {judged.churned_accounts:,} of them churned within 56 days of a judged week",
    )  # fmt: skip
    if judged.churned_accounts < LEAST_CHURNED_ACCOUNTS:
        return [size, *(not_estimable(name, judged.churned_accounts) for name in _EVERYTHING)]
    return [size, *_ranking(judged), *_shares(judged), *_calibration(judged), *_dollars(judged)]


def _row(
    metric: str, found: Estimate, unit: str = "ratio", note: str = "", target: str = "", **yardsticks: float | None
) -> Row:
    value = found.value if math.isfinite(found.value) else None
    return Row(metric, value, found.low, found.high, unit, _named(yardsticks), note, target)


def _named(yardsticks: Mapping[str, float | None]) -> dict[str, float | None]:
    names = {"oracle": ORACLE, "contract": CONTRACT, "base": BASE_RATE}
    return {names[key]: value for key, value in yardsticks.items()}


def _same(values: np.float64) -> np.float64:
    return values


def _ranking(judged: Judged) -> list[Row]:
    auc, ap, soft = (
        {score: judged.ranking(kind, score) for score in (SCORE, BASELINE, ORACLE_SCORE)}
        for kind in ("auc", "ap", "soft_auc")
    )
    prevalence = float(judged.churned.mean())
    gain = judged.combined(lambda own, other: own - other, auc[SCORE], auc[BASELINE])
    return [
        _row("ROC-AUC", judged.combined(_same, auc[SCORE]), oracle=auc[ORACLE_SCORE][0], contract=auc[BASELINE][0], base=0.5),
        _row("average precision", judged.combined(_same, ap[SCORE]), oracle=ap[ORACLE_SCORE][0], contract=ap[BASELINE][0], base=prevalence),
        _row("ROC-AUC over the contract baseline", gain, note="paired by account", target="above 0"),
        _row(
            "ROC-AUC against the soft truth", judged.combined(_same, soft[SCORE]), oracle=soft[ORACLE_SCORE][0],
            contract=soft[BASELINE][0], note="pairs weighted p (1 - p') by the oracle's probabilities: less noise",
        ),
    ]  # fmt: skip


def _shares(judged: Judged) -> list[Row]:
    prevalence = float(judged.churned.mean())
    rows = []
    for kind, label, nothing, target in (
        ("auc", "share of the oracle's ROC margin", 0.5, "≥ 0.80"),
        ("soft_auc", "share of the oracle's soft ROC margin", 0.5, ""),
        ("ap", "share of the oracle's PR margin", prevalence, "≥ 0.40"),
    ):
        own, baseline, oracle = (judged.ranking(kind, score) for score in (SCORE, BASELINE, ORACLE_SCORE))
        found = judged.combined(lambda a, b, base=nothing: metrics.share_of(a, b, base), own, oracle)
        beside = float(metrics.share_of(baseline[0], oracle[0], nothing))
        rows.append(_row(label, found, target=target, contract=beside))
    return rows


def _calibration(judged: Judged) -> list[Row]:
    slope, intercept = metrics.calibration(judged, SCORE)
    baseline, oracle = metrics.calibration(judged, BASELINE), metrics.calibration(judged, ORACLE_SCORE)
    constant = np.full_like(judged.churned, judged.churned.mean())
    return [
        _row(
            "Brier skill over the base rate", metrics.brier_skill(judged, SCORE, None),
            oracle=metrics.brier_skill(judged, ORACLE_SCORE, None).value,
            contract=metrics.brier_skill(judged, BASELINE, None).value, target="above contract",
        ),
        _row("Brier skill over the contract baseline", metrics.brier_skill(judged, SCORE, BASELINE), target="above 0"),
        _row(
            "distance to the oracle's probability", metrics.soft_distance(judged, judged.scores[SCORE]),
            contract=metrics.soft_distance(judged, judged.scores[BASELINE]).value,
            base=metrics.soft_distance(judged, constant).value, note="root mean square; 0 is the oracle",
        ),
        _row(
            "calibration slope", slope, target="0.85 to 1.15",
            contract=baseline[0].value, oracle=oracle[0].value,
        ),
        _row(
            "calibration intercept", intercept, "log odds", note="slope held at 1; below 0: probabilities too high",
            contract=baseline[1].value, oracle=oracle[1].value,
        ),
    ]  # fmt: skip


def _dollars(judged: Judged) -> list[Row]:
    known = float(np.isfinite(judged.mrr).mean())
    z = metrics.realised_z(judged, SCORE)
    return [
        _row(
            "dollars at risk over the oracle's", metrics.dollars(judged, SCORE), target="0.85 to 1.15",
            contract=metrics.dollars(judged, BASELINE).value, note=f"sum of p x MRR; MRR known for {known:.1%} of rows",
        ),
        _row(
            "dollars, realised", Estimate(z), "SD", target="-2 to 2", contract=metrics.realised_z(judged, BASELINE),
            note="sum of (p - y) x MRR on snapshots 56 days apart; above 0: too much foretold",
        ),
    ]  # fmt: skip
