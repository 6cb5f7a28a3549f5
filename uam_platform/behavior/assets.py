"""Dagster face of behaviour: sessions, daily activity, point-in-time features, sequences, journeys, mined patterns and issues.

Here: partitions, inputs and the plots people look at. Not here: the computations (`sessions`, `daily`, `attach`, `features`,
`sequences`, `journeys`, `mined_patterns`, `issues`), cohorts (`cohort_tables`).
"""

from datetime import date

import dagster as dg
import ibis.expr.types as ir
import pandas as pd

from uam_platform.behavior.attach import attach
from uam_platform.behavior.cohort_tables import publish_cohorts
from uam_platform.behavior.daily import actor_days as daily_activity
from uam_platform.behavior.eligibility import EligibilityRule
from uam_platform.behavior.features import account_features as features_of
from uam_platform.behavior.issues import failures, issue_weeks
from uam_platform.behavior.issues import issues as issues_of
from uam_platform.behavior.journeys import journeys as journeys_of
from uam_platform.behavior.kept_out import customer_events, customer_rows
from uam_platform.behavior.mined_patterns import mined_patterns as patterns_of
from uam_platform.behavior.mined_patterns import needed_columns, search
from uam_platform.behavior.mining_plots import TOLD, lifts, most_telling
from uam_platform.behavior.named_actions import publish_named_actions
from uam_platform.behavior.sequence_facts import Links, core_times, step_facts
from uam_platform.behavior.sequence_plots import issues_by_week, journeys_by_week, matches_by_week, steps_reached
from uam_platform.behavior.sequence_tables import match_tables
from uam_platform.behavior.sequences import accounts_to_judge, found_sequences, midnight_us
from uam_platform.behavior.sessions import sessions as sessions_of
from uam_platform.behavior.transition_plots import heat_map
from uam_platform.behavior.transitions import transitions as transitions_of
from uam_platform.behavior.workflow_days import flag_starts
from uam_platform.behavior.workflow_days import workflow_days as workflow_days_of
from uam_platform.behavior.working_hours import working_hours
from uam_platform.contracts import tables
from uam_platform.lake.io_manager import as_table, markdown_table
from uam_platform.lake.resource import Warehouse
from uam_platform.orchestration.assets import table_asset, table_in
from uam_platform.orchestration.checks import contract_check
from uam_platform.orchestration.stale import RESTATEMENT_TAG, refuse_unasked_restatement
from uam_platform.orchestration.wiring import Wiring

_LINKS = (tables.HIERARCHY, tables.PEOPLE, tables.MEMBERSHIPS)


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
        days = [date.fromisoformat(key) for key in context.partition_keys]
        warehouse: Warehouse = context.resources.warehouse
        groups, servers = wiring.rulebook.scores.action_groups, wiring.rulebook.taxonomy.told_by_servers()
        publish_named_actions(warehouse.connection, warehouse.lake, days, groups, servers)
        facts = (attach(actor_days, hierarchy, people, memberships), tickets, ticket_events, subscriptions, accounts)
        rule = EligibilityRule(has_subscriptions=wiring.rulebook.churn.label_kind == "subscription_end")
        version = int(context.run.tags.get(RESTATEMENT_TAG, 0))
        made = features_of(*facts, as_of=days, policy=wiring.rulebook.time, eligibility=rule, snapshot_version=version)
        return customer_rows(made, warehouse.lake.read(warehouse.connection, tables.EXCLUDED_ACCOUNTS))

    return account_features


