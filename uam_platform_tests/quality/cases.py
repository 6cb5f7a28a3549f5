"""Runs as servers and clients tell of them, for the tests of data quality."""

from datetime import date, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from uam_platform.contracts.schemas import arrow_schema
from uam_platform.contracts.tables import EVENTS, UNKNOWN_EVENTS
from uam_platform.lake.io_manager import as_table
from uam_platform.policy.load import load_section
from uam_platform.policy.quality import QualityPolicy

POLICY = load_section(QualityPolicy, "quality")
START = date(2025, 3, 3)
_DAY_US = 86_400_000_000


def day(number: int) -> date:
    return START + timedelta(days=number)


def event(number: int, name: str, side: str, **said: Any) -> dict[str, Any]:
    """An event on day `number`, at noon unless `hour` says otherwise, known at once unless `late_days` says otherwise."""
    at = pd.Timestamp(day(number)) + pd.Timedelta(hours=said.pop("hour", 12))
    known = day(number) + timedelta(days=said.pop("late_days", 0))
    us = at.value // 1000
    blank = dict.fromkeys(EVENTS.column_names)
    return blank | {
        "source": "segment", "event_hi": 1, "event_lo": 1, "key_basis": "vendor_id", "event_date": day(number),
        "occurred_at": at, "occurred_us": us, "known_at": at, "known_us": us, "known_date": known,
        "is_known_at_imputed": False, "time_confidence": "exact", "actor_key": 1, "actor_kind": "user", "device_key": 0,
        "email_key": 0, "workspace_key": 1, "event_kind": "track", "event_name": name, "event_name_source": name,
        "side": side, "marker": "none", "is_core": False, "feature_bits": 0, "load_id": "l1", "row_no": 1,
    } | said  # fmt: skip


def run(number: int, run_id: str, actor: int = 1, is_told: bool = True, **context: Any) -> list[dict[str, Any]]:
    """A workflow run that a client began at ten (unless its telling is lost) and a server ended at eleven."""
    end = event(number, "workflow_completed", "server", workflow_id=run_id, actor_key=actor, hour=11)
    start = event(number, "workflow_started", "client", workflow_id=run_id, actor_key=actor, hour=10, **context)
    return [start, end] if is_told else [end]


def visit(number: int, actor: int = 1, **context: Any) -> dict[str, Any]:
    """A page that a client opened at nine: tells which browser and version the actor has."""
    return event(number, "page_viewed", "client", actor_key=actor, hour=9, **context)


def events(rows: list[dict[str, Any]]) -> ir.Table:
    return as_table(pd.DataFrame(rows, columns=list(EVENTS.column_names)), EVENTS)


def unknown(rows: list[dict[str, Any]]) -> ir.Table:
    """Unknown names of runs: each with workflow_id, event_name_source and number of the day."""
    if not rows:
        return ibis.memtable(arrow_schema(UNKNOWN_EVENTS).empty_table())
    full = [
        {
            "source": "segment", "load_id": "l1", "row_no": n, "reason": "unknown_name", "event_date": day(row["number"]),
            "event_hi": n, "event_lo": n, "side": "client", "known_date": day(row["number"]), **row,
        }
        for n, row in enumerate(rows)
    ]  # fmt: skip
    return as_table(pd.DataFrame(full), UNKNOWN_EVENTS)
