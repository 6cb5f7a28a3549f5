"""Declared sequences: answers by hand, and laws against a reading of the definition that remembers nothing."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.behavior.chains import DAY_US, Completion, Fact, completions, order
from uam_platform.behavior.sequence_tables import match_tables
from uam_platform.behavior.sequences import NEVER, accounts_to_judge, candidates, found_sequences
from uam_platform.policy.load import PolicyError, parse
from uam_platform.policy.rulebook import load_rulebook
from uam_platform.policy.sequences import Sequence, SequencePolicy

SHIPPED = load_rulebook().sequences
WINDOW = 4
ABC = parse(
    Sequence,
    {
        "meaning": "a, b, c",
        "reason": "test",
        "scope": "account",
        "window_days": WINDOW,
        "steps": [{"meaning": n, "events": [f"{n}_done"]} for n in "abc"],
    },
    "test",
)
POLICY = SequencePolicy(sequences={"abc": ABC})
NAMES = ("a_done", "b_done", "c_done")


def completed(*steps: tuple[float, int]) -> list[tuple[int, ...]]:
    facts = [Fact(int(day * DAY_US), step, 0, row) for row, (day, step) in enumerate(steps)]
    found = completions(sorted(facts, key=order), ABC)
    return [tuple(row for rows in completion.rows for row in rows) for completion in found]


def by_definition(facts: list[Fact], window_us: int) -> list[tuple[int, ...]]:
    """Every last step asked anew: the latest pair since the last completion, and its first step inside the window."""
    found, since = [], -1
    ordered = sorted(facts, key=order)
    for last_no, last in enumerate(ordered):
        open_facts = [f for no, f in enumerate(ordered) if since < no < last_no]
        if last.step != 2:
            continue
        pairs = []
        for second in (f for f in open_facts if f.step == 1 and f.us < last.us):
            firsts = [f for f in open_facts if f.step == 0 and f.us < second.us]
            if firsts and second.us - firsts[-1].us <= window_us:
                pairs.append((firsts[-1], second))
        if pairs and last.us - pairs[-1][0].us <= window_us:
            found.append((pairs[-1][0].row, pairs[-1][1].row, last.row))
            since = last_no
    return found


@pytest.mark.parametrize(
    ("steps", "answer"),
    [
        ([(0, 0), (1, 1), (2, 2)], [(0, 1, 2)]),
        ([(0, 0), (1, 0), (2, 1), (3, 2)], [(1, 2, 3)]),
        ([(0, 0), (1, 1), (2, 1), (3, 2)], [(0, 2, 3)]),
        ([(0, 0), (1, 2), (2, 1)], []),
        ([(0, 0), (1, 1), (4, 2)], [(0, 1, 2)]),
        ([(0, 0), (1, 1), (4.1, 2)], []),
        ([(0, 0), (0, 1), (1, 2)], []),
        ([(0, 0), (1, 1), (1, 2)], []),
        ([(0, 0), (1, 1), (2, 2), (3, 2)], [(0, 1, 2)]),
        ([(0, 0), (1, 1), (2, 2), (2.5, 1), (3, 2)], [(0, 1, 2)]),
        ([(0, 0), (1, 1), (2, 0), (5, 2)], []),
    ],
    ids="plain latest_first latest_second wrong_order window_end too_late same_time same_time_last once forgotten old_pair".split(),
)
def test_a_sequence_is_completed_in_strict_order_within_its_window(
    steps: list[tuple[float, int]], answer: list[tuple[int, ...]]
) -> None:
    assert completed(*steps) == answer


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 2)), max_size=14))
def test_the_automaton_reads_the_definition(steps: list[tuple[int, int]]) -> None:
    facts = [Fact(at * DAY_US // 2, step, 0, row) for row, (at, step) in enumerate(steps)]
    found = completions(sorted(facts, key=order), ABC)
    assert [tuple(r for rows in c.rows for r in rows) for c in found] == by_definition(facts, WINDOW * DAY_US)


def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Facts as `step_facts` gives them; `late_days` says how much later than usual a snapshot sees a fact."""
    made = pd.DataFrame(rows)
    days = made["occurred_us"] // DAY_US
    made["event_date"] = [date.fromordinal(719_163 + int(d)) for d in days]
    made["known_date"] = made["event_date"]
    made["visible_from"] = days + 1 + made["late_days"]
    defaults: dict[str, Any] = {
        "visible_to": NEVER,
        "person_key": 1,
        "workflow": None,
        "priority": None,
        "ticket_id": None,
        "load_id": "l",
        "row_no": 0,
        "source_table": "staging/events",
    }
    for name, value in defaults.items():
        if name not in made:
            made[name] = value
    for name in ("event_hi", "event_lo", "row_no"):
        made[name] = pd.array(made[name] if name in made else range(len(made)), dtype="Int64")
    return made


