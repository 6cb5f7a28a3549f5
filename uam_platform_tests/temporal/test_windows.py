"""Windows of many snapshots by running sums equal a count per snapshot; as-of cells equal a look at the link rows."""

from datetime import date, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.lake.engine import connect
from uam_platform.temporal.asof import cells
from uam_platform.temporal.windows import Calendar, Window, disjoint

START = date(2025, 1, 6)
FOREVER = date(9999, 12, 31)
WINDOWS = (Window("7d", 7), Window("10d", 10), Window("prior", 20, 10))


def later(days: int) -> date:
    return START + timedelta(days=days)


def rows(expression: Any) -> list[dict[str, Any]]:
    return connect().to_pyarrow(expression).to_pylist()


@settings(max_examples=12, deadline=None, derandomize=True)
@given(seed=st.integers(0, 100_000))
def test_spans_cover_exactly_the_snapshots_whose_window_holds_a_visible_fact(seed: int) -> None:
    rng = np.random.default_rng(seed)
    as_of = sorted({later(int(d)) for d in rng.integers(0, 60, 8)})
    facts = []
    for number in range(25):
        day, lag, life = (int(rng.integers(*r)) for r in ((-40, 60), (1, 12), (1, 40)))
        seen = later(day + lag)
        facts.append((number, later(day), seen, FOREVER if rng.random() < 0.6 else seen + timedelta(days=life)))
    frame = pd.DataFrame(facts, columns=["fact_no", "event_date", "visible_from", "visible_to"])
    schema = {"fact_no": "int64", "event_date": "date", "visible_from": "date", "visible_to": "date"}
    calendar = Calendar(as_of, WINDOWS)
    placed = calendar.slotted(calendar.place(ibis.memtable(frame, schema=schema)))
    spans = rows(calendar.spans(placed, ["fact_no"], [w.name for w in WINDOWS]))
    found = {(s["fact_no"], s["window_no"], n) for s in spans for n in range(s["begin_no"], s["end_no"])}
    assert found == {
        (number, window_no, no)
        for number, day, seen, gone in facts
        for window_no, w in enumerate(WINDOWS)
        for no, a in enumerate(as_of)
        if a - timedelta(days=w.farthest_days) <= day < a - timedelta(days=w.nearest_days) and seen <= a < gone
    }


@settings(max_examples=15, deadline=None, derandomize=True)
@given(spans=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12), st.integers(1, 6)), min_size=1, max_size=20))
def test_disjoint_intervals_cover_the_same_snapshots_once(spans: list[tuple[int, int, int]]) -> None:
    frame = pd.DataFrame([(k, b, b + n) for k, b, n in spans], columns=["key", "begin_no", "end_no"])
    found = [
        (r["key"], n) for r in rows(disjoint(ibis.memtable(frame), ["key"])) for n in range(r["begin_no"], r["end_no"])
    ]
    assert len(found) == len(set(found))
    assert set(found) == {(k, n) for k, b, length in spans for n in range(b, b + length)}


@settings(max_examples=12, deadline=None, derandomize=True)
@given(seed=st.integers(0, 100_000))
def test_cells_answer_for_every_day_and_snapshot_what_the_link_rows_say(seed: int) -> None:
    rng = np.random.default_rng(seed)
    links = []
    for _ in range(5):
        valid, known = sorted(rng.integers(0, 8, 2)), sorted(rng.integers(0, 8, 2))
        ends = [later(int(valid[0])), later(int(valid[1])), later(int(known[0])), later(int(known[1]))]
        if rng.random() < 0.4:
            ends[3] = FOREVER
        links.append((int(rng.integers(0, 2)), int(rng.integers(0, 3)), *ends))
    names = ["key", "value", "valid_from_date", "valid_to_date", "known_from_date", "known_to_date"]
    schema = dict(zip(names, ["int64", "int64", *["date"] * 4], strict=True))
    found = rows(cells(ibis.memtable(pd.DataFrame(links, columns=names), schema=schema), ["key"], "value"))
    for key in {r["key"] for r in found}:
        for day, as_of in ((later(d), later(a)) for d in range(9) for a in range(10)):
            told = [
                c["value"]
                for c in found
                if c["key"] == key
                and c["valid_from_date"] <= day < c["valid_to_date"]
                and c["visible_from"] <= as_of < c["visible_to"]
            ]
            usable = {r[1] for r in links if r[0] == key and r[2] <= day < r[3] and r[4] < as_of and as_of <= r[5]}
            assert told == [usable.pop() if len(usable) == 1 else None], (key, day, as_of)


def test_a_calendar_without_snapshots_is_refused() -> None:
    with pytest.raises(ValueError, match="name at least one as_of"):
        Calendar([], WINDOWS)
