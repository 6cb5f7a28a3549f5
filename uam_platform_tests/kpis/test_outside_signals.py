"""Signals of other tools beside a worksheet: only what the snapshot could know, newest first, each with its row."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from uam_platform.contracts.tables import EXTERNAL_SIGNALS
from uam_platform.kpis.outside_signals import outside_signals
from uam_platform.lake.engine import connect
from uam_platform.lake.io_manager import as_table
from uam_platform.lake.store import Lake
from uam_platform.staging.record_values import frame

AS_OF = date(2025, 6, 2)


def signal(own: str, days_before: int, account: str = "acc_1", **changed: Any) -> dict[str, Any]:
    """A signal that happened and was known so many days before the snapshot."""
    day = AS_OF - timedelta(days=days_before)
    at = datetime.combine(day, datetime.min.time())
    row = {
        "source": "exchange", "signal_id": f"sigos/{own}", "sender": "sigos", "signal_name": "revenue_blocker", "account_id": account,
        "attached_by": "declared", "actor_key": 0, "email_key": 0, "signal_value": 3.0, "signal_confidence_ratio": 0.8,
        "signal_text": "The export.", "signal_url": None, "redaction_count": 0, "occurred_at": at, "known_at": at, "known_date": day,
        "load_id": "l1", "row_no": 0,
    }  # fmt: skip
    return row | changed


def told(folder: Path, *rows: dict[str, Any]) -> tuple[str, ...]:
    connection, lake = connect(), Lake(folder / "lake")
    found: pd.DataFrame = frame(EXTERNAL_SIGNALS, rows)
    lake.publish(connection, EXTERNAL_SIGNALS, as_table(found, EXTERNAL_SIGNALS))
    return outside_signals(connection, lake, "acc_1", AS_OF)


def test_a_snapshot_shows_what_it_could_know_newest_first(tmp_path: Path) -> None:
    rows = [
        signal("old", 85),
        signal("one", 20),
        signal("two", 3),
        signal("known_later", 5, known_date=AS_OF),
        signal("other", 3, "acc_2"),
    ]
    assert [text.rsplit("signal_id=", 1)[1] for text in told(tmp_path, *rows)] == ["sigos/two]", "sigos/one]"]


def test_a_signal_is_told_with_what_it_has(tmp_path: Path) -> None:
    bare = signal("b", 3, signal_value=None, signal_confidence_ratio=None, signal_text=None)
    assert told(tmp_path, signal("a", 2), bare) == (
        "2025-05-31 sigos tells revenue_blocker (3, 80% sure): The export. [signal_id=sigos/a]",
        "2025-05-30 sigos tells revenue_blocker [signal_id=sigos/b]",
    )


def test_nobody_said_anything_where_the_table_was_never_written(tmp_path: Path) -> None:
    assert outside_signals(connect(), Lake(tmp_path / "lake"), "acc_1", AS_OF) == ()
