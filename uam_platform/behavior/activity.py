"""What an account did before each snapshot: additive counts, distinct people, days and features.

Here: the activity columns of `account_features`, as changes at snapshot numbers. Not here: the running sums themselves
(`uam_platform.temporal.windows`), support load (`support`), contracts (`terms`).
"""

from collections.abc import Sequence
from typing import Final

import ibis
import ibis.expr.types as ir

from uam_platform.behavior.feature_sets import bit_or, features_of
from uam_platform.temporal.windows import Calendar, Window, disjoint

RECENT: Final = ("7d", "28d", "84d")
PRIOR: Final = "prior_28d"
YEAR: Final = "364d"
WINDOWS: Final = (
    Window("7d", 7),
    Window("28d", 28),
    Window("84d", 84),
    Window(YEAR, 364),
    Window(PRIOR, 56, 28),
)
_COUNTS: Final = {
    "event": (*RECENT, PRIOR, YEAR),
    "core": (*RECENT, PRIOR),
    "friction": (*RECENT, PRIOR),
    "intent": RECENT,
    "progress": RECENT,
    "session": (*RECENT, PRIOR),
}
_SUMS: Final = (*(f"{what}_count" for what in _COUNTS), "amount_usd_cents")


def placed_activity(activity: ir.Table, calendar: Calendar) -> ir.Table:
    """Attached actor-days with the snapshots that see them."""
    names = ("account_id", "person_key", "event_date", "visible_from", "visible_to", "feature_bits", "is_admin")
    return calendar.place(activity.select(*names, *_SUMS))


def active_days(placed: ir.Table) -> ir.Table:
    """Days on which an account was active, with the snapshots that see them, each snapshot once."""
    return disjoint(placed, ["account_id", "event_date"])


def activity_changes(placed: ir.Table, days: ir.Table, calendar: Calendar) -> list[ir.Table]:
    """Changes of every activity column per account.

    Args:
        placed: rows of `placed_activity`.
        days: rows of `active_days`.
        calendar: snapshots and WINDOWS.
    """
    slotted = calendar.slotted(placed)
    shares = slotted.group_by(["account_id", "person_key", "slot_no", "begin_no", "end_no"]).aggregate(
        **{s: slotted[s].sum() for s in _SUMS},
        feature_bits=bit_or(slotted.feature_bits),
        is_admin=slotted.is_admin.any(),
    )
    people = shares.filter(shares.person_key != 0)
    return [
        _counts(shares, calendar),
        _days(days, calendar),
        _distinct(people, "person_key", "active_person", (*RECENT, PRIOR), calendar),
        _distinct(people.filter(people.is_admin), "person_key", "active_admin", RECENT, calendar),
        _distinct(_features(shares), "feature_no", "feature", (*RECENT, PRIOR), calendar),
    ]


def _counts(shares: ir.Table, calendar: Calendar) -> ir.Table:
    counted = {f"{what}_{w}_count": (w, f"{what}_count") for what, windows in _COUNTS.items() for w in windows}
    money = {f"revenue_{w}_usd_cents": (w, "amount_usd_cents") for w in ("28d", "84d", YEAR)}
    spans = calendar.spans(shares, ["account_id"], [w.name for w in WINDOWS], _SUMS)
    return calendar.changes(spans, "account_id", counted | money)


def _days(days: ir.Table, calendar: Calendar) -> ir.Table:
    windows = (*RECENT, YEAR)
    single = calendar.slotted(days).mutate(day_count=ibis.literal(1, "int64"))
    spans = calendar.spans(single, ["account_id"], windows, ["day_count"])
    return calendar.changes(spans, "account_id", {f"active_day_{w}_count": (w, "day_count") for w in windows})


def _features(shares: ir.Table) -> ir.Table:
    grain = ["account_id", "slot_no", "begin_no", "end_no"]
    return features_of(shares.group_by(grain).aggregate(feature_bits=bit_or(shares.feature_bits)))


def _distinct(facts: ir.Table, entity: str, name: str, windows: Sequence[str], calendar: Calendar) -> ir.Table:
    """Changes of the number of distinct entities: at every snapshot each counts once, however many facts it has."""
    spans = calendar.spans(facts, ["account_id", entity], windows)
    once = disjoint(spans, ["account_id", entity, "window_no"]).mutate(entity_count=ibis.literal(1, "int64"))
    return calendar.changes(once, "account_id", {f"{name}_{w}_count": (w, "entity_count") for w in windows})
