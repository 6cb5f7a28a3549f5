"""Dagster face of the quality of identity where no truth is known: merges that may be wrong, and who is kept out.

Here: reading, the history of earlier evaluations, and how both are shown. Not here: what is counted (`quality`, `audit`,
`exclusion_counts`).
"""

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import UTC, date, datetime
from typing import Any, Final

import dagster as dg
import ibis.expr.types as ir
import pandas as pd

from uam_platform.contracts import tables
from uam_platform.contracts.model import Contract
from uam_platform.contracts.tables_identity import CONTRACTS_IDENTITY
from uam_platform.identity.audit import audit, person_sizes, riskiest_shown
from uam_platform.identity.exclusion_counts import kept_out
from uam_platform.identity.quality import quality
from uam_platform.identity.resolve import IdentityTables
from uam_platform.lake.io_manager import markdown_table
from uam_platform.lake.resource import Warehouse
from uam_platform.orchestration.assets import asset_key
from uam_platform.orchestration.plots import day_series
from uam_platform.orchestration.wiring import Wiring

CHECK: Final = "merges_worth_a_look"
EXCLUSION_CHECK: Final = "few_are_kept_out"
_SHOWN: Final = 60
_SERIES: Final = ("person_count", "largest_person_identifier_count", "bridge_count", "risky_merge_count")


def identity_check(wiring: Wiring) -> dg.AssetChecksDefinition:
    """Counts, bridges and the riskiest merges of what identity says today; warns while there are risky ones."""
    key = dg.AssetCheckKey(asset_key(tables.PEOPLE), CHECK)

    @dg.asset_check(
        asset=asset_key(tables.PEOPLE),
        name=CHECK,
        description="No merge has so many signs of being wrong that a person should look at it; sizes, bridges and ambiguity over time.",
    )
    def merges_worth_a_look(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
        names = {field.name for field in fields(IdentityTables)}
        read = {c.name: _read(warehouse, c).to_pyarrow() for c in CONTRACTS_IDENTITY if c.name in names}
        stored, evidence = IdentityTables(**read), _read(warehouse, tables.IDENTITY_EVIDENCE)
        policy = wiring.rulebook.identity_audit
        found = audit(stored.merge_log, evidence, policy)
        numbers: dict[str, int | float] = {**asdict(quality(stored, evidence)), **found.counts.as_metadata()}
        past = _past(context.instance, key)
        return dg.AssetCheckResult(
            passed=not found.counts.risky_merge_count,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={
                **numbers,
                **_shown(past, numbers, wiring.settings.clock().date()),
                "people_by_size": dg.MetadataValue.md(markdown_table(person_sizes(stored.people))),
                "riskiest_merges": dg.MetadataValue.md(markdown_table(riskiest_shown(found.riskiest(policy)))),
            },
        )

    return merges_worth_a_look


def exclusion_check(wiring: Wiring) -> dg.AssetChecksDefinition:
    """Who is kept out today, by rule; warns where it is more of the events than the rulebook allows."""

    @dg.asset_check(
        asset=asset_key(tables.PEOPLE),
        name=EXCLUSION_CHECK,
        description="Staff, robots and tests are few; a rule that keeps much out may keep customers out. Counts by rule.",
    )
    def few_are_kept_out(warehouse: Warehouse) -> dg.AssetCheckResult:
        names = (tables.EXCLUDED_PEOPLE, tables.EXCLUDED_ACCOUNTS, tables.PEOPLE, tables.HIERARCHY)
        persons, accounts, people, hierarchy = (_read(warehouse, contract) for contract in names)
        evidence, policy = _read(warehouse, tables.IDENTITY_EVIDENCE), wiring.rulebook.identity_exclusions
        by_rule, total = kept_out(persons, accounts, people, hierarchy, evidence, policy)
        ratio = float(by_rule["event_count"].sum() / total) if total else 0.0
        told: dict[str, Any] = {
            "excluded_person_count": int(by_rule["person_count"].sum()),
            "excluded_account_count": int(by_rule["account_count"].sum()),
            "excluded_event_ratio": ratio,
            "by_rule": dg.MetadataValue.md(markdown_table(by_rule)),
        }
        is_fine = ratio <= policy.most_events_ratio.most
        return dg.AssetCheckResult(passed=is_fine, severity=dg.AssetCheckSeverity.WARN, metadata=told)

    return few_are_kept_out


def _read(warehouse: Warehouse, contract: Contract) -> ir.Table:
    return warehouse.lake.read(warehouse.connection, contract)


def _past(instance: dg.DagsterInstance, key: dg.AssetCheckKey) -> list[tuple[date, dict[str, Any]]]:
    """Numbers of earlier evaluations, oldest first."""
    records = instance.event_log_storage.get_asset_check_execution_history(key, limit=_SHOWN)
    found = []
    for record in records:
        told = record.event.dagster_event.event_specific_data if record.event and record.event.dagster_event else None
        if isinstance(told, dg.AssetCheckEvaluation):  # and not the plan to evaluate, as the one of this run
            day = datetime.fromtimestamp(record.create_timestamp, tz=UTC).date()
            found.append((day, {name: value.value for name, value in told.metadata.items() if name in _SERIES}))
    return found[::-1]


def _shown(past: Sequence[tuple[date, dict[str, Any]]], numbers: dict[str, int | float], today: date) -> dict[str, Any]:
    """Plot and table of the numbers over evaluations."""
    rows = [*past, (today, numbers)]
    series = {name: [int(values.get(name) or 0) for _, values in rows] for name in _SERIES}
    table = pd.DataFrame({"day": [day.isoformat() for day, _ in rows], **series})
    return {
        "history": dg.MetadataValue.md(markdown_table(table)),
        "history_plot": day_series(
            "People and what may be wrong with them", [day for day, _ in rows], series, "people"
        ),
    }
