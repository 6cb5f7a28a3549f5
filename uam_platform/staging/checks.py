"""Dagster face of what staging holds its tables to: the books of loads, days and records, and what an input says against itself.

Here: checks that block where something was lost, and checks that warn of contradictions. Not here: the books (`reconcile`, `day_books`,
`table_books`), the rules of contradictions (`contradictions`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import dagster as dg

from uam_platform.contracts.tables import EVENTS, LOAD_RECONCILIATION
from uam_platform.lake.io_manager import markdown_table
from uam_platform.lake.resource import Warehouse
from uam_platform.orchestration.assets import asset_key
from uam_platform.orchestration.wiring import Wiring
from uam_platform.staging.contradictions import READS, RULES, Finding, contradictions, outcomes_rule
from uam_platform.staging.day_books import day_imbalance, published_day_books
from uam_platform.staging.incidents import INCIDENTS
from uam_platform.staging.reconcile import imbalance
from uam_platform.staging.table_books import shown, table_books

_TOLD: Final = 10


def day_check(wiring: Wiring) -> dg.AssetChecksDefinition:
    """Blocking: delivered = events + unknown names + repeats, for every source and event day of the run."""

    @dg.asset_check(
        asset=asset_key(EVENTS),
        name="deliveries_add_up",
        description="For every source and event day: delivered = events + unknown names + repeats (R92, R94).",
        blocking=True,
        partitions_def=wiring.days,
    )
    def deliveries_add_up(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
        days = list(context.op_execution_context.partition_keys)
        books = published_day_books(warehouse.connection, warehouse.lake, days)
        counts = {name: int(books[name].sum()) for name in books.columns if name.endswith("_count")}
        return balanced(day_imbalance(books), {"days": len(days), **counts})

    return deliveries_add_up


def load_check() -> dg.AssetChecksDefinition:
    """Blocking: rows in = accepted + quarantined + duplicates, for every load."""

    @dg.asset_check(
        asset=asset_key(LOAD_RECONCILIATION),
        name="rows_add_up",
        description="For every load: rows in = accepted + quarantined + duplicates (R92, R94).",
        blocking=True,
    )
    def rows_add_up(warehouse: Warehouse) -> dg.AssetCheckResult:
        frame = warehouse.lake.read(warehouse.connection, LOAD_RECONCILIATION).to_pandas()
        names = ("rows_in_count", "accepted_count", "quarantined_count", "duplicate_count")
        return balanced(imbalance(frame), {name: int(frame[name].sum()) for name in names})

    return rows_add_up


def record_check(wiring: Wiring) -> dg.AssetChecksDefinition:
    """Blocking: every accepted record is in its table, and no row stands there without one."""

    @dg.asset_check(
        asset=asset_key(LOAD_RECONCILIATION),
        name="records_reach_their_tables",
        description="Every accepted record has its row (accounts, terms, tickets and so on), and every row its record (R92, R94).",
        blocking=True,
    )
    def records_reach_their_tables(warehouse: Warehouse) -> dg.AssetCheckResult:
        books = table_books(warehouse.connection, warehouse.lake, warehouse.manifest, wiring.rulebook.sources)
        counted = {"records": sum(book.records for book in books), "left_out": sum(book.left_out for book in books)}
        table = dg.MetadataValue.md(markdown_table(shown(books)))
        return balanced([book.says for book in books if book.says], {**counted, "books": table})

    return records_reach_their_tables


def balanced(wrong: Sequence[str], counts: Mapping[str, Any]) -> dg.AssetCheckResult:
    """The result of a check of books: what does not add up in words, the first few in its description."""
    more = f"; and {len(wrong) - _TOLD} more" if len(wrong) > _TOLD else ""
    return dg.AssetCheckResult(
        passed=not wrong,
        description="; ".join(wrong[:_TOLD]) + more if wrong else "everything adds up",
        metadata={**counts, "imbalances": dg.MetadataValue.json(list(wrong))},
    )


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
