"""Checks of governance: deprecated names that still arrive, or that rules still name.

Here: the check and what it says. Not here: counting (`usage`), the check on duties (`assets`, beside what it is of).
"""

import dagster as dg

from uam_platform.contracts.tables import EVENT_USAGE
from uam_platform.governance.usage import Deprecated, stored_deprecated
from uam_platform.lake.resource import Warehouse
from uam_platform.orchestration.assets import asset_key
from uam_platform.orchestration.wiring import Wiring


def deprecated_check(wiring: Wiring) -> dg.AssetChecksDefinition:
    """Warns of deliveries under deprecated names, with the rules that still name them."""

    @dg.asset_check(
        asset=asset_key(EVENT_USAGE),
        name="deprecated_names_are_gone",
        description="Nobody delivers an event under a deprecated name, and no rule names one (R80). By event days, never the clock.",
    )
    def deprecated_names_are_gone(warehouse: Warehouse) -> dg.AssetCheckResult:
        return judged(stored_deprecated(warehouse.lake, warehouse.connection, wiring.rulebook))

    return deprecated_names_are_gone


def judged(found: list[Deprecated]) -> dg.AssetCheckResult:
    """The check's result: it warns and stops nothing, since deprecated names are taken until they are refused."""
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(one.says for one in found) or "no deprecated name is delivered or named by a rule",
        metadata={
            "taken": sum(one.taken for one in found),
            "refused": sum(one.refused for one in found),
            "names": dg.MetadataValue.md("\n".join(f"- {one.says}" for one in found) or "none"),
        },
    )
