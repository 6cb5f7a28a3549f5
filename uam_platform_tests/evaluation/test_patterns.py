"""Planted patterns beside mined ones, by hand, and the null of permuted outcomes."""

import ibis
import pandas as pd

from uam_platform.behavior.mined_patterns import Mined
from uam_platform.evaluation.patterns import null_rows, permuted, planted_rows
from uam_platform.policy.rulebook import load_rulebook
from uam_platform_tests.behavior.test_mining import members, shown

POLICY = load_rulebook().mining
PLANTED = pd.DataFrame(
    [
        ("P1", "churn", ["a", "b", "c"]), ("P2", "churn", ["d", "e", "d"]), ("P4", "expansion", ["f", "g", "h"]),
        ("P6", "none", ["i", "j", "k"]),
    ],
    columns=["pattern_id", "outcome", "steps"],
)  # fmt: skip


def told(*patterns: tuple[str, str, bool]) -> pd.DataFrame:
    rows = [
        {"outcome": o, "pattern_kind": "sequence", "pattern": p, "is_replicated": r, "case_count": 40}
        for o, p, r in patterns
    ]
    return pd.DataFrame(rows, columns=["outcome", "pattern_kind", "pattern", "is_replicated", "case_count"])


def values(*patterns: tuple[str, str, bool]) -> dict[str, float | None]:
    return {row.metric: row.value for row in planted_rows(PLANTED, told(*patterns))}


def test_two_of_three_steps_in_their_order_and_nothing_else_are_the_pattern() -> None:
    found = values(("churn", "a > c", True), ("churn", "e > d", False))
    assert found["planted before churn, found"] == 1.0
    assert found["planted before churn, found again later"] == 0.5
    assert values(("churn", "c > a", True), ("churn", "a > x", True))["planted before churn, found"] == 0.0


def test_a_pattern_told_of_another_outcome_is_not_found() -> None:
    assert values(("expansion", "a > b > c", True))["planted before churn, found"] == 0.0
    assert values(("churn", "i > j", True))["planted without meaning, found again later"] == 1.0


def mined(planted: float | None) -> Mined:
    """Sets in which cases show a pattern more often, or nothing is there."""
    sets = members().assign(outcome="churn")
    rows = shown(sets, 3, patterns=20, planted=planted)
    nothing = pd.DataFrame({"unit_no": [], "pattern": []})
    return Mined(sets, nothing, {"sequence": rows, "shift": rows.iloc[:0]}, {}, ibis.memtable({"unit_no": [0]}))


def test_permuted_outcomes_find_hardly_anything_where_the_true_ones_do() -> None:
    found = {row.metric: row.value for row in null_rows(mined(0.9), POLICY, 0)}
    # at 5 % false discoveries 4 or more of 20 searches would find something once in 60 times
    assert found["permuted outcomes, searches that find anything"] <= 0.15
    assert found["permuted outcomes, searches that find anything again later"] <= 0.05


def test_a_permutation_names_one_case_in_each_set() -> None:
    sets = members()
    drawn = permuted(sets, 1)
    assert (drawn.groupby("set_no")["is_case"].sum() == 1).all()
    assert not drawn["is_case"].equals(sets["is_case"])
    assert drawn.equals(permuted(sets, 1))
