"""Signals of other tools beside a worksheet: what others said of the account, for whoever reads its scores.

Here: which signals a snapshot may know, in words. Not here: the scores, which read none of them (`formulas`), how signals arrive
(`uam_platform.staging.external_signals`).
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

import pandas as pd
from ibis.backends.duckdb import Backend

from uam_platform.contracts.tables import EXTERNAL_SIGNALS
from uam_platform.lake.store import Lake

WINDOW: Final = timedelta(days=84)
_MOST: Final = 10


def outside_signals(connection: Backend, lake: Lake, account_id: str, as_of: date) -> tuple[str, ...]:
    """The latest signals on an account that the snapshot of `as_of` could know, newest first, each with its row."""
    table = lake.read(connection, EXTERNAL_SIGNALS)
    own = table.filter(table.account_id == account_id).to_pandas()
    days = pd.to_datetime(own["known_date"]).dt.date
    seen = own[(days < as_of) & (days >= as_of - WINDOW)]
    latest = seen.sort_values(["occurred_at", "signal_id"], ascending=[False, True]).head(_MOST)
    return tuple(
        f"{pd.Timestamp(str(row['occurred_at'])):%Y-%m-%d} {signal_in_words(row)} [signal_id={row['signal_id']}]"
        for row in latest.to_dict("records")
    )


def signal_in_words(row: Mapping[Any, Any]) -> str:
    """Who tells what of a row of EXTERNAL_SIGNALS, with value, confidence and text where it has them."""
    value, sure, words = row["signal_value"], row["signal_confidence_ratio"], row["signal_text"]
    facts = [*([] if pd.isna(value) else [f"{value:g}"]), *([] if pd.isna(sure) else [f"{sure:.0%} sure"])]
    told = f" ({', '.join(facts)})" if facts else ""
    text = f": {words}" if isinstance(words, str) else ""
    return f"{row['sender']} tells {row['signal_name']}{told}{text}"
