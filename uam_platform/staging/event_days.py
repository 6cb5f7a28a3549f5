"""Computes the event tables of some days from the lake: what was set aside is published, the events are returned.

Here: what is read, and the order of writes. Not here: which deliveries are events (`events`), taking loads in (`intake`).
"""

from collections.abc import Sequence

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
from uam_platform.staging.events import repeats_among, without_repeats
from uam_platform.staging.intake import delivery_keys_of


def publish_around_events(connection: Backend, lake: Lake, days: Sequence[str], taxonomy: Taxonomy) -> ir.Table:
    """Publish repeats, unknown events and identity evidence of `days`.

    The repeats are published first and read back: they are few, and finding them again for each of the other tables would
    cost more than writing those.

    Args:
        connection: engine.
        lake: holds the deliveries of all loads.
        days: event days, ISO.
        taxonomy: the company's event names.

    Returns:
        EVENTS of the days, lazy.
    """
    deliveries = lake.read(connection, DELIVERIES, delivery_keys_of(lake, days))
    lake.publish(connection, DUPLICATES_LOG, repeats_among(deliveries, lake.read(connection, REPEATED_KEYS)), days)
    found = without_repeats(deliveries, lake.read(connection, DUPLICATES_LOG, days), taxonomy)
    lake.publish(connection, UNKNOWN_EVENTS, found.unknown_events, days)
    lake.publish(connection, IDENTITY_EVIDENCE, found.identity_evidence, days)
    return found.events
