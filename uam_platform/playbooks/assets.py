"""Dagster face of playbooks: the delivery of planned actions.

Here: one asset and its check. Not here: which actions are planned (`uam_platform.alerts`), one delivery run (`deliver`), the sensor
that requests it (`sensors`).
"""

import time
from typing import Any

import dagster as dg

from uam_platform.ledger import outbox
from uam_platform.orchestration.assets import report_attributes
from uam_platform.orchestration.stale import ALERT_STATE
from uam_platform.orchestration.wiring import Wiring
from uam_platform.playbooks import sensors
from uam_platform.playbooks.clients import destinations
from uam_platform.playbooks.deliver import deliver_outbox

DELIVERED = dg.AssetKey(["playbooks", "delivered_actions"])
_DELIVERED_COLUMNS = dg.TableSchema.from_name_type_dict(
    {
        "idempotency_key": "string",
        "destination": "string",
        "target": "string",
        "state": "string",
        "external_ref": "string",
    }
)


def delivered_actions_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """What the outbox holds, delivered effectively once."""

    @dg.asset(
        key=DELIVERED,
        deps=[dg.AssetDep(ALERT_STATE, partition_mapping=dg.AllPartitionMapping())],
        group_name="playbooks",
        required_resource_keys={"ledger", "slack"},
        **report_attributes(
            "One delivery run over the outbox: unclear outcomes are looked up first, then due actions are sent. A dry run unless "
            "UAM_ACTIONS_ENABLED is set.",
            "one action at one destination",
            _DELIVERED_COLUMNS,
            layer="action",
            pii="personal",
            trigger="outbox_sensor",
            kinds={"slack", "salesforce", "jira", "linear"},
        ),
    )
    def delivered_actions(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        policy = wiring.rulebook.playbooks.delivery
        slack = context.resources.slack.get_client()
        with destinations(wiring.settings, wiring.rulebook.playbooks, slack) as clients:
            report = deliver_outbox(
                context.resources.ledger.open(),
                clients,
                wiring.settings.delivery_clock,
                policy.max_sent_per_run,
                dry_run=not wiring.settings.actions_enabled,
                sleep=time.sleep,
                policy=policy,
            )
        for problem in report.problems:
            context.log.warning(problem)
        return dg.MaterializeResult(metadata=_shown(report))

    return delivered_actions


def _shown(report: Any) -> dict[str, Any]:
    return {
        "dry_run": report.is_dry_run,
        "sent": len(report.sent),
        "would_send": len(report.would_send),
        "rejected_attempts": report.rejected,
        "unclear_attempts": report.unclear,
        "failed": len(report.failed),
        "parked": len(report.parked),
        "problems": dg.MetadataValue.json(report.problems),
        "outbox": dg.MetadataValue.json(report.states),
    }


def no_action_lost_check() -> dg.AssetChecksDefinition:
    """Every planned action is sent, waiting, or named with its reason."""

    @dg.asset_check(
        asset=DELIVERED,
        name="no_action_stuck",
        description="No action was refused for good or parked: a person has to look at those (R160).",
        required_resource_keys={"ledger"},
    )
    def no_action_stuck(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        counts = outbox.counts(context.resources.ledger.open())
        stuck = sum(counts.get(state, 0) for state in ("failed", "parked"))
        return dg.AssetCheckResult(
            passed=stuck == 0, severity=dg.AssetCheckSeverity.WARN, metadata={"stuck": stuck, **counts}
        )

    return no_action_stuck


def definitions(wiring: Wiring) -> dg.Definitions:
    """Asset, check and sensor of playbooks."""
    delivery = dg.Definitions(assets=[delivered_actions_asset(wiring)], asset_checks=[no_action_lost_check()])
    return dg.Definitions.merge(delivery, sensors.definitions(wiring))