def sequence_matches_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """Completions of the declared sequences over all of history; the rows they stand on go beside them."""
    read = (tables.EVENTS, tables.TICKETS, tables.TICKET_EVENTS, *_LINKS)

    @table_asset(
        tables.SEQUENCE_MATCHES,
        trigger="snapshot_schedule",
        ins={c.name: table_in(c) for c in read},
        kinds=frozenset({"duckdb", "pandas", "parquet"}),
    )
    def sequence_matches(
        context: dg.AssetExecutionContext,
        events: ir.Table,
        tickets: ir.Table,
        ticket_events: ir.Table,
        hierarchy: ir.Table,
        people: ir.Table,
        memberships: ir.Table,
    ) -> pd.DataFrame:
        warehouse: Warehouse = context.resources.warehouse
        policy, links = wiring.rulebook.sequences, Links(hierarchy, people, memberships)
        facts = step_facts(events, tickets, ticket_events, links, policy)
        core = core_times(events, links, accounts_to_judge(facts, policy))
        found = found_sequences(facts, policy, core, midnight_us(wiring.closed_as_of))
        matches, steps = match_tables(found, facts, policy)
        rows = as_table(steps, tables.SEQUENCE_STEPS)
        warehouse.lake.publish(warehouse.connection, tables.SEQUENCE_STEPS, rows)
        plots = {"matches_by_week": matches_by_week(matches), "steps_reached": steps_reached(facts, matches, policy)}
        unknown = sorted(policy.event_names() - set(wiring.rulebook.taxonomy.events))
        context.add_output_metadata({**plots, "step_rows": len(steps), "events_not_in_taxonomy": ", ".join(unknown)})
        return matches

    return sequence_matches


def journeys_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """Stalled workflows, abandoned features, onboarding and repeated failure over all of history; cohorts go beside them."""

    @table_asset(
        tables.JOURNEYS,
        trigger="snapshot_schedule",
        ins={
            "features": table_in(tables.ACCOUNT_FEATURES),
            **{c.name: table_in(c) for c in (tables.EVENTS, tables.ACTOR_DAYS, tables.LABELS, *_LINKS)},
        },
        kinds=frozenset({"duckdb", "scikitlearn", "parquet"}),
    )
    def journeys(
        context: dg.AssetExecutionContext,
        features: ir.Table,
        events: ir.Table,
        actor_days: ir.Table,
        labels: ir.Table,
        hierarchy: ir.Table,
        people: ir.Table,
        memberships: ir.Table,
    ) -> pd.DataFrame:
        links = Links(hierarchy, people, memberships)
        found = journeys_of(events, actor_days, links, wiring.rulebook.journeys, wiring.closed_as_of)
        rules, warehouse = wiring.rulebook, context.resources.warehouse
        lag = rules.churn.label_lag_days
        shown = publish_cohorts(warehouse, features, labels, events, links, rules.cohorts, lag, found)
        context.add_output_metadata({"journeys_by_week": journeys_by_week(found), **shown})
        return found

    return journeys


def workflow_days_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """Use and failures of workflows over all of history; beside them first sight of each flag and hours of work."""

    @table_asset(
        tables.WORKFLOW_DAYS,
        trigger="snapshot_schedule",
        ins={c.name: table_in(c) for c in (tables.EVENTS, *_LINKS)},
    )
    def workflow_days(
        context: dg.AssetExecutionContext,
        events: ir.Table,
        hierarchy: ir.Table,
        people: ir.Table,
        memberships: ir.Table,
    ) -> ir.Table:
        warehouse: Warehouse = context.resources.warehouse
        starts = flag_starts(events, hierarchy, people, memberships)
        warehouse.lake.publish(warehouse.connection, tables.FLAG_STARTS, starts)
        hours = working_hours(events, hierarchy, people, memberships)
        warehouse.lake.publish(warehouse.connection, tables.WORKING_HOURS, hours)
        return workflow_days_of(events, hierarchy, people, memberships)

    return workflow_days


def transitions_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """Which action follows which within the sessions of the last thirteen closed weeks."""
    read = (tables.EVENTS, tables.PEOPLE, tables.HIERARCHY)

    @table_asset(tables.TRANSITIONS, trigger="snapshot_schedule", ins={c.name: table_in(c) for c in read})
    def transitions(
        context: dg.AssetExecutionContext, events: ir.Table, people: ir.Table, hierarchy: ir.Table
    ) -> pd.DataFrame:
        acted = customer_events(events, people, hierarchy, wiring.closed_as_of)
        found = transitions_of(acted, wiring.closed_as_of, wiring.rulebook.session_rule).to_pandas()
        context.add_output_metadata({"what_follows_what": heat_map(found)})
        return found

    return transitions


