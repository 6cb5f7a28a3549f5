"""The contract and CRM facts of an account as known at each decision time.

Here: current term, renewal, tier and fit per snapshot. Not here: eligibility (`eligibility`), reading the CRM (`uam_platform.staging`).
"""

from typing import Any

import ibis
import ibis.expr.types as ir

_SPOT = ("account_id", "no")


def terms_at(subscriptions: ir.Table, snapshots: ir.Table) -> ir.Table:
    """What the contracts said, one row per account and snapshot with a started term.

    The current term is the latest started one that has not ended. An older term counts only until its agreed end: a term
    past it that is still the latest is taken to roll on, a renewed one is not revived when its successor ends.

    Args:
        subscriptions: SUBSCRIPTIONS.
        snapshots: `no`, `as_of`, `as_of_at` and `decision_at`.

    Returns:
        `account_id`, `no`, `term_count`, `first_started_at`, `has_term`, `has_notice`, and of the current term
        `billing_period`, `plan`, `seat_count`, `mrr_usd_cents`, `term_end_at` (null without one).
    """
    pairs = subscriptions.drop("source", "end_reason", "load_id").cross_join(snapshots)
    started = pairs.filter((pairs.started_at <= pairs.as_of_at) & (pairs.known_at < pairs.decision_at))
    newest = started.mutate(age_rank=ibis.row_number().over(_newest_first(started, ())))
    ended = (newest.ended_at <= newest.as_of_at).fill_null(ibis.literal(False))
    lapsed = (newest.term_end_at <= newest.as_of_at).fill_null(ibis.literal(False)) & (newest.age_rank > 0)
    alive = newest.mutate(is_alive=~ended & ~lapsed)
    ranked = alive.mutate(rank=ibis.row_number().over(_newest_first(alive, (alive.is_alive.desc(),))))
    is_current = ranked.is_alive & (ranked["rank"] == 0)
    current = {
        n: ranked[n].max(where=is_current)
        for n in ("billing_period", "plan", "seat_count", "mrr_usd_cents", "term_end_at")
    }
    return ranked.group_by(_SPOT).aggregate(
        term_count=ranked.count(),
        first_started_at=ranked.started_at.min(),
        has_term=is_current.any(),
        has_notice=(is_current & (ranked.notice_at < ranked.decision_at).fill_null(ibis.literal(False))).any(),
        **current,
    )


def crm_at(accounts: ir.Table, snapshots: ir.Table) -> ir.Table:
    """Tier and fit by the newest CRM row known at each decision, one row per account and snapshot.

    `valid_to_at` is not looked at: it is written when the next row is, which may be known later than this snapshot.
    """
    rows = accounts.select("account_id", "tier", "strategic_fit", "valid_from_at", "known_at").cross_join(snapshots)
    known = rows.filter((rows.valid_from_at <= rows.as_of_at) & (rows.known_at < rows.decision_at))
    newest = ibis.window(group_by=_SPOT, order_by=[known.valid_from_at.desc(), known.known_at.desc()])
    ranked = known.mutate(rank=ibis.row_number().over(newest))
    return ranked.filter(ranked["rank"] == 0).select(*_SPOT, "tier", "strategic_fit")


def _newest_first(terms: ir.Table, before: tuple[Any, ...]) -> Any:
    order = (terms.started_at.desc(), terms.known_at.desc(), terms.subscription_id.desc())
    return ibis.window(group_by=_SPOT, order_by=[*before, *order])
