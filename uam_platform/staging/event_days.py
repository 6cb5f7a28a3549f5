"""Computes the event tables of some days from the lake: what was set aside is published, the events are returned.

Here: what is read, and the order of writes. Not here: which deliveries are events (`events`) or tell of one action
(`same_action`), taking loads in (`intake`).
"""

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date, timedelta

import ibis.expr.types as ir
from ibis.backends.duckdb import Backend

from uam_platform.contracts.tables import (
    DELIVERIES,
    DUPLICATES_LOG,
    IDENTITY_EVIDENCE,
    REPEATED_KEYS,
    UNKNOWN_EVENTS,
)
from uam_platform.lake.store import Lake
from uam_platform.policy.taxonomy import Taxonomy
from uam_platform.policy.time import TimePolicy
from uam_platform.staging.events import repeats_among, without_repeats
from uam_platform.staging.intake import delivery_keys_of
from uam_platform.staging.same_action import sent_again, told_by_other_tool, told_namelessly
from uam_platform.staging.time_sql import DAY_US


def publish_around_events(
    connection: Backend, lake: Lake, days: Sequence[str], taxonomy: Taxonomy, policy: TimePolicy
) -> ir.Table:
    """Publish repeats, unknown events and identity evidence of `days`.

    The repeats are published first and read back: they are few, and finding them again for each of the other tables would
    cost more than writing those.

    Args:
        connection: engine.
        lake: holds the deliveries of all loads.
        days: event days, ISO, in order and without gaps.
        taxonomy: the company's event names.
        policy: when deliveries with different ids tell of one action.

    Returns:
        EVENTS of the days, lazy.
    """
    deliveries = lake.read(connection, DELIVERIES, delivery_keys_of(lake, days))
    with ExitStack() as stack:
        repeats = _repeats(connection, lake, days, taxonomy, policy, stack)
        lake.publish(connection, DUPLICATES_LOG, repeats, days)
    found = without_repeats(deliveries, lake.read(connection, DUPLICATES_LOG, days), taxonomy)
    lake.publish(connection, UNKNOWN_EVENTS, found.unknown_events, days)
    lake.publish(connection, IDENTITY_EVIDENCE, found.identity_evidence, days)
    return found.events


def _repeats(
    connection: Backend, lake: Lake, days: Sequence[str], taxonomy: Taxonomy, policy: TimePolicy, stack: ExitStack
) -> ir.Table:
    """DUPLICATES_LOG of `days`: by id, sent again, told by another tool; the last only where another tool delivered."""
    rule, sources = policy.same_action, policy.receiving_sources
    keys, around = delivery_keys_of(lake, days), delivery_keys_of(lake, [*_neighbours(days), *days])
    has_tools = len({source for key in around for source in sources if key.endswith(f"-{source}")}) > 1
    deliveries = lake.read(connection, DELIVERIES, around if has_tools else keys)
    by_id = repeats_among(deliveries, lake.read(connection, REPEATED_KEYS), rule.told_best_by)
    found = _stored(connection, by_id, "repeats_by_id", stack)
    if has_tools:
        first, last = (_midnight_us(day) for day in (days[0], _neighbours(days)[1]))
        deliveries = deliveries.filter(deliveries.occurred_us.between(first - rule.reach_us, last + rule.reach_us))
    again = sent_again(deliveries, found, taxonomy, rule, sources)
    found = _stored(connection, found.union(again), "repeats_in_a_tool", stack)
    if has_tools:
        found = found.union(told_by_other_tool(deliveries, found, taxonomy, rule, sources))
        found = _stored(connection, found, "repeats_of_known_actors", stack)
        found = found.union(told_namelessly(deliveries, found, taxonomy, rule, sources))
        found = _stored(connection, found, "repeats_of_all_tools", stack)
    return found.filter(found.event_date.cast("string").isin(list(days))) if has_tools else found


def _stored(connection: Backend, table: ir.Table, name: str, stack: ExitStack) -> ir.Table:
    """`table` computed once: it is few rows and read several times."""
    stored = connection.create_table(name, table, overwrite=True)
    stack.callback(connection.drop_table, name, force=True)
    return stored


def _neighbours(days: Sequence[str]) -> tuple[str, str]:
    """The day before the first of `days` and the day after the last."""
    first, last = date.fromisoformat(days[0]), date.fromisoformat(days[-1])
    return (first - timedelta(days=1)).isoformat(), (last + timedelta(days=1)).isoformat()


def _midnight_us(day: str) -> int:
    return (date.fromisoformat(day) - date(1970, 1, 1)).days * DAY_US
