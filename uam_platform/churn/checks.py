"""The model card: how the recorded scores turned out, as an asset with plots and a check of its own.

Here: the Dagster face of the backtest. Not here: the metrics (`backtest`), the plots (`plots`).
"""

import dagster as dg
import ibis.expr.types as ir

from uam_platform.churn import plots, registry
from uam_platform.churn.backtest import backtest, closed_scores
from uam_platform.churn.boosting import mean_gains
from uam_platform.contracts import tables
from uam_platform.orchestration.assets import report_attributes, table_in
from uam_platform.orchestration.plots import image
from uam_platform.orchestration.wiring import Wiring

MODEL_CARD = dg.AssetKey(["churn", "model_card"])
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
        latest = models.filter(models.as_of == models.as_of.max()).to_pandas()
        artefacts = [registry.load(wiring.settings.models_dir, i) for i in latest["model_id"]]
        gains = mean_gains(tuple(tree for artefact in artefacts for tree in artefact.trees))
        return dg.MaterializeResult(
            metadata={
                **backtest(scored, outcomes).as_metadata(),
                "rung": ", ".join(sorted(latest["model_rung"].unique())),
                "reliability": image(plots.reliability_plot(rows), "reliability"),
                "gains": image(plots.gains_plot(rows), "gains"),
                "what_the_model_looks_at": image(plots.importance_plot(gains), "importance"),
            }
        )

    return model_card


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