def mined_patterns_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """Patterns that repeat before customers leave or grow, over all of history."""
    read = (tables.EVENTS, tables.LABELS, tables.OPPORTUNITIES, *_LINKS)

    @table_asset(
        tables.MINED_PATTERNS,
        trigger="snapshot_schedule",
        ins={"features": table_in(tables.ACCOUNT_FEATURES), **{c.name: table_in(c) for c in read}},
        kinds=frozenset({"duckdb", "scipy", "parquet"}),
    )
    def mined_patterns(
        context: dg.AssetExecutionContext,
        features: ir.Table,
        events: ir.Table,
        labels: ir.Table,
        opportunities: ir.Table,
        hierarchy: ir.Table,
        people: ir.Table,
        memberships: ir.Table,
    ) -> pd.DataFrame:
        policy, links = wiring.rulebook.mining, Links(hierarchy, people, memberships)
        known = features.select(*needed_columns(policy)).to_pandas()
        facts = (known, labels.to_pandas(), opportunities.to_pandas())
        mined = search(events, links, *facts, policy, wiring.rulebook.session_rule, wiring.closed_as_of)
        found = patterns_of(mined, policy)
        outcomes = mined.sets.loc[mined.sets["is_case"], "outcome"].value_counts().to_dict()
        told = {"lifts": lifts(found), "most_telling": markdown_table(most_telling(found)[list(TOLD)])}
        context.add_output_metadata({**told, "outcomes_looked_at": {str(k): int(v) for k, v in outcomes.items()}})
        return found

    return mined_patterns


def issues_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """The report on issues as of the latest snapshot; its weeks go beside it."""
    read = (tables.EVENTS, tables.TICKETS, tables.TICKET_EVENTS, *_LINKS)

    @table_asset(
        tables.ISSUES,
        trigger="snapshot_schedule",
        ins={"features": table_in(tables.ACCOUNT_FEATURES), **{c.name: table_in(c) for c in read}},
        kinds=frozenset({"duckdb", "pandas", "parquet"}),
    )
    def issues(
        context: dg.AssetExecutionContext,
        features: ir.Table,
        events: ir.Table,
        tickets: ir.Table,
        ticket_events: ir.Table,
        hierarchy: ir.Table,
        people: ir.Table,
        memberships: ir.Table,
    ) -> pd.DataFrame:
        policy, until = wiring.rulebook.issues, wiring.closed_as_of
        facts = (events, tickets, ticket_events, Links(hierarchy, people, memberships))
        rows = failures(*facts, policy, wiring.rulebook.session_rule, until)
        weeks = issue_weeks(rows, policy, until)
        warehouse: Warehouse = context.resources.warehouse
        warehouse.lake.publish(warehouse.connection, tables.ISSUE_WEEKS, as_table(weeks, tables.ISSUE_WEEKS))
        now = features.filter(features.as_of == until).select("account_id", "arr_usd_cents").to_pandas()
        context.add_output_metadata({"by_week": issues_by_week(weeks)})
        return issues_of(rows, now.set_index("account_id")["arr_usd_cents"], policy, until)

    return issues


def definitions(wiring: Wiring) -> dg.Definitions:
    """Assets and checks of behaviour."""
    return dg.Definitions(
        assets=[
            sessions_asset(wiring),
            actor_days_asset(wiring),
            account_features_asset(wiring),
            sequence_matches_asset(wiring),
            workflow_days_asset(wiring),
            journeys_asset(wiring),
            transitions_asset(wiring),
            mined_patterns_asset(wiring),
            issues_asset(wiring),
        ],
        asset_checks=[
            contract_check(tables.SESSIONS, wiring.days),
            contract_check(tables.ACTOR_DAYS, wiring.days),
            contract_check(tables.ACCOUNT_FEATURES, wiring.as_of),
            contract_check(tables.SEQUENCE_MATCHES, None),
            contract_check(tables.WORKFLOW_DAYS, None),
            contract_check(tables.JOURNEYS, None),
            contract_check(tables.TRANSITIONS, None),
            contract_check(tables.MINED_PATTERNS, None),
            contract_check(tables.ISSUES, None),
        ],
    )
