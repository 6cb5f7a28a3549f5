"""Dagster face of behaviour: sessions, daily activity and point-in-time features.

Here: partitions, inputs and the plots people look at. Not here: the computations (`sessions`, `daily`, `attach`, `features`).
"""

from datetime import date

import dagster as dg
import ibis.expr.types as ir

from uam_platform.behavior.attach import attach
from uam_platform.behavior.daily import actor_days as daily_activity
from uam_platform.behavior.eligibility import EligibilityRule
from uam_platform.behavior.features import account_features as features_of
from uam_platform.behavior.sessions import sessions as sessions_of
from uam_platform.contracts import tables
from uam_platform.orchestration.assets import table_asset, table_in
from uam_platform.orchestration.checks import contract_check
from uam_platform.orchestration.stale import RESTATEMENT_TAG, refuse_unasked_restatement
from uam_platform.orchestration.wiring import Wiring


def sessions_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """Sessions of the days of the run; events one day either side are read so that midnight does not cut them."""
    around = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=1, allow_nonexistent_upstream_partitions=True)

    @table_asset(
        tables.SESSIONS,
        trigger="touched_days_sensor",
        ins={"events": table_in(tables.EVENTS, around)},
        partitions=wiring.days,
    )
    def sessions(context: dg.AssetExecutionContext, events: ir.Table) -> ir.Table:
        days = sorted(context.partition_keys)
        rule = wiring.rulebook.session_rule
        return sessions_of(events, date.fromisoformat(days[0]), date.fromisoformat(days[-1]), rule)

    return sessions


def actor_days_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """Daily activity per actor, workspace and known day."""

    @table_asset(
        tables.ACTOR_DAYS,
        trigger="touched_days_sensor",
        ins={"events": table_in(tables.EVENTS), "sessions": table_in(tables.SESSIONS)},
        partitions=wiring.days,
    )
    def actor_days(events: ir.Table, sessions: ir.Table) -> ir.Table:
        return daily_activity(events, sessions)

    return actor_days


def account_features_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """Point-in-time features of all accounts for the snapshots of the run, in one query."""

    @table_asset(
        tables.ACCOUNT_FEATURES,
        trigger="snapshot_schedule",
        ins={
            tables.ACTOR_DAYS.name: table_in(
                tables.ACTOR_DAYS, dg.AllPartitionMapping()
            ),  # not the day of the same name
            **{
                c.name: table_in(c)
                for c in (
                    tables.PEOPLE,
                    tables.MEMBERSHIPS,
                    tables.HIERARCHY,
                    tables.TICKETS,
                    tables.TICKET_EVENTS,
                    tables.SUBSCRIPTIONS,
                    tables.ACCOUNTS,
                )
            },
        },
        partitions=wiring.as_of,
    )
    def account_features(
        context: dg.AssetExecutionContext,
        actor_days: ir.Table,
        people: ir.Table,
        memberships: ir.Table,
        hierarchy: ir.Table,
        tickets: ir.Table,
        ticket_events: ir.Table,
        subscriptions: ir.Table,
        accounts: ir.Table,
    ) -> ir.Table:
        refuse_unasked_restatement(context.instance, context.partition_keys, context.run.tags)
        attached = attach(actor_days, hierarchy, people, memberships)
        days = [date.fromisoformat(key) for key in context.partition_keys]
        facts = (attached, tickets, ticket_events, subscriptions, accounts)
        rule = EligibilityRule(has_subscriptions=wiring.rulebook.churn.label_kind == "subscription_end")
        version = int(context.run.tags.get(RESTATEMENT_TAG, 0))
        return features_of(*facts, as_of=days, policy=wiring.rulebook.time, eligibility=rule, snapshot_version=version)

    return account_features


def definitions(wiring: Wiring) -> dg.Definitions:
    """Assets and checks of behaviour."""
    return dg.Definitions(
        assets=[sessions_asset(wiring), actor_days_asset(wiring), account_features_asset(wiring)],
        asset_checks=[
            contract_check(tables.SESSIONS, wiring.days),
            contract_check(tables.ACTOR_DAYS, wiring.days),
            contract_check(tables.ACCOUNT_FEATURES, wiring.as_of),
        ],
    )
