"""Mined patterns: matched sets, exact tests, false discovery, replication; a planted pattern is found and nothing where nothing is."""

from collections import Counter
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.behavior.mined_patterns import mined_patterns, needed_columns, search
from uam_platform.behavior.mining_cases import COLUMNS, matched_sets
from uam_platform.behavior.mining_chance import discoveries, told_once, upper_tail
from uam_platform.behavior.mining_grams import actions_of, runs
from uam_platform.behavior.mining_plots import lifts, most_telling
from uam_platform.behavior.sequence_facts import Links
from uam_platform.contracts import tables
from uam_platform.lake.engine import connect
from uam_platform.policy.rulebook import load_rulebook
from uam_platform_tests.behavior.company import Row, midnight, table, us
from uam_platform_tests.behavior.test_journeys import ALWAYS
from uam_platform_tests.judged import verdicts

RULES = load_rulebook()
POLICY, RULE = RULES.mining, RULES.session_rule
MONDAY = date(2025, 6, 2)
SETS, CONTROLS = 50, 4


@settings(deadline=None)  # the first call imports scipy
@given(st.lists(st.sampled_from([(1, 2), (1, 3), (2, 3), (1, 1)]), min_size=1, max_size=6), st.integers(0, 6))
def test_the_tail_equals_the_sum_over_every_way_the_sets_can_fall(trials: list[tuple[int, int]], hits: int) -> None:
    whole = 0.0
    for ways in product((0, 1), repeat=len(trials)):
        chance = np.prod([m / n if hit else 1 - m / n for hit, (m, n) in zip(ways, trials, strict=True)])
        whole += float(chance) if sum(ways) >= hits else 0.0
    assert upper_tail(Counter(trials), hits) == pytest.approx(whole, abs=1e-12)


def members() -> pd.DataFrame:
    """Sets of one case and four controls; the last two fifths are later."""
    rows = [
        {"unit_no": s * (CONTROLS + 1) + n, "set_no": s, "is_case": n == 0, "is_later": s >= 0.6 * SETS}
        for s in range(SETS)
        for n in range(CONTROLS + 1)
    ]
    return pd.DataFrame(rows)


def shown(sets: pd.DataFrame, seed: int, patterns: int = 120, planted: float | None = None) -> pd.DataFrame:
    """Patterns that a quarter of all members show by chance; with `planted` one that so many of the cases show and a tenth of others."""
    rng = np.random.default_rng(seed)
    units = sets["unit_no"].to_numpy()
    parts = [
        pd.DataFrame({"unit_no": units[rng.random(len(units)) < 0.25]}).assign(pattern=f"p{n}") for n in range(patterns)
    ]
    if planted is not None:
        shows = rng.random(len(units)) < np.where(sets["is_case"], planted, 0.1)
        parts.append(pd.DataFrame({"unit_no": units[shows]}).assign(pattern="planted > one"))
    return pd.concat(parts, ignore_index=True)


def test_where_nothing_comes_before_the_outcome_nearly_nothing_is_found_and_nothing_again() -> None:
    sets = members()
    found = [discoveries(sets, shown(sets, seed), POLICY) for seed in range(40)]
    # At a false discovery rate of 5 % one search in twenty may find something; 6 of 40 or more would come about once in 60.
    assert sum(len(one) > 0 for one in found) <= 5
    assert sum(int(one["is_replicated"].sum()) for one in found) == 0


def test_a_planted_pattern_is_found_with_its_lift_and_found_again_later() -> None:
    sets = members()
    found = discoveries(sets, shown(sets, 1, planted=0.8), POLICY).set_index("pattern").loc["planted > one"]
    assert found["is_replicated"]
    share = (found["showing_case_count"] + 0.5) / (SETS + 0.5)
    others = (found["showing_control_count"] + 0.5) / (SETS * CONTROLS + 0.5)
    assert found["pattern_lift_ratio"] == pytest.approx(share / others)
    assert 1 < found["pattern_lift_low_ratio"] < share / others < found["pattern_lift_high_ratio"]


def test_a_pattern_of_the_earlier_outcomes_alone_is_told_as_not_found_again() -> None:
    sets = members()
    rows = shown(sets, 2, planted=0.8)
    later = sets.loc[sets["is_later"] & sets["is_case"], "unit_no"]
    fading = rows.loc[~((rows["pattern"] == "planted > one") & rows["unit_no"].isin(later))]
    found = discoveries(sets, fading, POLICY).set_index("pattern")
    assert not found.loc["planted > one", "is_replicated"]


def test_of_nested_patterns_the_one_that_chance_explains_least_is_told() -> None:
    chances = {"a > c": 0.01, "a > b > c": 0.02, "c > a": 0.03, "d": 0.04, "b > c": 0.04, "b > c > d": 0.04}
    found = pd.DataFrame(chances.items(), columns=["pattern", "pattern_chance_ratio"])
    assert told_once(found, " > ")["pattern"].tolist() == ["a > c", "c > a", "b > c > d"]


