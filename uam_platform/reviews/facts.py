"""Everything a review looks at, read once: tables as of a snapshot, and the alerts in the ledger.

Here: reading, and cutting off what the snapshot could not know. Not here: what is made of it (`pack`), the page (`page`).
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import pandas as pd

from uam_platform.contracts import tables
from uam_platform.contracts.model import Contract
from uam_platform.contracts.tables_behavior import ISSUES, JOURNEYS, MINED_PATTERNS
from uam_platform.contracts.tables_evidence import COHORT_THEMES, THEMES
from uam_platform.contracts.tables_kpis import ACCOUNT_SCORES, VALUE_CHANGES, VALUE_WEEKS, WORKSHEETS
from uam_platform.lake.resource import Warehouse
from uam_platform.ledger import reviewing
from uam_platform.ledger.engine import Ledger
from uam_platform.ledger.reviewing import Decision, Judged, ReviewedAlert
from uam_platform.policy.reviews import ReviewPolicy


@dataclass(frozen=True)
class Facts:
    """What was known at one snapshot.

    Attributes:
        as_of: the snapshot.
        since: the snapshot it is compared with; `as_of` itself when there is no earlier one.
        revenue: REVENUE_AT_RISK rows of `as_of`.
        revenue_before: those of `since`.
        revenue_by_week: as_of, revenue_at_risk_usd_cents and arr_usd_cents over all snapshots.
        reasons: SCORE_REASONS rows of `as_of`.
        changes: SCORE_CHANGES rows of `as_of`.
        candidates: CANDIDATES rows after `since` up to `as_of`.
        journeys: JOURNEYS rows of the policy's window that were known.
        issues: ISSUES, as of the latest snapshot.
        patterns: MINED_PATTERNS, as of the latest snapshot.
        themes: THEMES rows of the last week known.
        cohort_themes: COHORT_THEMES rows of the last week known.
        scores: ACCOUNT_SCORES rows of `as_of`.
        worksheets: WORKSHEETS rows of `as_of`.
        value_changes: VALUE_CHANGES rows of `as_of`.
        value_before: those of `since`.
        value_weeks: VALUE_WEEKS rows of all snapshots up to `as_of`.
        alerts: open ones and those that changed.
        judged: verdicts by detector.
        decisions: verdicts since the last pack.
        openings: (as_of, transition, count) over time.
        set_aside: rows by table of what was broken or unknown.
    """

    as_of: date
    since: date
    revenue: pd.DataFrame
    revenue_before: pd.DataFrame
    revenue_by_week: pd.DataFrame
    reasons: pd.DataFrame
    changes: pd.DataFrame
    candidates: pd.DataFrame
    journeys: pd.DataFrame
    issues: pd.DataFrame
    patterns: pd.DataFrame
    themes: pd.DataFrame
    cohort_themes: pd.DataFrame
    scores: pd.DataFrame
    worksheets: pd.DataFrame
    value_changes: pd.DataFrame
    value_before: pd.DataFrame
    value_weeks: pd.DataFrame
    alerts: list[ReviewedAlert]
    judged: list[Judged]
    decisions: list[Decision]
    openings: list[tuple[date, str, int]]
    set_aside: dict[str, int]


def facts(warehouse: Warehouse, ledger: Ledger, as_of: date, now: datetime, policy: ReviewPolicy) -> Facts:
    """The facts of one review.

    Args:
        warehouse: the lake.
        ledger: the open ledger.
        as_of: a recorded snapshot.
        now: naive UTC; decisions up to here count.
        policy: windows.
    """
    key = as_of.isoformat()
    wanted = (as_of - timedelta(days=policy.compared_days)).isoformat()
    keys = warehouse.lake.keys(tables.REVENUE_AT_RISK)
    since = date.fromisoformat(max((k for k in keys if k <= wanted), default=key))
    week = [k for k in warehouse.lake.keys(tables.CANDIDATES) if since.isoformat() < k <= key]
    return Facts(
        as_of=as_of,
        since=since,
        revenue=_frame(warehouse, tables.REVENUE_AT_RISK, [key]),
        revenue_before=_frame(warehouse, tables.REVENUE_AT_RISK, [since.isoformat()]),
        revenue_by_week=_totals(warehouse, [k for k in keys if k <= key]),
        reasons=_frame(warehouse, tables.SCORE_REASONS, [key]),
        changes=_frame(warehouse, tables.SCORE_CHANGES, [key]),
        candidates=_frame(warehouse, tables.CANDIDATES, week),
        journeys=_recent(_frame(warehouse, JOURNEYS), as_of, policy.journey_days),
        issues=_frame(warehouse, ISSUES),
        patterns=_frame(warehouse, MINED_PATTERNS),
        themes=_last_week(_frame(warehouse, THEMES), as_of),
        cohort_themes=_last_week(_frame(warehouse, COHORT_THEMES), as_of),
        scores=_frame(warehouse, ACCOUNT_SCORES, [key]),
        worksheets=_frame(warehouse, WORKSHEETS, [key]),
        value_changes=_frame(warehouse, VALUE_CHANGES, [key]),
        value_before=_frame(warehouse, VALUE_CHANGES, [since.isoformat()]),
        value_weeks=_frame(warehouse, VALUE_WEEKS, [k for k in keys if k <= key]),
        alerts=reviewing.reviewed_alerts(ledger, since, as_of),
        judged=reviewing.judged(ledger),
        decisions=reviewing.decisions(ledger, datetime.combine(since, time()), now),
        openings=reviewing.alerts_by_week(ledger, as_of),
        set_aside={
            "broken records": _rows(warehouse, tables.QUARANTINE),
            "events of unknown name": _rows(warehouse, tables.UNKNOWN_EVENTS),
            "repeats": _rows(warehouse, tables.DUPLICATES_LOG),
        },
    )


def _frame(warehouse: Warehouse, contract: Contract, keys: list[str] | None = None) -> pd.DataFrame:
    if keys is not None:
        published = set(warehouse.lake.keys(contract))
        keys = [key for key in keys if key in published]
    return warehouse.lake.read(warehouse.connection, contract, keys).to_pandas()


def _totals(warehouse: Warehouse, keys: list[str]) -> pd.DataFrame:
    table = warehouse.lake.read(warehouse.connection, tables.REVENUE_AT_RISK, keys)
    columns = ["revenue_at_risk_usd_cents", "arr_usd_cents"]
    return table.group_by("as_of").agg(**{c: table[c].sum() for c in columns}).order_by("as_of").to_pandas()


def _recent(journeys: pd.DataFrame, as_of: date, days: int) -> pd.DataFrame:
    event, known = pd.to_datetime(journeys["event_date"]), pd.to_datetime(journeys["known_date"])
    low, high = pd.Timestamp(as_of - timedelta(days=days)), pd.Timestamp(as_of)
    return journeys[(event >= low) & (event < high) & (known < high)]


def _last_week(themes: pd.DataFrame, as_of: date) -> pd.DataFrame:
    days = pd.to_datetime(themes["as_of"])
    seen = themes[days <= pd.Timestamp(as_of)]
    return seen[pd.to_datetime(seen["as_of"]) == days[days <= pd.Timestamp(as_of)].max()]


def _rows(warehouse: Warehouse, contract: Contract) -> int:
    lake = warehouse.lake
    return sum(int((lake.pointer(contract, key) or {"rows": 0})["rows"]) for key in lake.keys(contract))
