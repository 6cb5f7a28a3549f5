"""Computes the event tables of some days from the lake: what was set aside is published, the events are returned.

Here: what is read, and the order of writes. Not here: which deliveries are events (`events`) or tell of one action
(`same_action`, `log_twins`), taking loads in (`intake`).
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
from uam_platform.policy.logs import LogTwins
from uam_platform.policy.taxonomy import Taxonomy
from uam_platform.policy.time import TimePolicy
from uam_platform.staging.events import repeats_among, without_repeats
from uam_platform.staging.intake import delivery_keys_of
from uam_platform.staging.log_twins import further_attempts, told_by_product
from uam_platform.staging.same_action import sent_again, told_by_other_tool, told_namelessly
from uam_platform.staging.time_sql import DAY_US


def publish_around_events(
    connection: Backend,
    lake: Lake,
    days: Sequence[str],
    taxonomy: Taxonomy,
    policy: TimePolicy,
    twins: LogTwins | None = None,
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
        twins: when a line of a log tells what the product tells; absent: every line is an event of its own.

    Returns:
        EVENTS of the days, lazy.
    """
    deliveries = lake.read(connection, DELIVERIES, delivery_keys_of(lake, days))
    with ExitStack() as stack:
        repeats = _repeats(connection, lake, days, taxonomy, policy, twins or LogTwins(), stack)
        lake.publish(connection, DUPLICATES_LOG, repeats, days)
    found = without_repeats(deliveries, lake.read(connection, DUPLICATES_LOG, days), taxonomy)
    lake.publish(connection, UNKNOWN_EVENTS, found.unknown_events, days)
    lake.publish(connection, IDENTITY_EVIDENCE, found.identity_evidence, days)
    return found.events


def _repeats(
    connection: Backend,
    lake: Lake,
    days: Sequence[str],
    taxonomy: Taxonomy,
    policy: TimePolicy,
    twins: LogTwins,
    stack: ExitStack,
) -> ir.Table:
    """DUPLICATES_LOG of `days`: by id, sent again, told by another tool, lines of logs; the last two only where such delivered."""
    rule, sources = policy.same_action, policy.receiving_sources
    tools = [source for source in sources if source not in twins.sources]
    keys, around = delivery_keys_of(lake, days), delivery_keys_of(lake, [*_neighbours(days), *days])
    delivered = {source for key in around for source in {*sources, *twins.sources} if key.endswith(f"-{source}")}
    has_tools, has_lines = len(delivered.intersection(tools)) > 1, not delivered.isdisjoint(twins.sources)
    is_wide = has_tools or has_lines
    deliveries = lake.read(connection, DELIVERIES, around if is_wide else keys)
    by_id = repeats_among(deliveries, lake.read(connection, REPEATED_KEYS), rule.told_best_by)
    found = _stored(connection, by_id, "repeats_by_id", stack)
    if is_wide:
        first, last = (_midnight_us(day) for day in (days[0], _neighbours(days)[1]))
        reach = rule.reach_us + (twins.reach_us if has_lines else 0)
        deliveries = deliveries.filter(deliveries.occurred_us.between(first - reach, last + reach))
    again = sent_again(deliveries, found, taxonomy, rule, sources)
    found = _stored(connection, found.union(again), "repeats_in_a_tool", stack)
    if has_tools:
        found = found.union(told_by_other_tool(deliveries, found, taxonomy, rule, tools))
        found = _stored(connection, found, "repeats_of_known_actors", stack)
        found = found.union(told_namelessly(deliveries, found, taxonomy, rule, tools))
        found = _stored(connection, found, "repeats_of_all_tools", stack)
    if has_lines:
        found = found.union(told_by_product(deliveries, found, taxonomy, twins))
        found = _stored(connection, found, "repeats_of_the_product", stack)
        found = found.union(further_attempts(deliveries, found, taxonomy, twins))
        found = _stored(connection, found, "repeats_of_lines", stack)
    return found.filter(found.event_date.cast("string").isin(list(days))) if is_wide else found


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
