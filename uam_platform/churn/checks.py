"""The model card: how the recorded scores turned out, as an asset with plots and a check of its own.

Here: the Dagster face of the backtest and of the promotion of models. Not here: the metrics (`backtest`), the comparison (`promotion`),
the plots (`plots`).
"""

from typing import Any

import dagster as dg
import ibis.expr.types as ir
import pandas as pd

from uam_platform.churn import plots, registry
from uam_platform.churn.backtest import backtest, closed_scores
from uam_platform.churn.boosting import mean_gains
from uam_platform.churn.days import as_days
from uam_platform.churn.promotion import told
from uam_platform.contracts import tables
from uam_platform.lake.io_manager import markdown_table
from uam_platform.orchestration.assets import report_attributes, table_in
from uam_platform.orchestration.plots import image
from uam_platform.orchestration.wiring import Wiring

MODEL_CARD = dg.AssetKey(["churn", "model_card"])
_TRAININGS_SHOWN = 12
_COMPARED = (
    "champion_loss",
    "challenger_loss",
    "loss_difference_low",
    "loss_difference_high",
    "judged_churned_account_count",
)
_METRICS = dg.TableSchema.from_name_type_dict({"metric": "string", "value": "double"})


def model_card_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """Backtest of all scores whose horizon has passed."""

    @dg.asset(
        key=MODEL_CARD,
        ins={
            "scores": table_in(tables.SCORES, dg.AllPartitionMapping()),
            "labels": table_in(tables.LABELS),
            "models": table_in(tables.MODELS),
        },
        group_name="churn",
        **report_attributes(
            "How recorded scores turned out once their horizon had passed: ranking, calibration, what the model looks at. Scores "
            "are point in time and by models that never saw the account, so this is a true backtest.",
            "one metric",
            _METRICS,
            layer="model",
            pii="none",
            trigger="snapshot_schedule",
            kinds={"scikitlearn"},
        ),
    )
    def model_card(scores: ir.Table, labels: ir.Table, models: ir.Table) -> dg.MaterializeResult:
        scored, outcomes = scores.to_pandas(), labels.to_pandas()
        rows = closed_scores(scored, outcomes)
        registered = models.to_pandas()
        serving = registry.serving(registered, as_days(registered["as_of"]).max().date())
        artefacts = [registry.load(wiring.settings.models_dir, i) for i in serving["model_id"]]
        gains = mean_gains(tuple(tree for artefact in artefacts for tree in artefact.trees))
        return dg.MaterializeResult(
            metadata={
                **backtest(scored, outcomes).as_metadata(),
                "rung": ", ".join(sorted(serving["model_rung"].unique())),
                "serving_since": str(serving["as_of"].iloc[0])[:10],
                "champion_and_challenger": told(latest_training(registered)),
                "trainings": dg.MetadataValue.md(markdown_table(trainings(registered))),
                "reliability": image(plots.reliability_plot(rows), "reliability"),
                "gains": image(plots.gains_plot(rows), "gains"),
                "what_the_model_looks_at": image(plots.importance_plot(gains), "importance"),
            }
        )

    return model_card


def latest_training(models: pd.DataFrame) -> dict[Any, Any]:
    """One row of the latest training; all folds of a training were judged together."""
    return dict(models.sort_values(["as_of", "fold"]).groupby("as_of").head(1).iloc[-1])


def trainings(models: pd.DataFrame) -> pd.DataFrame:
    """The latest trainings, newest first, with what was said of each."""
    firsts = models.sort_values(["as_of", "fold"]).groupby("as_of").head(1).tail(_TRAININGS_SHOWN).iloc[::-1]
    said = [told(row) for row in firsts.to_dict("records")]
    return pd.DataFrame(
        {"trained": firsts["as_of"].astype(str).str[:10], "rung": firsts["model_rung"], "verdict": said}
    )


def promotion_check() -> dg.AssetChecksDefinition:
    """A new model may not be worse than the one that serves."""

    @dg.asset_check(
        asset=list(tables.MODELS.path),
        name="challenger_is_not_worse_than_champion",
        description="The latest training is at least as good on the latest closed outcomes as the model that served; else that one goes "
        "on serving (warns, does not block).",
    )
    def challenger_is_not_worse_than_champion(models: ir.Table) -> dg.AssetCheckResult:
        registered = models.to_pandas()
        if registered.empty:
            return dg.AssetCheckResult(passed=True, metadata={"verdict": "no model yet"})
        latest = latest_training(registered)
        numbers = {name: latest[name] for name in _COMPARED if not pd.isna(latest[name])}
        return dg.AssetCheckResult(
            passed=bool(registry.is_promoted(registered.loc[registered["as_of"] == latest["as_of"]]).all()),
            severity=dg.AssetCheckSeverity.WARN,
            metadata={
                "verdict": told(latest),
                "trained": str(latest["as_of"])[:10],
                **{name: float(value) for name, value in numbers.items()},
            },
        )

    return challenger_is_not_worse_than_champion


def ranking_check() -> dg.AssetChecksDefinition:
    """Behaviour must add to what contract terms alone foretell."""

    @dg.asset_check(
        asset=MODEL_CARD,
        name="beats_contract_baseline",
        description="Closed scores rank leavers better than days to renewal and contract type alone (warns, does not block).",
        additional_ins={
            "scores": table_in(tables.SCORES, dg.AllPartitionMapping()),
            "labels": table_in(tables.LABELS),
        },
    )
    def beats_contract_baseline(scores: ir.Table, labels: ir.Table) -> dg.AssetCheckResult:
        found = backtest(scores.to_pandas(), labels.to_pandas())
        is_open = found.roc_auc is None or found.baseline_roc_auc is None
        better = is_open or (found.roc_auc or 0) > (found.baseline_roc_auc or 0)
        note = "not estimable yet: too few churned accounts" if is_open else "area under the ROC curve of both"
        return dg.AssetCheckResult(
            passed=better,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={
                "roc_auc": found.roc_auc or 0.0,
                "baseline_roc_auc": found.baseline_roc_auc or 0.0,
                "note": note,
            },
        )

    return beats_contract_baseline
