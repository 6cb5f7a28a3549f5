"""What changed at one account since the week before: churn score and its reasons, dollars at risk.

Here: stored score changes beside the dollars of both snapshots, in words with their rows. Not here: how changes of a score are found
(`uam_platform.churn.changes`), lines of worksheets (`worksheet`), who shows them (`worksheet_page`, `uam_platform.timeline`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import pandas as pd
from ibis.backends.duckdb import Backend

from uam_platform.contracts.model import Contract
from uam_platform.contracts.money import dollars, more_or_less
from uam_platform.contracts.tables import REVENUE_AT_RISK, SCORE_CHANGES
from uam_platform.lake.store import Lake

_NEWS: Final = 0.1  # share of the dollars at risk before


@dataclass(frozen=True)
class WeekChange:
    """One account in one snapshot beside the one a week before.

    Attributes:
        as_of: the snapshot.
        before: the snapshot it is compared with.
        texts: sentences on score and dollars; what is not known in both snapshots is not told.
        pointers: rows they stand on.
        is_news: reasons came or went, or the dollars moved by a tenth; false where the week was like the one before.
    """

    as_of: date
    before: date
    texts: tuple[str, ...]
    pointers: tuple[str, ...]
    is_news: bool


def week_changes(
    connection: Backend, lake: Lake, account_id: str, snapshots: Sequence[date] | None = None
) -> list[WeekChange]:
    """Changes of an account, oldest first, in the snapshots named or all; empty where no score was stored.

    Args:
        connection: engine.
        lake: tables of a run.
        account_id: canonical id.
        snapshots: days to tell of; None: all.
    """
    keys = None if snapshots is None else [day.isoformat() for day in snapshots]
    changes = _own(connection, lake, SCORE_CHANGES, account_id, keys)
    before = [day.isoformat() for day in sorted(set(changes["previous_as_of"]))]
    money = _own(connection, lake, REVENUE_AT_RISK, account_id, None if keys is None else [*keys, *before])
    at_risk = dict(zip(money["as_of"], money["revenue_at_risk_usd_cents"], strict=True))
    return [_change(row, account_id, at_risk) for row in changes.sort_values("as_of").to_dict("records")]


def weekly(snapshots: Sequence[date]) -> list[date]:
    """Of daily and weekly snapshots those a week or more apart, counted back from the last: their changes do not overlap."""
    kept: list[date] = []
    for day in sorted(snapshots, reverse=True):
        if not kept or kept[-1] - day >= timedelta(days=7):
            kept.append(day)
    return kept[::-1]


def _own(
    connection: Backend, lake: Lake, contract: Contract, account_id: str, keys: Sequence[str] | None
) -> pd.DataFrame:
    published = lake.keys(contract)
    wanted = published if keys is None else [key for key in sorted(set(keys)) if key in set(published)]
    table = lake.read(connection, contract, wanted)
    rows = table.filter(table.account_id == account_id).to_pandas()
    days = {name: pd.to_datetime(rows[name]).dt.date for name in ("as_of", "previous_as_of") if name in rows}
    return rows.assign(**days)


def _change(row: dict[Any, Any], account_id: str, at_risk: dict[date, int]) -> WeekChange:
    day, before = row["as_of"], row["previous_as_of"]
    texts = [f"Churn score {row['change_text']}."]
    pointers = [f"churn/score_changes: account_id={account_id}, as_of={day}"]
    now, then = at_risk.get(day), at_risk.get(before)
    moved = 0.0
    if now is not None and then is not None:
        texts.append(f"Revenue at risk {dollars(then)} to {dollars(now)} ({more_or_less(now - then)}).")
        pointers.append(f"kpis/revenue_at_risk: account_id={account_id}, as_of={before} and {day}")
        moved = abs(now - then) / max(then, 1)
    is_news = bool(row["new_reason_count"] or row["gone_reason_count"] or moved >= _NEWS)
    return WeekChange(day, before, tuple(texts), tuple(pointers), is_news)
