"""Dagster face of data quality: what clients and servers told beside each other, and what stands out about the data.

Here: reading, publishing, what the UI shows. Not here: the joins (`twins`), what stands out (`missing_tellings`), findings (`findings`) and
those as checks (`checks`), plots (`plots`).

One asset computes all tables of the room: they read the same events, and Dagster's records of more assets would cost more than they show.
"""

from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import dagster as dg
import pandas as pd

from uam_platform.contracts import tables
from uam_platform.contracts.model import Contract, Type
from uam_platform.lake.atomic import write_atomically
from uam_platform.lake.io_manager import as_table, markdown_table
from uam_platform.lake.resource import Warehouse
from uam_platform.ledger.engine import Ledger
from uam_platform.ledger.reviewing import is_planned, plan_digest
from uam_platform.orchestration.assets import asset_key, report_attributes, table_asset
from uam_platform.orchestration.checks import contract_check
from uam_platform.orchestration.plots import image
from uam_platform.orchestration.stale import RESTATEMENT_TAG
from uam_platform.orchestration.wiring import Wiring
from uam_platform.policy.consumers import declared
from uam_platform.quality import page
from uam_platform.quality.calendar import holidays
from uam_platform.quality.changed_fields import changed_fields
from uam_platform.quality.checks import finding_checks
from uam_platform.quality.client_server import client_server_days
from uam_platform.quality.findings import findings
from uam_platform.quality.missing_tellings import missing_tellings
from uam_platform.quality.news import REVIEW, news
from uam_platform.quality.odd_days import odd_days
from uam_platform.quality.page import plots_of, render
from uam_platform.quality.profiles import daily_profiles
from uam_platform.quality.quoted_failures import quoted_failures, quoted_too_early
from uam_platform.quality.report import Report, build
from uam_platform.quality.source_order import out_of_order, source_order_days
from uam_platform.quality.twins import told_runs

REPORT = dg.AssetKey(["quality", "quality_report"])

_SHOWN: Final = ("finding_kind", "finding_subject", "finding_part", "since_date", "severity", "finding_text")
_COLUMNS = dg.TableSchema.from_name_type_dict({"section": "string", "row": "string"})


def quality_findings_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """What stands out about the data, since when; beside it the tables it stands on."""

    @table_asset(
        tables.QUALITY_FINDINGS,
        trigger="snapshot_schedule",
        deps=[
            dg.AssetDep(asset_key(tables.EVENTS), partition_mapping=dg.AllPartitionMapping()),
            asset_key(tables.TICKET_EVENTS),
        ],
        kinds=frozenset({"duckdb", "pandas", "parquet"}),
    )
    def quality_findings(context: dg.AssetExecutionContext) -> pd.DataFrame:
        found = compute(context.resources.warehouse, wiring)
        lacking = wiring.rulebook.quality.unknown_events(wiring.rulebook.taxonomy)
        context.add_output_metadata(
            {**shown(found), "events_of_twins_not_in_the_taxonomy": ", ".join(lacking) or "none"}
        )
        return found

    return quality_findings


def compute(warehouse: Warehouse, wiring: Wiring) -> pd.DataFrame:
    """Publish the tables of the room but the findings; returns those."""
    lake, connection, policy = warehouse.lake, warehouse.connection, wiring.rulebook.quality
    as_of = wiring.closed_as_of
    keys = event_days(lake.keys(tables.EVENTS), as_of, policy.looked_back_days)
    events = lake.read(connection, tables.EVENTS, keys)
    unknown = lake.read(connection, tables.UNKNOWN_EVENTS, keys)
    tickets = lake.read(connection, tables.TICKET_EVENTS)
    first = date.fromisoformat(keys[0]) if keys else as_of
    tickets = tickets.filter(tickets.known_date.between(first, as_of - timedelta(days=1)))
    runs = told_runs(connection, events, unknown, policy)
    profiles = daily_profiles(connection, events, unknown, tickets)
    _publish(warehouse, tables.CLIENT_SERVER_DAYS, client_server_days(runs))
    _publish(warehouse, tables.DAILY_PROFILES, profiles)
    order = source_order_days(connection, events, policy)
    _publish(warehouse, tables.SOURCE_ORDER_DAYS, order)
    calendar = holidays(lake.read(connection, tables.ANNOUNCEMENTS).to_pandas(), as_of)
    parts = [
        missing_tellings(runs, snapshot_days(keys, as_of), policy),
        odd_days(profiles, calendar, as_of, policy),
        changed_fields(warehouse.manifest.loads(), as_of, policy),
        out_of_order(order, as_of, policy),
        quoted_too_early(quoted_failures(connection, events, lake.read(connection, tables.UTTERANCES)), as_of, policy),
    ]
    hits = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    readers = declared(wiring.rulebook.taxonomy, wiring.rulebook)
    return findings(hits, as_of, policy, owner_of(wiring), {name: list(map(str, own)) for name, own in readers.items()})


