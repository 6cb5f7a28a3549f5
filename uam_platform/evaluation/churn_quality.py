"""How well churn probabilities rank and how honest they are, beside every yardstick.

Here: the rows on ranking, on shares of the oracle's and of the reference learner's margin, on calibration. Not here: dollars
(`churn_dollars`), which account-weeks are judged (`churn_rows`).
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from uam_platform.evaluation import churn_metrics as metrics
from uam_platform.evaluation.churn_beside import NAMES, PROBABILITIES, RANKING, beside, row
from uam_platform.evaluation.churn_metrics import BASELINE, ORACLE_SCORE, SCORE, Estimate, Judged
from uam_platform.evaluation.foreknowledge import LEAK, METRIC, foreknowledge_row
from uam_platform.evaluation.results import BASE_RATE, CONTRACT, ORACLE, Row
from uam_platform.evaluation.yardsticks import BASE_SCORE, HAND_SCORE, LOGISTIC_SCORE, REFERENCE_SCORE

RANKING_METRICS: Final = (
    "ROC-AUC", "average precision", "ROC-AUC over the contract baseline", "ROC-AUC over the oracle",
    "average precision over the oracle", METRIC, "ROC-AUC against the soft truth",
)  # fmt: skip
SHARE_METRICS: Final = (
    "share of the oracle's ROC margin", "share of the oracle's soft ROC margin", "share of the oracle's PR margin",
    "share of the reference's ROC margin", "share of the reference's PR margin", "lift over the contract baseline",
)  # fmt: skip
CALIBRATION_METRICS: Final = (
    "Brier skill over the base rate", "Brier skill over the contract baseline", "distance to the oracle's probability",
    "calibration slope", "calibration intercept", "calibration error (ECE)",
)  # fmt: skip


def ranking_rows(judged: Judged) -> list[Row]:
    """ROC-AUC and average precision, their differences to the contract baseline and to the oracle."""
    prevalence = float(judged.churned.mean())
    rows = []
    for kind, label, nothing in (("auc", "ROC-AUC", 0.5), ("ap", "average precision", prevalence)):
        named = beside(judged, RANKING, lambda s, k=kind: judged.ranked(k, s)) | {BASE_RATE: nothing}  # type: ignore[misc]
        rows.append(row(label, _estimate(judged, kind, SCORE), yardsticks=named))
    gain = _difference(judged, "auc", BASELINE)
    over_contract = {
        ORACLE: judged.ranked("auc", ORACLE_SCORE) - judged.ranked("auc", BASELINE),
        **beside(judged, (REFERENCE_SCORE,), lambda s: judged.ranked("auc", s) - judged.ranked("auc", BASELINE)),
    }
    soft = beside(judged, RANKING, lambda s: judged.ranked("soft_auc", s))
    return [
        *rows,
        row("ROC-AUC over the contract baseline", gain, note="paired by account", target="above 0", yardsticks=over_contract),
        _guard(judged, "auc", "ROC-AUC over the oracle"),
        _guard(judged, "ap", "average precision over the oracle"),
        foreknowledge_row(judged),
        row(
            "ROC-AUC against the soft truth", _estimate(judged, "soft_auc", SCORE), yardsticks=soft,
            note="pairs weighted p (1 - p') by the oracle's probabilities: less noise",
        ),
    ]  # fmt: skip


def _estimate(judged: Judged, kind: str, score: str) -> Estimate:
    return judged.combined(_same, judged.ranking(kind, score))


def _same(values: np.float64) -> np.float64:
    return values


def _difference(judged: Judged, kind: str, other: str) -> Estimate:
    return judged.combined(lambda a, b: a - b, judged.ranking(kind, SCORE), judged.ranking(kind, other))


def _guard(judged: Judged, kind: str, label: str) -> Row:
    """Nobody who knows only the past can beat the latent oracle: a lower bound above it is a leak and fails."""
    found = _difference(judged, kind, ORACLE_SCORE)
    is_leak = found.low is not None and found.low > 0
    note = (
        f"{LEAK}: the score knows more of the outcome than the full hidden state tells; some input sees the future"
        if is_leak
        else "paired by account; a lower bound above 0 would be a leak"
    )
    named = beside(
        judged, (REFERENCE_SCORE, BASELINE), lambda s: judged.ranked(kind, s) - judged.ranked(kind, ORACLE_SCORE)
    )
    return row(label, found, note=note, target="not above 0", yardsticks=named)


def share_rows(judged: Judged, no_reference: str) -> list[Row]:
    """Shares of the oracle's and the reference learner's margins, and the lift over the contract baseline.

    Args:
        judged: account-weeks.
        no_reference: why there is no reference learner; said where it is missing.
    """
    prevalence = float(judged.churned.mean())
    oracle = [
        _share(judged, kind, ORACLE_SCORE, label, nothing, target)
        for kind, label, nothing, target in (
            ("auc", SHARE_METRICS[0], 0.5, "≥ 0.80"),
            ("soft_auc", SHARE_METRICS[1], 0.5, ""),
            ("ap", SHARE_METRICS[2], prevalence, "≥ 0.40"),
        )
    ]
    targets = ("≥ 0.92", "≥ 0.65", "≥ 0.50")
    if REFERENCE_SCORE not in judged.scores:
        missing = [Row(m, None, note=no_reference, target=t) for m, t in zip(SHARE_METRICS[3:], targets, strict=True)]
        return [*oracle, *missing]
    return [
        *oracle,
        _share(judged, "auc", REFERENCE_SCORE, SHARE_METRICS[3], 0.5, targets[0]),
        _share(judged, "ap", REFERENCE_SCORE, SHARE_METRICS[4], prevalence, targets[1]),
        _lift(judged, targets[2]),
    ]


def _share(judged: Judged, kind: str, reference: str, label: str, nothing: float, target: str) -> Row:
    own, whole = judged.ranking(kind, SCORE), judged.ranking(kind, reference)
    found = judged.combined(lambda a, b: metrics.share_of(a, b, nothing), own, whole)
    others = tuple(s for s in RANKING if s != reference)
    named, parts = _divided(
        {SCORE: own[0], **{s: judged.ranked(kind, s) for s in others if s in judged.scores}}, nothing, whole[0]
    )
    return row(label, found, target=target, yardsticks=named, parts=parts)


def _lift(judged: Judged, target: str) -> Row:
    own, low, high = (judged.ranking("auc", s) for s in (SCORE, BASELINE, REFERENCE_SCORE))
    found = judged.combined(lambda a, b, r: metrics.share_of(a - b, r - b, 0.0), own, low, high)
    others: dict[str, float] = {
        s: judged.ranked("auc", s) for s in (ORACLE_SCORE, LOGISTIC_SCORE, HAND_SCORE) if s in judged.scores
    }
    named, parts = _divided({SCORE: own[0], **others}, low[0], high[0])
    note = "(A - contract's) / (reference learner's - contract's), ROC-AUC"
    return row(SHARE_METRICS[5], found, target=target, yardsticks=named, parts=parts, note=note)


def _divided(
    values: Mapping[str, float], nothing: float, whole: float
) -> tuple[dict[str, float | None], dict[str, float]]:
    """Shares of a margin by yardstick, and what was divided, so that worlds are pooled as a ratio of means."""
    margin = whole - nothing
    parts = {"numerator": values[SCORE] - nothing, "denominator": margin}
    named = {NAMES[s]: value for s, value in values.items() if s != SCORE}
    parts |= {f"numerator {name}": value - nothing for name, value in named.items()}
    return {name: (value - nothing) / margin if margin > 0 else None for name, value in named.items()}, parts


def calibration_rows(judged: Judged) -> list[Row]:
    """Brier skill, distance to the oracle, slope and intercept, calibration error beside that of the base rate."""
    slope, intercept = metrics.calibration(judged, SCORE)
    fits: dict[str, tuple[Estimate, Estimate]] = {
        s: metrics.calibration(judged, s) for s in PROBABILITIES if s in judged.scores
    }
    constant = np.full_like(judged.churned, judged.churned.mean())
    base = {BASE_RATE: metrics.soft_distance(judged, constant).value}
    contract_skill = {CONTRACT: metrics.brier_skill(judged, BASELINE, None).value}
    return [
        row(
            "Brier skill over the base rate", metrics.brier_skill(judged, SCORE, None), target="above contract",
            yardsticks=beside(judged, PROBABILITIES, lambda s: metrics.brier_skill(judged, s, None).value) | contract_skill,
        ),
        row(
            "Brier skill over the contract baseline", metrics.brier_skill(judged, SCORE, BASELINE), target="above 0",
            yardsticks=beside(judged, PROBABILITIES[:-1], lambda s: metrics.brier_skill(judged, s, BASELINE).value),
        ),
        row(
            "distance to the oracle's probability", metrics.soft_distance(judged, judged.scores[SCORE]),
            note="root mean square; 0 is the oracle",
            yardsticks=beside(judged, PROBABILITIES[1:], lambda s: metrics.soft_distance(judged, judged.scores[s]).value) | base,
        ),
        row(
            "calibration slope", slope, target="0.85 to 1.15", yardsticks=beside(judged, PROBABILITIES, lambda s: fits[s][0].value),
        ),
        row(
            "calibration intercept", intercept, "log odds", note="slope held at 1; below 0: probabilities too high",
            yardsticks=beside(judged, PROBABILITIES, lambda s: fits[s][1].value),
        ),
        row(
            "calibration error (ECE)", metrics.calibration_error(judged, SCORE),
            note="gates nothing: predicting the base rate alone already gives a small one",
            yardsticks=beside(judged, (*PROBABILITIES, BASE_SCORE), lambda s: metrics.calibration_error(judged, s).value),
        ),
    ]  # fmt: skip
