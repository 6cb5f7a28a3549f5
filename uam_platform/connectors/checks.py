"""Dagster face of what changed about the fields of a source: one check per source, which warns and never blocks.

Here: the check. Not here: how a change is noticed (`field_drift`), landing (`assets`). Records are landed whole whatever their
fields: the check asks a person to look whether staging still reads what it needs.
"""

from datetime import timedelta
from typing import Final

import dagster as dg

from uam_platform.lake.loads import Load
from uam_platform.lake.resource import Warehouse

PROFILED: Final = ("salesforce", "zendesk", "gong", "releases", "backend_logs")
SHOWN_FOR: Final = timedelta(days=7)


def fields_check(key: dg.AssetKey) -> dg.AssetChecksDefinition:
    """The fields of a source are those of the loads before.

    Args:
        key: asset of the source's landed loads; its last part is the source.
    """

    @dg.asset_check(
        asset=key,
        name="fields_as_before",
        description="No field of the source is new, gone or of another kind; what changed in the last seven days is named.",
    )
    def fields_as_before(warehouse: Warehouse) -> dg.AssetCheckResult:
        changes = recent_changes(warehouse.manifest.loads(key.path[-1]))
        return dg.AssetCheckResult(
            passed=not changes,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"changes": dg.MetadataValue.json(changes)},
        )

    return fields_as_before


def recent_changes(loads: list[Load]) -> list[str]:
    """What the loads of the last seven days told, each with its load, oldest first; days are counted from the last load."""
    last = max((load.loaded_time for load in loads), default=None)
    recent = [load for load in loads if last is not None and load.loaded_time > last - SHOWN_FOR]
    return [f"{load.load_id}: {said}" for load in recent for said in load.drift]
