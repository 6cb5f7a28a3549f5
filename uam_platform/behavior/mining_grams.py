"""What accounts did in their sessions, as short runs of actions: which accounts show which run.

Here: cutting sessions and taking runs of two or three actions with a few others in between. Not here: whose (`mining_cases`), whether it
means anything (`mining_chance`), where a session ends (`uam_platform.temporal.sessions`).
"""

from collections.abc import Collection
from itertools import product
from typing import Final

import ibis
import ibis.expr.types as ir
import pandas as pd

from uam_platform.behavior.sequence_facts import Links, of_events
from uam_platform.policy.mining import Steps
from uam_platform.policy.sessions import SessionRule
from uam_platform.temporal.sessions import cut_sessions

ARROW: Final = " > "
_UNIT: Final = {"unit_no": "int64", "account_id": "string", "as_of": "date", "first_date": "date"}
_SESSION: Final = ("unit_no", "person_key", "cut_us")
_ORDER: Final = ("occurred_us", "event_hi", "event_lo")


def actions_of(
    events: ir.Table, links: Links, units: pd.DataFrame, window_days: int, steps: Steps, rule: SessionRule
) -> ir.Table:
    """What the people of each unit did in the window before its snapshot, as that snapshot saw it, cut into sessions.

    Args:
        events: EVENTS.
        links: hierarchy, people, memberships.
        units: unit_no, account_id, as_of: an account at a snapshot.
        window_days: days before the snapshot.
        steps: events to leave out.
        rule: silence and cap of the product type.
    """
    days = pd.to_datetime(units["as_of"])
    spans = units[["unit_no", "account_id"]].assign(
        as_of=days.dt.date, first_date=(days - pd.Timedelta(days=window_days)).dt.date
    )
    wanted = ibis.memtable(spans, schema=_UNIT)
    first, last = spans["first_date"].min(), spans["as_of"].max()
    inside = events.filter((events.event_date >= first) & (events.event_date < last))
    done = of_events(inside.filter(inside.event_name.notin(steps.left_out)), links)
    done = done.filter(done.person_key != 0).rename(event_account_id="account_id")
    seen = done.join(
        wanted,
        [
            done.event_account_id == wanted.account_id,
            done.event_date >= wanted.first_date,
            done.visible_from <= wanted.as_of,
            done.visible_to > wanted.as_of,
        ],
    )
    kept = seen.select("unit_no", "person_key", *_ORDER, "event_name")
    return cut_sessions(kept, ["unit_no", "person_key"], rule.gap_us, rule.cap_us)


def runs(actions: ir.Table, steps: Steps) -> ir.Table:
    """Every run of actions: unit_no, pattern, and the event it begins with.

    Args:
        actions: rows of `actions_of`.
        steps: how long and how loose.
    """
    reach = (steps.longest - 1) * (steps.between + 1)
    window = {"group_by": list(_SESSION), "order_by": list(_ORDER)}
    after = {f"next_{n}": actions.event_name.lead(n).over(**window) for n in range(1, reach + 1)}
    rows = actions.mutate(**after)
    gaps = range(1, steps.between + 2)
    parts = [_run(rows, path) for length in range(1, steps.longest) for path in product(gaps, repeat=length)]
    return ibis.union(*parts)


def _run(rows: ir.Table, path: tuple[int, ...]) -> ir.Table:
    """Runs whose actions lie so many places apart."""
    names, place = [rows.event_name], 0
    for step in path:
        place += step
        names.append(rows[f"next_{place}"])
    pattern = names[0]
    for name in names[1:]:
        pattern = pattern + ibis.literal(ARROW) + name
    found = rows.select("unit_no", "event_hi", "event_lo", "occurred_us", pattern=pattern)
    return found.filter(found.pattern.notnull())


def shown_by(found: ir.Table, least_units: int) -> pd.DataFrame:
    """Which units show which run, of runs that enough units show: unit_no, pattern; each pair once."""
    pairs = found.select("unit_no", "pattern").distinct()
    spread = pairs.group_by("pattern").aggregate(shown_count=pairs.count())
    kept = spread.filter(spread.shown_count >= least_units).select("pattern")
    return pairs.semi_join(kept, "pattern").to_pandas()


def of_patterns(found: ir.Table, patterns: Collection[str]) -> ir.Table:
    """The runs that are these patterns."""
    return found.filter(found.pattern.isin(sorted(patterns)))
