"""Churn probabilities: ranking, calibration and dollars, beside every yardstick.

Here: the sections and which account-weeks they judge. Not here: their rows (`churn_quality`, `churn_dollars`, `saved_dollars`), the
account-weeks (`churn_rows`), the yardsticks (`yardsticks`, `reference`). Scores are point in time, by models that saw neither the
account nor a later week, so every row is out of sample.
"""

from typing import Final

from uam_platform.evaluation import churn_dollars, churn_quality, saved_dollars
from uam_platform.evaluation.churn_curves import curves
from uam_platform.evaluation.churn_metrics import Judged
from uam_platform.evaluation.churn_rows import ScoredWeeks, scored_weeks
from uam_platform.evaluation.reasons import section as reasons_section
from uam_platform.evaluation.reference import Reference, ReferenceError, reference_for
from uam_platform.evaluation.results import LEAST_CHURNED_ACCOUNTS, Curve, Row, Section, not_estimable
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.truth import Truth
from uam_platform.evaluation.yardsticks import REFERENCE_SCORE, with_yardsticks

LEARNED_RUNG: Final = "lightgbm"
_EVERYTHING: Final = (
    *churn_quality.RANKING_METRICS, *churn_quality.SHARE_METRICS, *churn_quality.CALIBRATION_METRICS,
    *churn_dollars.DOLLAR_METRICS, *saved_dollars.SAVED_METRICS,
)  # fmt: skip


def sections(run: RunFolder, truth: Truth, seed: int) -> tuple[Section, ...]:
    """One section over the weeks that LightGBM scored, one over all scored weeks, one on reasons."""
    found = scored_weeks(run, truth)
    reference, said = _reference(truth)
    rows = with_yardsticks(found.rows, found.features)
    if reference is not None:
        rows = rows.assign(**{REFERENCE_SCORE: reference.scores(found.features)})
    learned = Judged(rows[rows["model_rung"].str.startswith(LEARNED_RUNG)], seed)
    everything = Judged(rows, seed)
    rungs = rows.groupby("model_rung")["as_of"].nunique().to_dict()
    ladder = ", ".join(f"{rung} in {count}" for rung, count in sorted(rungs.items())) or "none"
    note = f"Rungs by snapshots: {ladder}. Reference learner: {said}"
    return (
        Section("churn", "Churn, weeks scored by LightGBM", (*rows_of(learned, said),), note, _curves(learned)),
        Section("churn_all", "Churn, all scored weeks", (*_coverage(found), *rows_of(everything, said)), note),
        reasons_section(run, truth, rows, seed),
    )


def _reference(truth: Truth) -> tuple[Reference | None, str]:
    try:
        found = reference_for(truth.world())
    except ReferenceError as error:
        return None, str(error)
    return found, found.card.summary


def _coverage(found: ScoredWeeks) -> tuple[Row, ...]:
    population = len(found.rows) + found.censored_count + found.unscored_count
    covered = (population - found.unscored_count) / population if population else None
    note = (
        f"{found.snapshot_count} Mondays; scored outside the population: {found.outside_count:,} (ended, under notice, too young); "
        f"acquired or merged within the horizon, left aside: {found.censored_count:,}"
    )
    return (Row("population scored", covered, note=note),)


def rows_of(judged: Judged, no_reference: str = "") -> list[Row]:
    """All metrics of the judged rows, or one line that says why there are none."""
    size = Row(
        "account-weeks", len(judged.churned), unit="count",
        note=f"{judged.accounts:,} accounts, {judged.churned_accounts:,} of them churned within 56 days of a judged week",
    )  # fmt: skip
    if judged.churned_accounts < LEAST_CHURNED_ACCOUNTS:
        return [size, *(not_estimable(name, judged.churned_accounts) for name in _EVERYTHING)]
    return [
        size,
        *churn_quality.ranking_rows(judged),
        *churn_quality.share_rows(judged, no_reference),
        *churn_quality.calibration_rows(judged),
        *churn_dollars.dollar_rows(judged),
        *saved_dollars.saved_rows(judged, saved_dollars.default_budget()),
    ]


def _curves(judged: Judged) -> tuple[Curve, ...]:
    return curves(judged) if judged.churned_accounts >= LEAST_CHURNED_ACCOUNTS else ()