def owner_of(wiring: Wiring) -> str:
    """Who answers for the duty whose findings these are."""
    return ", ".join(wiring.rulebook.duties.duties[wiring.rulebook.quality.duty].owners)


def event_days(stored: list[str], as_of: date, looked_back_days: int) -> list[str]:
    """Event days that a snapshot day looks at: before it, and not longer ago than the policy says."""
    first = (as_of - timedelta(days=looked_back_days)).isoformat()
    return [day for day in stored if first <= day < as_of.isoformat()]


def snapshot_days(keys: list[str], as_of: date) -> list[date]:
    """Snapshot days from the one after the first event day to `as_of`."""
    if not keys:
        return []
    first = date.fromisoformat(min(keys)) + timedelta(days=1)
    return [first + timedelta(days=n) for n in range((as_of - first).days + 1)]


def shown(found: pd.DataFrame) -> dict[str, Any]:
    """Metadata: how many findings are open, and the newest of them."""
    still = found[found["resolved_date"].isna()]
    newest = still.sort_values("first_seen_date", ascending=False).head(10)
    return {
        "open_findings": len(still),
        "findings": len(found),
        "by_kind": dg.MetadataValue.json({str(k): int(n) for k, n in still["finding_kind"].value_counts().items()}),
        "open": dg.MetadataValue.md(markdown_table(newest[list(_SHOWN)])),
    }


def stored(warehouse: Warehouse, contract: Contract) -> pd.DataFrame:
    """A published table of the room, days as dates."""
    frame = warehouse.lake.read(warehouse.connection, contract).to_pandas()
    days = [column.name for column in contract.columns if column.type is Type.DATE]
    return frame.assign(**{name: pd.to_datetime(frame[name]).dt.date for name in days})


def _publish(warehouse: Warehouse, contract: Contract, rows: pd.DataFrame) -> None:
    warehouse.lake.publish(warehouse.connection, contract, as_table(rows, contract))


def quality_report_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """The report of the latest snapshot day, as a file people read; news of it go to the owner of the duty."""

    @dg.asset(
        key=REPORT,
        deps=[asset_key(tables.QUALITY_FINDINGS)],
        group_name="quality",
        required_resource_keys={"ledger", "warehouse"},
        **report_attributes(
            "The daily quality report as one HTML file under data/reviews: open and resolved findings with owner, volume with what was "
            "expected, client beside server, missing fields, freshness. Each finding is told in Slack once when it opens and once when it "
            "is over.",
            "one section of one report",
            _COLUMNS,
            layer="review",
            pii="none",
            trigger="snapshot_schedule",
            kinds={"html", "slack"},
        ),
    )
    def quality_report(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        warehouse: Warehouse = context.resources.warehouse
        report, path, plots = write_report(warehouse, wiring)
        is_backfill = {"dagster/backfill", RESTATEMENT_TAG} & set(context.run.tags)
        told = 0 if is_backfill else tell(warehouse, context.resources.ledger.open(), path, wiring)
        return dg.MaterializeResult(
            metadata={
                "report": dg.MetadataValue.path(str(path.absolute())),
                "as_of": report.as_of,
                "open_findings": len(report.open),
                "messages_planned": told,
                **{title: image(content, title) for title, content in plots.items()},
            }
        )

    return quality_report


def write_report(warehouse: Warehouse, wiring: Wiring) -> tuple[Report, Path, dict[str, bytes]]:
    """Write the report of the latest closed snapshot day to data/reviews; returns it, its path and its plots."""
    policy, as_of = wiring.rulebook.quality, wiring.closed_as_of
    read = (tables.QUALITY_FINDINGS, tables.CLIENT_SERVER_DAYS, tables.DAILY_PROFILES)
    found, tellings, profiles = (stored(warehouse, contract) for contract in read)
    report = build(as_of, found, tellings, profiles, policy, owner_of(wiring))
    plots = plots_of(report, tellings, profiles, policy.daily)
    path = wiring.settings.reviews_dir / f"quality-{as_of}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, render(report, [page.image(content, title) for title, content in plots.items()]))
    return report, path, plots


def tell(warehouse: Warehouse, ledger: Ledger, path: Path, wiring: Wiring) -> int:
    """Put what is new into the outbox; returns how many messages that were."""
    policy, as_of, now = wiring.rulebook.quality, wiring.closed_as_of, wiring.settings.clock()
    found = stored(warehouse, tables.QUALITY_FINDINGS)
    place = f"{path.parent.name}/{path.name} in the data folder"
    planned = news(found, as_of, place, lambda occasion: is_planned(ledger, REVIEW, occasion), policy)
    return sum(plan_digest(ledger, REVIEW, n.occasion, policy.channel, n.payload, as_of, now) for n in planned)


def definitions(wiring: Wiring) -> dg.Definitions:
    """Assets and checks of data quality."""
    return dg.Definitions(
        assets=[quality_findings_asset(wiring), quality_report_asset(wiring)],
        asset_checks=[contract_check(tables.QUALITY_FINDINGS, None), finding_checks()],
    )
