"""Canonical events: every thing that happened once, under its agreed name.

Here: removing repeats, applying the taxonomy, and what identity resolution reads. Not here: judging single deliveries
(`split`), finding repeats across days (`key_index`), the name rules (`taxonomy_names`). Engine-neutral Ibis: no JSON, no arrays.

Repeats are found on integer ids alone and only the few ids with several copies are ordered, so that the wide rows are read
once and never shuffled. The result for a day depends on that day's deliveries and on the repeated ids, not on the range
of days it is computed with.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from uam_platform.contracts.tables import DUPLICATES_LOG, EVENTS, IDENTITY_EVIDENCE, UNKNOWN_EVENTS
from uam_platform.lake.engine import conform
from uam_platform.policy.taxonomy import Taxonomy
from uam_platform.staging.key_index import on_another_day
from uam_platform.staging.precedence import COLUMNS, order
from uam_platform.staging.same_action import OTHER_TOOL
from uam_platform.staging.taxonomy_names import feature_bits, judged_names, name_keys

SAME_DAY = "same_day_repeat"
OTHER_DAY = "other_day_repeat"
_ID = ("event_lo", "event_hi", "event_date")
_FOLLOW = (  # each follows from a key column
    "actor_kind",
    "workspace_id_source",
    "linked_user_key",
    "email_domain_key",
    "actor_stem_key",
    "email_stem_key",
)


@dataclass(frozen=True)
class EventTables:
    """Lazy tables, each of its contract: every delivery is in exactly one of the first three."""

    events: ir.Table
    unknown_events: ir.Table
    duplicates_log: ir.Table
    identity_evidence: ir.Table


def canonical_events(deliveries: ir.Table, repeated: ir.Table, taxonomy: Taxonomy) -> EventTables:
    """Events of some days.

    Args:
        deliveries: DELIVERIES of all loads of the wanted days.
        repeated: REPEATED_KEYS of all loads.
        taxonomy: the company's event names.
    """
    return without_repeats(deliveries, repeats_among(deliveries, repeated), taxonomy)


def without_repeats(deliveries: ir.Table, repeat: ir.Table, taxonomy: Taxonomy) -> EventTables:
    """`canonical_events` where the repeats are known; four tables read them, so store them first where that is dear.

    Args:
        deliveries: DELIVERIES of all loads of the wanted days.
        repeat: DUPLICATES_LOG of these days, as `repeats_among` gives it.
        taxonomy: the company's event names.
    """
    unique = deliveries.anti_join(repeat, ["event_lo", "row_no", "load_id"])
    named = _named(unique, deliveries, taxonomy)
    accepted = named.filter(named.reason.isnull())
    unknown = named.filter(named.reason.notnull())
    return EventTables(
        events=conform(accepted, EVENTS),
        unknown_events=conform(unknown, UNKNOWN_EVENTS),
        duplicates_log=conform(repeat, DUPLICATES_LOG),
        identity_evidence=identity_evidence(accepted, _copies(deliveries, repeat)),
    )


def repeats_among(deliveries: ir.Table, repeated: ir.Table, ranked: Sequence[str] = ()) -> ir.Table:
    """Deliveries that are not the accepted copy of their event: columns of DUPLICATES_LOG.

    Args:
        deliveries: DELIVERIES of all loads of the wanted days.
        repeated: REPEATED_KEYS of all loads.
        ranked: sources, the best first.
    """
    slim = deliveries.select("event_date", "known_at", *COLUMNS)
    elsewhere = on_another_day(repeated)
    other_day = slim.inner_join(elsewhere, _ID).mutate(reason=ibis.literal(OTHER_DAY))
    counted = slim.group_by("event_lo").aggregate(copies=slim.count())
    several = slim.semi_join(counted.filter(counted.copies > 1), "event_lo").anti_join(elsewhere, _ID)
    first = ibis.window(group_by=[several[c] for c in _ID], order_by=order(several, ranked))
    placed = several.mutate(place=ibis.row_number().over(first))
    same_day = placed.filter(placed.place > 0).mutate(first_event_date=placed.event_date, reason=ibis.literal(SAME_DAY))
    columns = list(DUPLICATES_LOG.column_names)
    return other_day.select(columns).union(same_day.select(columns))


def _named(unique: ir.Table, deliveries: ir.Table, taxonomy: Taxonomy) -> ir.Table:
    """`unique` with event_name, marker, is_core, feature_bits and the reason for which a name is set aside.

    Names and features are looked up in all deliveries, not in the unique ones: a second reference to those would make the
    engine keep the wide rows (measured: twice the time).
    """
    by_name = name_keys(taxonomy)
    named = unique.inner_join(judged_names(deliveries.select(*by_name).distinct(), taxonomy), by_name)
    if not taxonomy.features:
        return named.mutate(feature_bits=ibis.literal(0, "int64"))
    features = deliveries.filter(deliveries.feature.notnull()).select("feature").distinct()
    joined = named.left_join(feature_bits(features, taxonomy), "feature")
    return joined.mutate(feature_bits=joined.feature_bits.fill_null(0))


def _copies(deliveries: ir.Table, repeat: ir.Table) -> ir.Table:
    """Deliveries of actions of known users that another tool told: they count no action, but name devices that only their tool knows."""
    return deliveries.semi_join(repeat.filter(repeat.reason == OTHER_TOOL), ["event_lo", "row_no", "load_id"])


def identity_evidence(events: ir.Table, copies: ir.Table) -> ir.Table:
    """Which identifiers, workspaces, accounts and roles occurred together, per event day and known day.

    Args:
        events: accepted DELIVERIES.
        copies: DELIVERIES that are no events but whose identifiers count; nothing is added to `event_count` for them.

    Returns:
        IDENTITY_EVIDENCE: one row per distinct combination. Only group calls carry a claim on an account: the account a
        track call names is the sender's context, not a statement about the workspace.
    """
    read = [*IDENTITY_EVIDENCE.key, *_FOLLOW, "occurred_us"]
    told = events.select(read).mutate(tellings=1).union(copies.select(read).mutate(tellings=0))
    claim = ibis.ifelse(told.event_kind == "group", told.account_id_source, ibis.null("string"))
    seen = told.mutate(account_id_source=claim)
    grouped = seen.group_by(list(IDENTITY_EVIDENCE.key)).aggregate(
        **{name: seen[name].max() for name in _FOLLOW},
        event_count=seen.tellings.sum(),
        started_us=seen.occurred_us.min(),
        ended_us=seen.occurred_us.max(),
    )
    return conform(grouped, IDENTITY_EVIDENCE)
