"""The readable end of a run: top alerts with dollars, reasons, owner and where they went; and the scoreboard's headline.

Here: reading ledger and lake for people at a terminal. Not here: making alerts (`alerts`, `playbooks`), measuring (`evaluation`).
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from sqlalchemy import select

from uam_platform.churn.registry import is_promoted
from uam_platform.contracts.money import dollars
from uam_platform.contracts.tables import (
    ACCOUNT_FEATURES,
    CANDIDATES,
    DUPLICATES_LOG,
    EVENTS,
    MODELS,
    QUARANTINE,
    SCORES,
    UNKNOWN_EVENTS,
)
from uam_platform.lake.engine import connect
from uam_platform.lake.store import Lake
from uam_platform.ledger.engine import Ledger, open_ledger
from uam_platform.ledger.models import AlertRow, OutboxRow
from uam_platform.settings import Settings
from uam_platform.staging.capabilities import READS as INPUTS
from uam_platform.staging.capabilities import capabilities, input_facts
from uam_platform.staging.contradictions import READS as SOURCES
from uam_platform.staging.contradictions import RULES, contradictions
from uam_platform.staging.incidents import INCIDENTS

_TOP = 5
_RUNGS = {
    "base_rate": "an assumed base rate",  # of runs by earlier versions
    "rules": "what declared rules say before anybody left",
    "contract_and_index": "contracts and declared signs, few outcomes yet",
    "contract_hazard": "what contracts alone say",
    "lightgbm_unproven": "LightGBM's, unproven",
    "lightgbm": "LightGBM's",
}
_STATES = {
    "pending": "waiting to be sent",
    "planned_no_destination": "planned, no delivery yet",
    "failed": "refused",
    "parked": "needs a person",
    "unknown": "being looked up",
}


def summary(settings: Settings) -> RenderableType:
    """Counts of the run, its top alerts, and what was held back."""
    lake = Lake(settings.lake_dir)
    as_of = max(lake.keys(CANDIDATES), default=None)
    if as_of is None:
        return Text("no snapshot was recorded: the history is shorter than the first snapshot needs")
    ledger = open_ledger(settings.ledger_address)
    rows = _rows(lake, as_of)
    alerts = _top_alerts(ledger, rows)
    said = (_counts(lake, as_of, rows), input_lines(lake), _alerts_table(alerts, as_of), _held_back(rows))
    return Group(*(part for part in said if str(part)))


def input_lines(lake: Lake) -> Text:
    """What the input cannot support, where it contradicts itself, and whether behaviour explains leaving: one line each."""
    connection = connect()
    inputs = {c.name: lake.read(connection, c) for c in {c.name: c for c in (*INPUTS, *SOURCES)}.values()}
    lines = [f"not in this input: {c.said}" for c in capabilities(input_facts(inputs)) if not c.applies]
    for found in contradictions(connection, {c.name: inputs[c.name] for c in SOURCES}, (*RULES, *INCIDENTS)):
        if found.count:
            examples = ", ".join(found.examples[:2])
            lines.append(f"{found.rule.name.replace('_', ' ')}: {found.count:,} of {found.of:,}, e.g. {examples}")
    models = lake.read(connection, MODELS).to_pandas()
    return Text("\n".join([*lines, *model_lines(models)]))


def model_lines(models: pd.DataFrame) -> list[str]:
    """What the latest models may say, one line; none without models (models contract)."""
    if models.empty:
        return []
    serving = models.loc[is_promoted(models)]
    latest = serving.loc[serving["as_of"] == serving["as_of"].max()].iloc[0]
    left, rung = int(latest["training_churned_account_count"]), str(latest["model_rung"])
    if pd.isna(latest["behaviour_skill_ratio"]):
        return [f"too few left to learn behaviour from: {left} accounts in training; scores are {_RUNGS[rung]}"]
    skill, bound = float(latest["behaviour_skill_ratio"]), max(float(latest["behaviour_null_ratio"]), 0.0)
    figures = f"it adds {skill:+.3f} to the area under the ROC curve, chance alone reaches {bound:.3f}"
    if rung == "lightgbm":
        return [f"behaviour explains leaving beyond the contract: {figures} ({left} accounts left in training)"]
    return [
        f"behaviour is not shown to explain leaving: {figures}; no behavioural reason is given, scores are {_RUNGS[rung]}"
    ]


def scoreboard(run: Path, world: Path, received: Path) -> RenderableType:
    """The headline of the evaluation against the truth of a simulated company."""
    from uam_platform.evaluation.render import headline
    from uam_platform.evaluation.scoreboard import evaluate

    return headline(evaluate(run, world, received=received))


def _rows(lake: Lake, as_of: str) -> list[dict[str, Any]]:
    return [row for path in lake.files(CANDIDATES, [as_of]) for row in pq.read_table(path).to_pylist()]


def _counts(lake: Lake, as_of: str, rows: Iterable[dict[str, Any]]) -> Text:
    def total(contract: Any) -> int:
        return sum((lake.pointer(contract, key) or {"rows": 0})["rows"] for key in lake.keys(contract))

    scored = (lake.pointer(SCORES, as_of) or {"rows": 0})["rows"]
    accounts = (lake.pointer(ACCOUNT_FEATURES, as_of) or {"rows": 0})["rows"]
    decisions = [row["decision"] for row in rows]
    return Text(
        f"{total(EVENTS):,} events in {len(lake.keys(EVENTS))} days; {total(DUPLICATES_LOG):,} repeats, "
        f"{total(QUARANTINE):,} broken records and {total(UNKNOWN_EVENTS):,} events of unknown name set aside; "
        f"{len(lake.keys(ACCOUNT_FEATURES))} snapshots, the last of {as_of}: "
        f"{accounts:,} accounts, {scored:,} scored, {len(decisions)} findings, {decisions.count('alert')} alerts"
    )


def _top_alerts(ledger: Ledger, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    sent = {row["fingerprint"]: row for row in rows if row["decision"] == "alert"}
    with ledger.transaction() as session:
        where: dict[str, list[str]] = {}
        query = select(AlertRow.fingerprint, OutboxRow).join(OutboxRow, OutboxRow.alert_id == AlertRow.alert_id)
        for fingerprint, action in session.execute(query.order_by(OutboxRow.state != "sent", OutboxRow.destination)):
            where.setdefault(fingerprint, []).append(_whereabouts(action))
    ranked = sorted(sent.values(), key=lambda row: -row["expected_saved_usd_cents"])
    return [{**row, "where": "\n".join(where.get(row["fingerprint"], ["recorded, nothing sent"]))} for row in ranked]


def _whereabouts(action: OutboxRow) -> str:
    place = f"{action.destination.capitalize()} {action.target}".strip()
    if action.state == "sent":
        return f"{place}, sent"
    return f"[dim]{place}: {_STATES.get(action.state, action.state)}[/dim]"


def _alerts_table(alerts: list[dict[str, Any]], as_of: str) -> RenderableType:
    if not alerts:
        return Panel(f"No alert is due on {as_of}. That is an answer too: nothing met a threshold.", title="Alerts")
    table = Table(
        title=f"Top {min(_TOP, len(alerts))} of {len(alerts)} alerts, {as_of}", title_justify="left", expand=True
    )
    table.add_column("Account", ratio=2)
    table.add_column("At risk", justify="right", no_wrap=True)
    table.add_column("Why", ratio=6)
    table.add_column("Owner", ratio=2)
    table.add_column("Where", ratio=2)
    for row in alerts[:_TOP]:
        table.add_row(
            f"{row['account_name'] or row['account_id']}\n[dim]{row['account_id']}[/dim]",
            f"{dollars(row['revenue_at_risk_usd_cents'])}\n[dim]of {dollars(row['arr_usd_cents'])} ARR[/dim]",
            row["summary"],
            row["owner_name"] or row["owner_id"] or "nobody",
            row["where"],
        )
    return table


def _held_back(rows: list[dict[str, Any]]) -> Text:
    held: dict[str, int] = {}
    for row in rows:
        if row["decision"] != "alert":
            reason = f"{row['decision'].replace('_', ' ')}: {row['reason'] or 'budget'}"
            held[reason] = held.get(reason, 0) + 1
    return Text("held back: " + (", ".join(f"{n} {reason}" for reason, n in sorted(held.items())) or "nothing"))