def features(accounts: int, seed: int, days: list[date]) -> pd.DataFrame:
    """Weekly rows of accounts whose numbers differ but do not change."""
    rng = np.random.default_rng(seed)
    rows = []
    for n in range(accounts):
        row = {c: int(rng.integers(5, 60)) for c in needed_columns(POLICY) if c.endswith("_count")}
        row |= {"account_id": f"acc_{n:03d}", "tier": ["growth", "enterprise"][n % 2], "arr_usd_cents": 100_00 + n}
        rows += [{**row, "as_of": day, "is_eligible": True} for day in days]
    return pd.DataFrame(rows)


def labels(churned: dict[str, date], known: pd.DataFrame) -> pd.DataFrame:
    """Final outcomes of every row: churn within eight weeks of the day named."""
    days = pd.to_datetime(known["as_of"])
    end = pd.to_datetime(known["account_id"].map(churned))
    rows = known[["account_id", "as_of"]].assign(
        is_label_closed=True, is_churned=(end > days) & (end <= days + timedelta(56))
    )
    return rows.loc[~(end <= days)]


def wins(*accounts: tuple[str, date]) -> pd.DataFrame:
    """Won opportunities of growth, opened on the day named."""
    rows = [
        {"account_id": account, "opportunity_type": "Expansion", "is_won": True, "created_at": midnight(day)}
        for account, day in accounts
    ]
    return pd.DataFrame(rows, columns=["account_id", "opportunity_type", "is_won", "created_at"])


GRID = [MONDAY + timedelta(days=7 * n) for n in range(26)]


def test_sets_are_of_one_day_with_the_case_before_the_outcome_and_no_account_twice() -> None:
    known = features(60, 1, GRID)
    left = {f"acc_{n:03d}": MONDAY + timedelta(days=60 + 9 * n) for n in range(10)}
    grown = [(f"acc_{n:03d}", MONDAY + timedelta(days=30 + n)) for n in range(20, 26)]
    sets = matched_sets(known, labels(left, known), wins(*grown), POLICY)
    assert list(sets.columns) == COLUMNS
    for outcome, own in sets.groupby("outcome"):
        assert own["account_id"].is_unique, outcome
        by_set = own.groupby("set_no")
        assert (by_set["as_of"].nunique() == 1).all()
        assert (by_set["is_case"].sum() == 1).all()
        assert by_set.size().between(2, POLICY.controls.per_case + 1).all()
    cases = sets.loc[sets["is_case"]].set_index(["outcome", "account_id"])["as_of"]
    for account, day in cases["churn"].items():
        assert cases["churn"][account] < pd.Timestamp(left[str(account)]) <= day + timedelta(days=56)
    for account, day in cases["expansion"].items():
        assert timedelta(0) <= pd.Timestamp(dict(grown)[str(account)]) - day < timedelta(days=7)
    assert len(cases["churn"]) >= 8
    assert len(cases["expansion"]) == 6


def test_controls_come_about_as_often_as_their_case() -> None:
    known = features(40, 3, GRID)
    left = {"acc_000": MONDAY + timedelta(days=80)}
    sets = matched_sets(known, labels(left, known), wins(), POLICY).merge(
        known.assign(as_of=pd.to_datetime(known["as_of"]))
    )
    logs = np.log1p(sets["session_84d_count"])
    assert (abs(logs - logs[sets["is_case"]].iloc[0]) <= POLICY.controls.caliper_log).all()


def told(
    names: str, minute: float = 0.0, day: date = MONDAY - timedelta(days=3), person: int = 1, late: int = 0
) -> list[Row]:
    """One-letter events of a person, a minute apart."""
    rows = []
    for n, name in enumerate(names):
        at = datetime(day.year, day.month, day.day, 9) + timedelta(minutes=minute + n)  # noqa: DTZ001 - naive UTC
        rows.append(
            {
                "event_hi": int(minute * 60) + n,
                "event_lo": person,
                "event_kind": "track",
                "event_name": name,
                "actor_key": person,
                "workspace_key": person,
                "occurred_at": at,
                "occurred_us": us(at),
                "event_date": day,
                "known_date": day + timedelta(days=late),
                "marker": "none",
            }
        )
    return rows


def links(people: int) -> Links:
    """Each person alone in an account with a workspace."""
    hierarchy = [{"workspace_key": n, "account_id": f"acc_{n - 1:03d}", **ALWAYS} for n in range(1, people + 1)]
    persons = [{"identifier_key": n, "identifier_kind": "user", "person_key": 100 + n, "evidence": "self", **ALWAYS}
               for n in range(1, people + 1)]  # fmt: skip
    return Links(table(tables.HIERARCHY, hierarchy), table(tables.PEOPLE, persons), table(tables.MEMBERSHIPS, []))


def patterns_of(rows: list[Row], as_of: date = MONDAY) -> set[str]:
    units = pd.DataFrame({"unit_no": [0], "account_id": ["acc_000"], "as_of": [as_of]})
    acted = actions_of(table(tables.EVENTS, rows), links(1), units, POLICY.window_days, POLICY.steps, RULE)
    return set(connect().to_pyarrow(runs(acted, POLICY.steps)).to_pandas()["pattern"])


