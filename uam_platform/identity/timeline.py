"""What held when: overlapping statements about a subject as one value per day, over knowledge time.

Here: the rule by which statements win over one another, and the rows (validity x knowledge) that record it. Not here: which
statements there are (`hierarchy`, `memberships`), plain interval arithmetic (`intervals`).

The rule, for one subject at one known day: of the alive statements that cover an event day the one that begins last wins (ties:
greater position, then greater value). A statement without value (-1) says only that the subject was there; on such days the
first value ever stated holds, and -1 if none is.
"""

import heapq
from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np
import pandas as pd

from uam_platform.identity.intervals import FOREVER

UNSTATED = -1
COLUMNS = ["group", "value", "valid_from", "valid_to", "start", "end"]
Statement = tuple[int, int, int, int, int, int]  # valid_from, position, value, valid_to, start, end
Run = tuple[int, int, int]  # valid_from, valid_to, value


def overlay(statements: pd.DataFrame) -> pd.DataFrame:
    """Statements as rows that do not overlap: per subject at most one row holds for an event day at a known day.

    Args:
        statements: group (the subject), value (code, -1 for none), position (orders statements of one day), valid_from, valid_to
            (event days), start, end (known days in which the statement is alive).

    Returns:
        group, value, valid_from, valid_to, start, end.
    """
    values = statements["value"].where(statements["value"] != UNSTATED)
    is_plain = values.groupby(statements["group"]).transform("nunique") <= 1
    is_plain &= (statements["valid_to"] == FOREVER) & (statements["end"] == FOREVER)
    is_plain = is_plain.groupby(statements["group"]).transform("all")
    several = statements[~is_plain].sort_values(["group", "start"], ignore_index=True)
    columns = several[["valid_from", "position", "value", "valid_to", "start", "end"]].to_numpy(np.int64).tolist()
    groups, begin = np.unique(several["group"].to_numpy(), return_index=True)
    until = np.append(begin, len(several))[1:]
    rows = [
        (group, *row)
        for group, low, high in zip(groups.tolist(), begin.tolist(), until.tolist(), strict=True)
        for row in _replay([tuple(c) for c in columns[low:high]])
    ]
    replayed = pd.DataFrame(rows, columns=COLUMNS, dtype=np.int64)
    return pd.concat([_plain(statements[is_plain]), replayed], ignore_index=True)


def _plain(statements: pd.DataFrame) -> pd.DataFrame:
    """The common case at once: subjects with one value and statements without end.

    All that can change is the first day, which moves back, and whether the value is known yet.
    """
    ordered = statements.sort_values(["group", "start"], ignore_index=True)
    subject = ordered.groupby("group", sort=False)
    state = ordered[["group", "start"]].assign(
        valid_from=subject["valid_from"].cummin(), value=subject["value"].cummax()
    )
    state = state.drop_duplicates(["group", "start"], keep="last")
    is_same = (state[["group", "valid_from", "value"]] == state[["group", "valid_from", "value"]].shift()).all(axis=1)
    state = state[~is_same]
    until = state.groupby("group", sort=False)["start"].shift(-1).fillna(FOREVER).astype(np.int64)
    return state.assign(valid_to=FOREVER, end=until)[COLUMNS]


def _replay(statements: list[Statement]) -> Iterator[tuple[int, int, int, int, int]]:
    """(value, valid_from, valid_to, start, end) of one subject, by going through the known days on which something changes."""
    current: dict[Run, int] = {}
    for known in sorted({s[4] for s in statements} | {s[5] for s in statements if s[5] < FOREVER}):
        runs = set(runs_of([s for s in statements if s[4] <= known < s[5]]))
        for run in [r for r in current if r not in runs]:
            yield run[2], run[0], run[1], current.pop(run), known
        for run in runs - current.keys():
            current[run] = known
    for run, since in current.items():
        yield run[2], run[0], run[1], since, FOREVER


def runs_of(statements: Iterable[Statement]) -> Iterator[Run]:
    """The value of each day by the rule above, as maximal runs of days with one value."""
    ordered = sorted(statements)
    first = next((s[2] for s in ordered if s[2] != UNSTATED), UNSTATED)
    days = sorted({s[0] for s in ordered} | {s[3] for s in ordered})
    waiting = list(reversed(ordered))
    stated: list[tuple[int, int, int, int]] = []
    present_to = days[0] if days else 0
    run: Run | None = None
    for day, until in pairwise(days):
        while waiting and waiting[-1][0] <= day:
            begins, position, value, ends, *_ = waiting.pop()
            present_to = max(present_to, ends) if value == UNSTATED else present_to
            if value != UNSTATED:
                heapq.heappush(stated, (-begins, -position, -value, ends))
        while stated and stated[0][3] <= day:
            heapq.heappop(stated)
        holds = -stated[0][2] if stated else first
        is_covered = bool(stated) or present_to > day
        if run is not None and (not is_covered or run[1] != day or run[2] != holds):
            yield run
            run = None
        if is_covered:
            run = (run[0] if run else day, until, holds)
    if run is not None:
        yield run
