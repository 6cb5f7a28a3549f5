"""Account features: what was known of every account at each decision time, for all snapshots in one query.

Here: which accounts have a row, and the columns that combine others. Not here: activity (`activity`), tickets (`support`),
contracts (`terms`), the arithmetic of windows (`uam_platform.temporal.windows`).
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

import ibis
import ibis.expr.types as ir
import pandas as pd

from uam_platform.behavior.activity import WINDOWS, active_days, activity_changes, placed_activity
from uam_platform.behavior.eligibility import EligibilityRule, is_eligible
from uam_platform.behavior.support import placed_changes, support_changes
from uam_platform.behavior.terms import crm_at, terms_at
from uam_platform.contracts.tables import ACCOUNT_FEATURES
from uam_platform.lake.engine import conform
from uam_platform.policy.time import TimePolicy
from uam_platform.temporal.windows import Calendar, beside, running_totals

_CORE_SHRINK: Final = 5  # completions; below it a ratio is mostly noise
_PERSON_SHRINK: Final = 1


def account_features(
    activity: ir.Table,
    tickets: ir.Table,
    ticket_events: ir.Table,
    subscriptions: ir.Table,
    accounts: ir.Table,
    *,
    as_of: Sequence[date],
    policy: TimePolicy,
    eligibility: EligibilityRule | None = None,
    snapshot_version: int = 0,
) -> ir.Table:
    """One row per snapshot and account that was seen before it.

    A fact counts only if it happened before `as_of` and was known before `decision_at`, links included; what arrives
    later never changes a row, whichever other snapshots are asked for along with it.

    Args:
        activity: actor-days as `attach` returns them.
        tickets: TICKETS.
        ticket_events: TICKET_EVENTS.
        subscriptions: SUBSCRIPTIONS.
        accounts: ACCOUNTS.
        as_of: the snapshots.
        policy: decision grace.
        eligibility: who may be scored.
        snapshot_version: 0 as first recorded, higher for an explicit restatement.

    Returns:
        Rows of the ACCOUNT_FEATURES contract.

    Raises:
        ValueError: no snapshot is asked for.
    """
    rule = eligibility or EligibilityRule()
    calendar = Calendar(as_of, WINDOWS)
    snapshots = _snapshots(calendar, policy)
    acted, support = placed_activity(activity, calendar), placed_changes(tickets, ticket_events, calendar)
    days = active_days(acted)
    terms, crm = terms_at(subscriptions, snapshots), crm_at(accounts, snapshots)
    spots = _spots([days, support], [terms, crm], snapshots)
    grid = spots.select("account_id", "no")
    escalations = support.filter(support.change == "escalated")
    deltas = [*activity_changes(acted, days, calendar), *support_changes(support, calendar)]
    dates = [
        calendar.latest(days, grid, "account_id", "last_event_date"),
        calendar.earliest(days, grid, "account_id", "first_event_date"),
        calendar.latest(escalations, grid, "account_id", "last_escalation_date"),
    ]
    rows = beside(spots, "account_id", [*deltas, *dates, terms, crm])
    changed = [c for delta in deltas for c in delta.columns if c not in ("account_id", "no")]
    rows = rows.mutate(**running_totals(rows, "account_id", changed))
    rows = _with_ratios(_with_contract(_with_ages(rows), rule))
    rows = rows.mutate(is_eligible=is_eligible(rows, rule), snapshot_version=ibis.literal(snapshot_version, "int32"))
    return conform(rows, ACCOUNT_FEATURES)


def _snapshots(calendar: Calendar, policy: TimePolicy) -> ir.Table:
    frame = pd.DataFrame(
        {
            "no": range(calendar.count),
            "as_of": calendar.as_of,
            "as_of_at": [datetime(d.year, d.month, d.day) for d in calendar.as_of],  # noqa: DTZ001 - naive UTC
            "decision_at": [policy.decision_at(d) for d in calendar.as_of],
        }
    )
    schema = {"no": "int64", "as_of": "date", "as_of_at": "timestamp(6)", "decision_at": "timestamp(6)"}
    return ibis.memtable(frame, schema=schema)


def _spots(placed: Sequence[ir.Table], spotted: Sequence[ir.Table], snapshots: ir.Table) -> ir.Table:
    """Every account at every snapshot from the first that has heard of it."""
    firsts = [p.group_by("account_id").aggregate(seen_no=p.begin_no.min()) for p in placed]
    firsts += [s.group_by("account_id").aggregate(seen_no=s.no.min()) for s in spotted]
    every = ibis.union(*firsts)
    pairs = every.group_by("account_id").aggregate(seen_no=every.seen_no.min()).cross_join(snapshots)
    return pairs.filter(pairs.no >= pairs.seen_no).drop("seen_no")


def _with_ages(rows: ir.Table) -> ir.Table:
    first = ibis.coalesce(rows.first_started_at.date(), rows.first_event_date, rows.as_of)
    return rows.mutate(
        days_since_last_event=rows.as_of.delta(rows.last_event_date, unit="day"),
        days_since_escalation=rows.as_of.delta(rows.last_escalation_date, unit="day"),
        tenure_days=rows.as_of.delta(first, unit="day"),
        days_to_renewal=rows.term_end_at.date().delta(rows.as_of, unit="day"),
    )


def _with_contract(rows: ir.Table, rule: EligibilityRule) -> ir.Table:
    mrr = rows.mrr_usd_cents.fill_null(0)
    trailing = ibis.greatest(rows.revenue_364d_usd_cents, 0)
    return rows.mutate(
        has_term=rows.has_term.fill_null(ibis.literal(False)),
        has_notice=rows.has_notice.fill_null(ibis.literal(False)),
        billing_period=rows.billing_period.fill_null("none"),
        tier=rows.tier.fill_null("unknown"),
        strategic_fit=rows.strategic_fit.fill_null("unknown"),
        term_count=rows.term_count.fill_null(0),
        mrr_usd_cents=mrr,
        arr_usd_cents=mrr * 12 if rule.has_subscriptions else trailing,
    )


def _with_ratios(rows: ir.Table) -> ir.Table:
    core, core_before = rows.core_28d_count + _CORE_SHRINK, rows.core_prior_28d_count + _CORE_SHRINK
    people, people_before = (
        rows.active_person_28d_count + _PERSON_SHRINK,
        rows.active_person_prior_28d_count + _PERSON_SHRINK,
    )
    return rows.mutate(
        core_trend_ratio=core / core_before,
        depth_trend_ratio=(core * people_before) / (core_before * people),  # one division: no rounding on the way
        spread_trend_ratio=people / people_before,
        friction_rate_ratio=rows.friction_28d_count / core,
        seat_use_ratio=rows.active_person_28d_count / rows.seat_count.nullif(0),
    )