FACTS = st.lists(
    st.tuples(st.sampled_from("xy"), st.integers(0, 24), st.integers(0, 2), st.sampled_from([0, 0, 0, 1, 2, 5, 9])),
    min_size=1,
    max_size=16,
)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(FACTS)
def test_every_snapshot_sees_what_it_would_have_found_itself(drawn: list[tuple[str, int, int, int]]) -> None:
    """So a late event never changes what an earlier snapshot saw, and later ones see it as if it had been on time."""
    facts = frame(
        [
            {"account_id": account, "occurred_us": at * DAY_US // 3, "event_name": NAMES[step], "late_days": late}
            for account, at, step, late in drawn
        ]
    )
    found = found_sequences(facts, POLICY, {}, 10**18)
    for as_of in range(22):
        told = facts[facts["visible_from"] <= as_of]
        alone = {
            tuple(row for rows in c.rows for row in rows) for _, own in told.groupby("account_id") for c in _alone(own)
        }
        seen = {
            tuple(row for rows in f.seen.completion.rows for row in rows)
            for f in found
            if f.seen.visible_from <= as_of < f.seen.visible_to
        }
        assert seen == alone


def _alone(own: pd.DataFrame) -> list[Completion]:
    rows = [
        Fact(int(us), NAMES.index(n), 0, i) for i, us, n in zip(own.index, own.occurred_us, own.event_name, strict=True)
    ]
    return completions(sorted(rows, key=order), ABC)


def test_a_corrected_link_takes_a_match_back_for_later_snapshots_only() -> None:
    facts = frame(
        [
            {"account_id": "x", "occurred_us": d * DAY_US, "event_name": n, "late_days": 0, "visible_to": to}
            for d, n, to in ((0, "a_done", NEVER), (1, "b_done", 10), (2, "c_done", NEVER))
        ]
    )
    (found,) = found_sequences(facts, POLICY, {}, 10**18)
    assert (found.seen.visible_from, found.seen.visible_to) == (3, 10)
    matches, steps = match_tables([found], facts, POLICY)
    assert str(matches["known_date"][0]) == "1970-01-03"  # first seen by the snapshot of the day after
    assert str(matches["known_to_date"][0]) == "1970-01-10"
    assert matches["event_hi"][0] == 2
    assert steps["step_no"].tolist() == [1, 2, 3]
    assert set(steps["match_id"]) == set(matches["match_id"])


def failures_and_escalation(*failed: float, escalated: float = 40.0, workflow: str = "sharing") -> pd.DataFrame:
    rows = [
        {
            "account_id": "x",
            "occurred_us": int(day * DAY_US),
            "event_name": "workflow_failed",
            "late_days": 0,
            "workflow": workflow,
        }
        for day in failed
    ]
    ticket = {
        "event_name": "ticket_escalated",
        "priority": "high",
        "ticket_id": "desk:7",
        "source_table": "staging/ticket_events",
    }
    return frame([*rows, {"account_id": "x", "occurred_us": int(escalated * DAY_US), "late_days": 0, **ticket}])


def core(before: int, after: int) -> dict[str, tuple[np.ndarray, ...]]:
    """Core work before the first failure on day 30 and after the escalation on day 40."""
    days = np.concatenate([np.linspace(3, 29, before), np.linspace(41, 53, after)])
    seen = days.astype("int64") + 1
    return {"x": ((days * DAY_US).astype("int64"), seen, np.full(len(days), NEVER))}


@pytest.mark.parametrize(
    ("before", "after", "is_found"), [(20, 6, True), (20, 7, False), (8, 2, True), (7, 0, False), (20, 0, True)]
)
def test_depth_is_reduced_to_at_most_six_tenths_of_at_least_eight_actions(
    before: int, after: int, is_found: bool
) -> None:
    facts = failures_and_escalation(30, 32, 35)
    found = found_sequences(facts, SHIPPED, core(before, after), 100 * DAY_US)
    assert [f.sequence_name for f in found] == ["failure_to_depth_drop"] * is_found
    if is_found:
        assert found[0].seen.completion == Completion(54 * DAY_US, ((0, 1, 2), (3,), ()))
        assert match_tables(found, facts, SHIPPED)[0]["ticket_id"].tolist() == ["desk:7"]


def test_repeated_failure_is_the_third_of_one_workflow_within_a_week() -> None:
    def count(facts: pd.DataFrame) -> int:
        return len(found_sequences(facts, SHIPPED, core(20, 0), 100 * DAY_US))

    assert count(failures_and_escalation(30, 32, 37)) == 1
    assert count(failures_and_escalation(30, 32, 37.1)) == 0
    assert count(failures_and_escalation(30, 32)) == 0
    mixed = failures_and_escalation(30, 32, 35)
    mixed.loc[1, "workflow"] = "reporting"
    assert count(mixed) == 0
    assert count(failures_and_escalation(20, 21, 22, escalated=36.5)) == 0


def test_depth_waits_until_its_days_have_passed() -> None:
    facts = failures_and_escalation(30, 32, 35)
    assert not found_sequences(facts, SHIPPED, core(20, 0), 54 * DAY_US)
    assert accounts_to_judge(facts, SHIPPED) == {"x"}


def test_an_import_and_a_ticket_of_different_people_are_no_sequence() -> None:
    names = ("import_attempted", "import_failed", "ticket_opened")
    rows = [
        {"account_id": "x", "occurred_us": i * DAY_US // 4, "event_name": n, "late_days": 0, "person_key": 5}
        for i, n in enumerate(names)
    ]
    assert [f.sequence_name for f in found_sequences(frame(rows), SHIPPED, {}, 0)] == ["import_to_ticket"]
    rows[2] = {**rows[2], "person_key": 6}
    assert found_sequences(frame(rows), SHIPPED, {}, 0) == []


def test_last_steps_with_nothing_between_are_dropped_unless_one_came_late() -> None:
    rows = [
        {"account_id": "x", "occurred_us": d * DAY_US, "event_name": n, "late_days": 0}
        for d, n in enumerate(("a_done", "b_done", "c_done", "c_done", "c_done"))
    ]
    assert candidates(frame(rows), ABC).row.tolist() == [0, 1, 2]
    rows[2] = {**rows[2], "late_days": 3}
    assert candidates(frame(rows), ABC).row.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": [{"meaning": "a"}, {"meaning": "b", "events": ["b_done"]}]}, "exactly one"),
        (
            {"steps": [{"meaning": "a", "events": ["a_done"], "at_least": 2}, {"meaning": "b", "ticket": "opened"}]},
            "within_days",
        ),
    ],
)
def test_an_own_sequence_with_a_mistake_is_refused_in_words(change: dict[str, Any], message: str) -> None:
    data = {**ABC.model_dump(exclude_defaults=True), **change}
    with pytest.raises(PolicyError, match=message):
        parse(Sequence, data, "sequences.yaml")
