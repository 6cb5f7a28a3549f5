"""Dagster face of governance: who answers for the data and looked at it lately, what events cost and who uses them.

Here: reports from the rulebook, the usage of events, the check that warns of a duty past its date. Not here: the duties
(`uam_platform.policy.duties`), the weekly pack that tells them too (`uam_platform.reviews`), the arithmetic of usage (`usage`),
deprecated names (`checks`).
"""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import dagster as dg
import pandas as pd

from uam_platform.contracts.tables import CANDIDATES, EVENT_USAGE, EVENTS
from uam_platform.governance.checks import deprecated_check
from uam_platform.governance.usage import stored_usage
from uam_platform.lake.io_manager import markdown_table
from uam_platform.lake.resource import Warehouse
from uam_platform.lake.store import Lake
from uam_platform.orchestration.assets import asset_key, report_attributes, table_asset
from uam_platform.orchestration.checks import contract_check
from uam_platform.orchestration.plots import top_bars
from uam_platform.orchestration.wiring import Wiring
from uam_platform.policy.duties import DutyPolicy

DUTIES = dg.AssetKey(["governance", "duties"])
_COLUMNS = dg.TableSchema.from_name_type_dict({"duty": "string", "owners": "string", "due_on": "date"})
_PREVIEW: Final = [
    *("event_name", "proposal", "window_event_count", "stored_bytes", "stored_ratio"),
    *("used_from_date", "used_until_date", "event_owner", "consumers"),
]
_BARS: Final = 15


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


def event_usage_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """Volume, bytes and consumers of every event, with what is proposed for removal."""

    @table_asset(
        EVENT_USAGE,
        trigger="snapshot_schedule",
        deps=[asset_key(EVENTS)],
        kinds=frozenset({"duckdb", "pandas", "parquet"}),
    )
    def event_usage(context: dg.AssetExecutionContext) -> pd.DataFrame:
        warehouse: Warehouse = context.resources.warehouse
        frame = stored_usage(warehouse.lake, warehouse.connection, wiring.rulebook)
        context.add_output_metadata(usage_metadata(frame))
        return frame

    return event_usage


def usage_metadata(frame: pd.DataFrame) -> Mapping[str, Any]:
    """What a person sees of the audit: proposals first, and what costs most."""
    proposed = frame.loc[frame["proposal"].str.startswith("remove")].sort_values("stored_bytes", ascending=False)
    costly = frame.sort_values(["stored_bytes", "event_name"], ascending=[False, True]).head(_BARS)
    shown = proposed[_PREVIEW].assign(stored_ratio=proposed["stored_ratio"].map("{:.1%}".format))
    return {
        "proposed_for_removal": dg.MetadataValue.md(markdown_table(shown) if len(shown) else "none"),
        "their_share_of_bytes": round(float(proposed["stored_ratio"].sum()), 4),
        "proposals": dg.MetadataValue.json(dict(sorted(Counter(frame["proposal"]).items()))),
        "cost": top_bars(
            "Bytes stored in the window, by event", list(costly["event_name"]), list(costly["stored_bytes"]), "bytes"
        ),
    }


def definitions(wiring: Wiring) -> dg.Definitions:
    """Assets and checks of governance."""
    return dg.Definitions(
        assets=[duties_asset(wiring), event_usage_asset(wiring)],
        asset_checks=[duties_check(wiring), contract_check(EVENT_USAGE, None), deprecated_check(wiring)],
    )
