"""Dagster face of the evidence: what customers say, and how many say it.

Here: reading, publishing, the plot and the check. Not here: the analysis (`statements`, `themes`, `emerging`), redaction, which comes
before anything is stored (`uam_platform.staging`).

Themes and sums by account are published with the statements they are made of: one materialisation, and never out of step.
"""

from typing import Any

import dagster as dg
import ibis.expr.types as ir
import pandas as pd

from uam_platform.contracts import tables
from uam_platform.contracts.model import Contract
from uam_platform.evidence.cohort_themes import cohort_themes as cohort_themes_of
from uam_platform.evidence.emerging import emerging_themes
from uam_platform.evidence.plots import breadth_plot
from uam_platform.evidence.statements import account_themes, channel_counts
from uam_platform.evidence.statements import statements as statements_of
from uam_platform.evidence.themes import arr_at, themes
from uam_platform.lake.io_manager import as_table, markdown_table
from uam_platform.lake.resource import Warehouse
from uam_platform.orchestration.assets import asset_key, table_asset, table_in
from uam_platform.orchestration.checks import contract_check
from uam_platform.orchestration.plots import image
from uam_platform.orchestration.wiring import Wiring
from uam_platform.policy.redaction import survivors

_SHOWN = [
    "topic",
    "mention_count",
    "mentioning_account_count",
    "arr_share_ratio",
    "trend_ratio",
    "sentiment_mean",
    "breadth",
]

_OF_COHORTS = [
    "cohort",
    "cohort_name",
    "topic",
    "account_count",
    "mentioning_account_count",
    "member_share_ratio",
    "other_share_ratio",
    "chance_ratio",
    "quote",
]
_TELLING = 0.05


def statements_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """Statements of all utterances, and beside them the themes."""

    @table_asset(
        tables.STATEMENTS,
        trigger="snapshot_schedule",
        ins={"ticket_events": table_in(tables.TICKET_EVENTS), "subscriptions": table_in(tables.SUBSCRIPTIONS)},
        deps=[asset_key(tables.TICKETS)],
        kinds=frozenset({"pandas", "parquet"}),
    )
    def statements(context: dg.AssetExecutionContext, ticket_events: ir.Table, subscriptions: ir.Table) -> pd.DataFrame:
        warehouse: Warehouse = context.resources.warehouse
        policy = wiring.rulebook.topics
        utterances = warehouse.lake.read(warehouse.connection, tables.UTTERANCES).to_pandas()
        found = statements_of(utterances, ticket_events.to_pandas(), policy)
        by_topic = themes(found, subscriptions.to_pandas(), policy)
        new = emerging_themes(found, policy)
        side: tuple[tuple[Contract, pd.DataFrame], ...] = (
            (tables.ACCOUNT_THEMES, account_themes(found)),
            (tables.THEMES, by_topic),
            (tables.EMERGING_THEMES, new),
        )
        for contract, frame in side:
            warehouse.lake.publish(warehouse.connection, contract, as_table(frame, contract))
        context.add_output_metadata(_shown(found, by_topic, new))
        return found

    return statements


def cohort_themes_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """What members of each cohort speak of more than others."""

    @table_asset(
        tables.COHORT_THEMES,
        trigger="snapshot_schedule",
        ins={"statements": table_in(tables.STATEMENTS), "subscriptions": table_in(tables.SUBSCRIPTIONS)},
        deps=[asset_key(tables.JOURNEYS)],  # cohorts are published beside journeys
        kinds=frozenset({"pandas", "parquet"}),
    )
    def cohort_themes(context: dg.AssetExecutionContext, statements: ir.Table, subscriptions: ir.Table) -> pd.DataFrame:
        warehouse: Warehouse = context.resources.warehouse
        members = warehouse.lake.read(warehouse.connection, tables.COHORTS).to_pandas()
        paying = arr_at(subscriptions.to_pandas(), wiring.closed_as_of)
        accounts = pd.Index(paying.index).union(pd.Index(members["account_id"].unique()))
        found = cohort_themes_of(members, statements.to_pandas(), accounts, wiring.rulebook.topics)
        telling = found[(found["chance_ratio"] <= _TELLING) & (found["member_lift_ratio"] > 1)]
        context.add_output_metadata(
            {"members_speak_of": dg.MetadataValue.md(markdown_table(telling[_OF_COHORTS].round(3)))}
        )
        return found

    return cohort_themes


def _shown(found: pd.DataFrame, by_topic: pd.DataFrame, new: pd.DataFrame) -> dict[str, Any]:
    last = by_topic[by_topic["as_of"] == by_topic["as_of"].max()] if len(by_topic) else by_topic
    broadest = last.sort_values("mentioning_account_count", ascending=False)[_SHOWN].round(3)
    quotes = found[found["is_escalation"] | found["is_renewal_concern"] | found["is_buying_signal"]]
    latest = quotes.sort_values(["said_at", "statement_id"]).tail(8)[["said_at", "topic", "signal_reason", "quote"]]
    shown: dict[str, Any] = {
        "statements_by_channel": dg.MetadataValue.json(channel_counts(found)),
        "themes": dg.MetadataValue.md(markdown_table(broadest)),
        "latest_signals": dg.MetadataValue.md(markdown_table(latest)),
        "emerging": dg.MetadataValue.md(markdown_table(new[["terms", "mention_count", "lift_ratio", "quote"]])),
    }
    plot = breadth_plot(by_topic)
    return shown | ({"breadth": image(plot, "Breadth beside loudness")} if plot else {})


def redaction_check() -> dg.AssetChecksDefinition:
    """Blocking: no stored quote holds what redaction is to cut."""

    @dg.asset_check(
        asset=asset_key(tables.STATEMENTS),
        name="quotes_are_redacted",
        description="No quote holds an address, number, card, key or password by its shape (R170).",
        blocking=True,
    )
    def quotes_are_redacted(warehouse: Warehouse) -> dg.AssetCheckResult:
        kept = warehouse.lake.read(warehouse.connection, tables.STATEMENTS).select("statement_id", "quote").to_pandas()
        wrong = leaks(kept)
        return dg.AssetCheckResult(
            passed=not wrong, metadata={"quotes": len(kept), "leaks": dg.MetadataValue.json(wrong)}
        )

    return quotes_are_redacted


def leaks(found: pd.DataFrame) -> dict[str, list[str]]:
    """Kinds of personal data that quotes still hold, by statement; the data itself is not repeated."""
    pairs = zip(found["statement_id"], found["quote"], strict=True)
    return {str(key): list(kinds) for key, quote in pairs if (kinds := survivors(str(quote)))}


def definitions(wiring: Wiring) -> dg.Definitions:
    """Assets and checks of the evidence."""
    return dg.Definitions(
        assets=[statements_asset(wiring), cohort_themes_asset(wiring)],
        asset_checks=[
            contract_check(tables.STATEMENTS, None),
            contract_check(tables.COHORT_THEMES, None),
            redaction_check(),
        ],
    )
