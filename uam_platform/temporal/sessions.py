"""Where one session ends and the next begins: silence, cap and midnight, the same whatever range of days is computed.

Here: cutting ordered actions into sessions, as integer arithmetic over epoch microseconds. Not here: which rows are actions
and what is counted per session (`uam_platform.behavior.sessions`), how long gap and cap are (`uam_platform.policy.sessions`).
"""

from collections.abc import Sequence
from typing import Final

import ibis
import ibis.expr.types as ir

DAY_US: Final = 86_400_000_000


def cut_sessions(actions: ir.Table, keys: Sequence[str], gap_us: int, cap_us: int) -> ir.Table:
    """`actions` with `cut_us`: rows that share `keys` and `cut_us` are one session.

    A run is a chain of actions without a silence longer than the gap. It is cut every cap, counted from its anchor. The
    anchor is the start of the run, unless the run has filled the whole UTC day before the action (it began at most one
    gap after that day's first midnight): then the anchor is the midnight that begins the action's own day.

    So the session of an action depends on its own day and the day before alone, however long the run is: a range
    computed with one day of look-back and one of look-ahead (a cap is at most a day) gives every day the sessions that
    any wider range gives it. If the run began before the look-back, its first visible action lies within one gap of
    midnight, which is the very condition under which its true start is not asked for.

    Args:
        actions: one row per action with `occurred_us` and the key columns, which may not be null.
        keys: columns of which each combination has its own sessions.
        gap_us: silence in microseconds that a session survives; a longer one ends it.
        cap_us: longest session in microseconds, at most one day.

    Raises:
        ValueError: the cap is longer than a day, so one day either side would not be enough.
    """
    if not 0 < cap_us <= DAY_US:
        raise ValueError(f"a session is capped at one day at most, not at {cap_us / 3.6e9:g} hours")
    ordered = {"group_by": list(keys), "order_by": "occurred_us"}
    previous = actions.mutate(previous_us=actions.occurred_us.lag().over(**ordered))
    silent = previous.previous_us.isnull() | (previous.occurred_us - previous.previous_us > gap_us)
    starts = previous.mutate(start_us=ibis.ifelse(silent, previous.occurred_us, ibis.null("int64"))).drop("previous_us")
    # RANGE, not ROWS: actions of the same microsecond must all see a start among them
    so_far = ibis.range_window(preceding=None, following=0, **ordered)
    runs = starts.mutate(run_us=starts.start_us.max().over(so_far)).drop("start_us")
    midnight = runs.occurred_us - runs.occurred_us % DAY_US
    anchor = ibis.ifelse(runs.run_us <= midnight - DAY_US + gap_us, midnight, runs.run_us)
    return runs.mutate(cut_us=runs.occurred_us - (runs.occurred_us - anchor) % cap_us).drop("run_us")