def test_a_run_may_hold_one_other_action_between_two_of_its_own_and_no_more() -> None:
    found = patterns_of(told("abcd"))
    assert {"a > b", "a > c", "a > b > c", "a > b > d", "a > c > d"} <= found
    assert "a > d" not in found


@pytest.mark.parametrize(
    ("rows", "as_of"),
    [
        pytest.param(told("a") + told("b", minute=600), MONDAY, id="another session"),
        pytest.param(told("a") + told("b", minute=1, person=2), MONDAY, id="another person"),
        pytest.param(told("ab", late=9), MONDAY, id="known after the snapshot"),
        pytest.param(told("ab"), MONDAY + timedelta(days=POLICY.window_days + 7), id="before the window"),
        pytest.param(told("ab", day=MONDAY), MONDAY, id="on the day of the snapshot"),
    ],
)
def test_nothing_runs_across(rows: list[Row], as_of: date) -> None:
    assert patterns_of(rows, as_of) == set()


def test_the_whole_search_finds_what_was_planted_before_churn_with_dollars_and_rows() -> None:
    known = features(120, 5, GRID)
    left = {f"acc_{n:03d}": MONDAY + timedelta(days=40 + 4 * n) for n in range(30)}
    last = {a: max(d for d in GRID if d < end) for a, end in left.items()}
    rows: list[Row] = []
    for n in range(120):
        account = f"acc_{n:03d}"
        for number, day in enumerate(GRID):
            rows += told("xyzw"[n % 3 :], minute=7 * number, day=day - timedelta(days=3), person=n + 1)
        if account in last:
            rows += told("exb", minute=400, day=last[account] - timedelta(days=4), person=n + 1)
    facts: tuple[Any, ...] = (known, labels(left, known), wins())
    mined = search(table(tables.EVENTS, rows), links(120), *facts, POLICY, RULE, GRID[-1])
    found = mined_patterns(mined, POLICY)
    assert all(
        v.is_valid
        for v in verdicts(table(tables.MINED_PATTERNS, found.to_dict("records")), tables.MINED_PATTERNS).values()
    )
    told_of = found.set_index("pattern")
    planted = [p for p in told_of.index if p in ("e > x", "e > b", "x > b", "e > x > b")]
    assert len(planted) == 1
    assert len(told_of) == 1
    row = told_of.loc[planted[0]]
    assert row["is_replicated"]
    assert row["showing_case_count"] == row["case_count"]
    cases = mined.sets.loc[mined.sets["is_case"], "arr_usd_cents"]
    assert row["arr_usd_cents"] == cases.sum()
    assert row["pointers"].startswith("staging/events:24000/")
    showing = [day for day in last.values() if day - timedelta(days=4) >= GRID[-1] - timedelta(days=POLICY.window_days)]
    assert row["exposed_account_count"] == len(showing)
    assert most_telling(found)["pattern"].tolist() == planted
    assert lifts(found).value.startswith("![")


def test_a_small_shift_before_churn_is_found_and_not_in_accounts_that_gave_notice() -> None:
    level = {"core_28d_count": 30, "core_84d_count": 90, "session_28d_count": 20, "session_84d_count": 60}
    known = features(120, 7, GRID).assign(**level)
    left = {f"acc_{n:03d}": MONDAY + timedelta(days=40 + 4 * n) for n in range(30)}
    last = {account: max(day for day in GRID if day < end) for account, end in left.items()}
    shifted = [last.get(a) == day for a, day in zip(known["account_id"], known["as_of"], strict=True)]
    gave_notice = known["account_id"] >= "acc_100"
    known["core_28d_count"] = known["core_28d_count"].mask(pd.Series(shifted), 18).mask(gave_notice, 0)
    known["is_eligible"] = ~gave_notice
    events = table(tables.EVENTS, told("a"))
    mined = search(events, links(120), known, labels(left, known), wins(), POLICY, RULE, GRID[-1])
    assert not set(mined.sets["account_id"]) & set(known.loc[gave_notice, "account_id"])
    found = mined_patterns(mined, POLICY)
    assert set(found["pattern_kind"]) == {"shift"}
    row = found.set_index("pattern").loc["less core work + less core work per session"]
    assert row["is_replicated"]
    assert (row["showing_case_count"], row["showing_control_count"]) == (row["case_count"], 0)
    assert row["pointers"].startswith("behavior/account_features:acc_000/")
    alone = found.head(1).assign(pattern="less core work", step_count=len(["less core work"]))
    (judged,) = verdicts(table(tables.MINED_PATTERNS, alone.to_dict("records")), tables.MINED_PATTERNS).values()
    assert judged.is_valid, "one shift alone is a pattern too"


@pytest.mark.parametrize("rows", [0, 60], ids=["no account at all", "no customer"])
def test_a_company_without_customers_has_no_patterns_instead_of_an_error(rows: int) -> None:
    known = features(60, 9, GRID[:1]).assign(is_eligible=False).iloc[:rows]
    facts = (known, labels({}, known), wins())
    mined = search(table(tables.EVENTS, told("ab")), links(1), *facts, POLICY, RULE, GRID[-1])
    assert mined_patterns(mined, POLICY).empty
