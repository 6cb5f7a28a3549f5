"""Dagster face of governance: who answers for the data, and whether they have looked at it lately.

Here: reports from the rulebook and the check that warns of a duty past its date. Not here: the duties
(`uam_platform.policy.duties`), the weekly pack that tells them too (`uam_platform.reviews`).
"""

from datetime import date

import dagster as dg
import pandas as pd

from uam_platform.contracts.tables import CANDIDATES
from uam_platform.lake.io_manager import markdown_table
from uam_platform.lake.resource import Warehouse
from uam_platform.lake.store import Lake
from uam_platform.orchestration.assets import asset_key, report_attributes
from uam_platform.orchestration.wiring import Wiring
from uam_platform.policy.duties import DutyPolicy

DUTIES = dg.AssetKey(["governance", "duties"])
_COLUMNS = dg.TableSchema.from_name_type_dict({"duty": "string", "owners": "string", "due_on": "date"})


def duties_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """The four duties as of the latest recorded snapshot."""

    @dg.asset(
        key=DUTIES,
        deps=[dg.AssetDep(asset_key(CANDIDATES), partition_mapping=dg.AllPartitionMapping())],
        group_name="governance",
        **report_attributes(
            "Who answers for definitions, identity, taxonomy and data quality, when that was last gone through and when it is due again.",
            "one duty",
            _COLUMNS,
            layer="review",
            pii="none",
            trigger="snapshot_schedule",
            kinds={"yaml"},
        ),
    )
    def duties(warehouse: Warehouse) -> dg.MaterializeResult:
        as_of, policy = latest_snapshot(warehouse.lake), wiring.rulebook.duties
        return dg.MaterializeResult(
            metadata={
                "as_of": str(as_of or "no snapshot is recorded yet"),
                "duties": dg.MetadataValue.md(markdown_table(pd.DataFrame(policy.rows()))),
                "past_their_date": dg.MetadataValue.md("\n".join(policy.told(as_of) if as_of else ()) or "none"),
            }
        )

    return duties


def duties_check(wiring: Wiring) -> dg.AssetChecksDefinition:
    """Warns of every duty that is past its date, judged by the day of the snapshot and not by the clock."""

    @dg.asset_check(
        asset=DUTIES,
        name="duties_are_in_order",
        description="No duty is past its review date on the day of the latest snapshot (R73-R77).",
    )
    def duties_are_in_order(warehouse: Warehouse) -> dg.AssetCheckResult:
        return judged(wiring.rulebook.duties, latest_snapshot(warehouse.lake))

    return duties_are_in_order


def judged(policy: DutyPolicy, as_of: date | None) -> dg.AssetCheckResult:
    """The check's result for a snapshot; without one nothing is late."""
    past = dict(policy.past(as_of)) if as_of else {}
    return dg.AssetCheckResult(
        passed=not past,
        severity=dg.AssetCheckSeverity.WARN,
        description=" ".join(policy.told(as_of)) if as_of and past else "every duty was reviewed in time",
        metadata={"as_of": str(as_of), "days_past": dg.MetadataValue.json({str(k): v for k, v in past.items()})},
    )


def latest_snapshot(lake: Lake) -> date | None:
    """Day of the latest recorded snapshot."""
    recorded = lake.keys(CANDIDATES)
    return date.fromisoformat(max(recorded)) if recorded else None


def definitions(wiring: Wiring) -> dg.Definitions:
    """Assets and checks of governance."""
    return dg.Definitions(assets=[duties_asset(wiring)], asset_checks=[duties_check(wiring)])
