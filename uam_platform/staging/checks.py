"""Dagster face of what an input says about itself: one check per contradiction.

Here: checks that warn and never block. Not here: the rules (`contradictions`), the books of loads (`assets`).
"""

import dagster as dg

from uam_platform.contracts.tables import LOAD_RECONCILIATION
from uam_platform.lake.resource import Warehouse
from uam_platform.orchestration.assets import asset_key
from uam_platform.orchestration.wiring import Wiring
from uam_platform.staging.contradictions import READS, RULES, Finding, contradictions, outcomes_rule
from uam_platform.staging.incidents import INCIDENTS


def contradiction_checks(wiring: Wiring) -> dg.AssetChecksDefinition:
    """One warning check per rule; a contradiction is named with counts and ids, not repaired."""
    event = wiring.rulebook.churn.label_event
    rules = (*RULES, *INCIDENTS, *([outcomes_rule(event)] if event else []))

    @dg.multi_asset_check(
        name="input_contradictions",
        specs=[
            dg.AssetCheckSpec(rule.name, asset=asset_key(LOAD_RECONCILIATION), description=rule.says) for rule in rules
        ],
    )
    def input_contradictions(warehouse: Warehouse):  # type: ignore[no-untyped-def]
        lake, connection = warehouse.lake, warehouse.connection
        inputs = {contract.name: lake.read(connection, contract) for contract in READS}
        for finding in contradictions(connection, inputs, rules):
            yield check_result(finding)

    return input_contradictions


def check_result(finding: Finding) -> dg.AssetCheckResult:
    """A finding as a check that warns."""
    return dg.AssetCheckResult(
        asset_key=asset_key(LOAD_RECONCILIATION),
        check_name=finding.rule.name,
        passed=finding.count == 0,
        severity=dg.AssetCheckSeverity.WARN,
        description=finding.rule.says,
        metadata={
            "count": finding.count,
            "of": finding.of,
            "examples": dg.MetadataValue.json(list(finding.examples)),
        },
    )
