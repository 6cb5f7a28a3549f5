"""Cohorts: known groups are found, names stay, shaky ones are refused, declared rules hold by hand-made counts."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from uam_platform.behavior.cohort_clusters import NOISE, cluster, stability, weekly_clusters
from uam_platform.behavior.cohort_inputs import FEATURE_COLUMNS, behaviour_inputs, extended_scalers, scaled
from uam_platform.behavior.cohort_rules import held, rules_holding
from uam_platform.behavior.cohorts import main_workflow_broke, memberships, profiles
from uam_platform.contracts.tables import COHORT_PROFILES, COHORT_SCALERS, COHORTS
from uam_platform.policy.cohorts import CohortPolicy, HeldRule
from uam_platform.policy.load import load_section

POLICY = load_section(CohortPolicy, "cohorts")
NO_SCALERS = pd.DataFrame(columns=list(COHORT_SCALERS.column_names))
FIRST = pd.Timestamp("2025-01-06")
NO_VALUES = pd.DataFrame(
    {
        "account_id": pd.Series(dtype="str"),
        "as_of": pd.Series(dtype="datetime64[us]"),
        "workflow": [],
        "value_count": [],
    }
)
NO_ADMINS = pd.DataFrame(
    {
        "account_id": pd.Series(dtype="str"),
        "as_of": pd.Series(dtype="datetime64[us]"),
        "core_count": [],
        "looks_count": [],
    }
)


def blobs(count: int, width: float, seed: int = 1) -> np.ndarray:
    rng, size = np.random.default_rng(seed), len(POLICY.inputs)
    centres = np.array([[-2.0] * size, [2.0] * size])
    return np.concatenate([centre + width * rng.standard_normal((count, size)) for centre in centres])


def weeks(points: np.ndarray, count: int = 3) -> pd.DataFrame:
    rng, names = np.random.default_rng(3), [f"a{n:03d}" for n in range(len(points))]
    parts = []
    for week in range(count):
        index = pd.MultiIndex.from_product([names, [FIRST + timedelta(days=7 * week)]], names=["account_id", "as_of"])
        parts.append(pd.DataFrame(points + 0.05 * rng.standard_normal(points.shape), index, list(POLICY.inputs)))
    return pd.concat(parts)


def features(count: int, snapshots: int) -> pd.DataFrame:
    rng, parts = np.random.default_rng(5), []
    for week in range(snapshots):
        made = {name: rng.integers(20, 60, count) for name in FEATURE_COLUMNS if name.endswith("_count")}
        parts.append(
            pd.DataFrame(made).assign(
                account_id=[f"a{n:03d}" for n in range(count)],
                as_of=FIRST + timedelta(days=7 * week),
                is_eligible=True,
                arr_usd_cents=100,
            )
        )
    return pd.concat(parts, ignore_index=True)


def test_two_known_groups_are_found_and_are_stable() -> None:
    points = blobs(60, 0.3)
    labels, strength = cluster(points, POLICY)
    assert set(labels[:60]) - {NOISE} != set(labels[60:]) - {NOISE}
    assert labels.max() == 1
    assert (labels != NOISE).mean() > 0.9
    assert strength.max() == 1
    assert stability(points, labels, POLICY, 1).min() > 0.9


def test_a_cluster_that_resamples_do_not_find_again_is_not_stable() -> None:
    points = np.random.default_rng(2).standard_normal((120, len(POLICY.inputs)))
    made_up = np.repeat([0, 1], 60)  # a cut through one cloud
    assert stability(points, made_up, POLICY, 1).max() < POLICY.stability.least_ratio


def test_clusters_keep_their_number_over_weeks() -> None:
    found = weekly_clusters(weeks(blobs(60, 0.3)), POLICY)
    assert sorted(found["cohort"].unique()) == ["K01", "K02"]
    assert found.groupby("account_id")["cohort"].nunique().max() == 1


def test_the_order_of_accounts_changes_nothing() -> None:
    points = weeks(blobs(60, 0.3))
    shuffled = points.sample(frac=1.0, random_state=4)
    key = ["account_id", "as_of"]
    left, right = (weekly_clusters(p, POLICY).sort_values(key, ignore_index=True) for p in (points, shuffled))
    pd.testing.assert_frame_equal(left, right)


def test_a_week_does_not_depend_on_later_weeks() -> None:
    points = weeks(blobs(60, 0.3))
    early = points[points.index.get_level_values("as_of") < FIRST + timedelta(days=14)]
    whole = weekly_clusters(points, POLICY)
    pd.testing.assert_frame_equal(weekly_clusters(early, POLICY), whole.iloc[: len(weekly_clusters(early, POLICY))])


def test_a_new_group_gets_a_new_number_and_a_vanished_one_is_remembered() -> None:
    points = blobs(60, 0.3)
    both, one = weeks(points, 3), np.arange(120) < 60
    second = FIRST + timedelta(days=7)
    is_second = both.index.get_level_values("as_of") == second
    is_first_group = both.index.get_level_values("account_id").isin([f"a{n:03d}" for n in np.flatnonzero(one)])
    moved = both.copy()
    moved.loc[is_second & is_first_group] += 1.5 * np.where(np.arange(len(POLICY.inputs)) % 2, 1.0, -1.0)
    found = weekly_clusters(moved, POLICY)
    assert found.groupby("account_id")["cohort"].nunique().max() == 1  # same members, other place: still themselves


def test_the_scaler_is_fitted_once_and_never_again_by_itself() -> None:
    rows = features(60, 20)
    inputs = behaviour_inputs(rows)
    first = extended_scalers(inputs, NO_SCALERS, POLICY)
    assert (first["fitted_from_date"] == FIRST + timedelta(days=84)).all()
    changed = inputs.assign(core_per_session=inputs["core_per_session"] * 50)
    pd.testing.assert_frame_equal(extended_scalers(changed, first, POLICY), first)
    raised = extended_scalers(changed, first, POLICY.model_copy(update={"version": 2}))
    assert len(raised) == 2 * len(first)
    assert raised["scaler_id"].nunique() == 2


def test_the_scaler_does_not_look_past_the_snapshots_it_is_fitted_on() -> None:
    inputs = behaviour_inputs(features(60, 20))
    last = FIRST + timedelta(days=84 + 7 * (POLICY.scaler.fit_snapshots - 1))
    early = extended_scalers(inputs[inputs["as_of"] <= last], NO_SCALERS, POLICY)
    pd.testing.assert_frame_equal(extended_scalers(inputs, NO_SCALERS, POLICY), early)


def test_money_title_and_segment_are_no_inputs() -> None:
    rows = features(60, 20)
    richer = rows.assign(arr_usd_cents=10**9, tier="gold", plan="enterprise", strategic_fit="high")
    pd.testing.assert_frame_equal(behaviour_inputs(rows), behaviour_inputs(richer))


def test_before_a_scaler_is_fitted_there_are_no_clusters() -> None:
    inputs = behaviour_inputs(features(60, 5))
    none = extended_scalers(inputs, NO_SCALERS, POLICY)
    assert scaled(inputs, none, POLICY).empty
    members = memberships(inputs, NO_VALUES, NO_ADMINS, none, POLICY)
    assert members["is_named"].all()
    assert list(members.columns) == list(COHORTS.column_names)


def test_without_any_account_all_tables_are_empty() -> None:
    rows = features(3, 1).iloc[:0]
    inputs = behaviour_inputs(rows)
    members = memberships(inputs, NO_VALUES, NO_ADMINS, NO_SCALERS, POLICY)
    labels = pd.DataFrame({"account_id": [], "as_of": [], "is_churned": [], "is_label_closed": []}).astype(
        {"as_of": "datetime64[us]", "is_label_closed": bool}
    )
    told = profiles(members, inputs, rows, labels, 90)
    assert members.empty
    assert told.empty
    assert list(told.columns) == list(COHORT_PROFILES.column_names)


def by_hand() -> pd.DataFrame:
    """Ten usual accounts, one that signs in as often and does little."""
    usual = {"sessions_per_person": 20.0, "core_per_session": 1.0, "feature_count": 8.0, "session_count": 100}
    rows = [usual | {"account_id": f"u{n}"} for n in range(10)] + [usual | {"account_id": "s", "core_per_session": 0.3}]
    return pd.DataFrame(rows).assign(as_of=FIRST)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, {"s"}),
        ({"feature_count": 2.0}, set()),
        ({"sessions_per_person": 5.0}, set()),
        ({"session_count": 4}, set()),
    ],
    ids=["shallow", "narrow", "rare", "too few sessions to tell"],
)
def test_broad_logins_with_shallow_depth(changed: dict[str, float], expected: set[str]) -> None:
    inputs = by_hand()
    for name, value in changed.items():
        inputs.loc[inputs["account_id"] == "s", name] = value
    held_by = rules_holding(inputs, NO_VALUES, NO_ADMINS, POLICY)
    assert set(held_by.loc[held_by["cohort"] == "C1", "account_id"]) == expected


@pytest.mark.parametrize(
    ("counts", "is_member"),
    [((90, 10), True), ((60, 40), False), ((72, 28), False), ((720, 230), True), ((8, 0), False)],
    ids=["nine tenths", "six tenths", "72 of 100 may be chance", "76 percent of many", "too little value"],
)
def test_one_workflow_dependents(counts: tuple[int, int], is_member: bool) -> None:
    values = pd.DataFrame({"account_id": "u0", "as_of": FIRST, "workflow": ["r", "s"], "value_count": counts})
    found = rules_holding(by_hand(), values, NO_ADMINS, POLICY)
    assert ("C2" in set(found.loc[found["account_id"] == "u0", "cohort"])) is is_member


def test_value_that_no_workflow_owns_makes_no_dependent() -> None:
    values = pd.DataFrame({"account_id": "u0", "as_of": FIRST, "workflow": ["other"], "value_count": [200]})
    assert "C2" not in set(rules_holding(by_hand(), values, NO_ADMINS, POLICY)["cohort"])


@pytest.mark.parametrize(
    ("admins", "is_member"),
    [([(1, 20)], True), ([(20, 20)], False), ([(0, 2)], False), ([(1, 20), (30, 1), (30, 0)], False)],
    ids=["looks only", "works too", "hardly there", "a minority of the administrators"],
)
def test_administrators_as_evaluators(admins: list[tuple[int, int]], is_member: bool) -> None:
    rows = pd.DataFrame(admins, columns=["core_count", "looks_count"]).assign(account_id="u0", as_of=FIRST)
    found = rules_holding(by_hand(), NO_VALUES, rows, POLICY)
    assert ("C3" in set(found.loc[found["account_id"] == "u0", "cohort"])) is is_member


def test_a_cohort_is_entered_after_weeks_and_left_after_weeks() -> None:
    days = pd.Series([FIRST + timedelta(days=7 * n) for n in range(12)])
    holding = pd.DataFrame({"account_id": "a", "as_of": days[[1, 2, 3, 4]], "cohort": "C1"})
    rule = HeldRule(of_weeks=4, enter_weeks=3, stay_weeks=1)
    told = held(holding, days, rule)
    assert list(told["as_of"]) == list(days[3:8])
    assert told["membership_ratio"].max() == 1.0


def test_profiles_count_earlier_members_once_and_only_by_final_labels() -> None:
    inputs = behaviour_inputs(features(20, 3))
    days = sorted(inputs["as_of"].unique())
    rows = [(account, day) for account in ("a000", "a001") for day in days]
    members = pd.DataFrame(rows, columns=["account_id", "as_of"]).assign(
        cohort="C1", cohort_name="x", is_named=True, is_stable=True, membership_ratio=1.0, stability_ratio=np.nan
    )
    labels = members[["account_id", "as_of"]].assign(is_label_closed=True, is_churned=members["account_id"] == "a000")
    told = profiles(members, inputs, features(20, 3), labels, 7)
    assert told["closed_member_count"].tolist() == [0, 2, 2]
    assert told["churned_member_count"].tolist() == [0, 1, 1]
    assert told["account_count"].tolist() == [2, 2, 2]
    assert told["arr_usd_cents"].tolist() == [200, 200, 200]
    low, high = told["member_churn_low_ratio"].iloc[-1], told["member_churn_high_ratio"].iloc[-1]
    assert (low, high) == pytest.approx((0.0945, 0.9055), abs=1e-3)  # Wilson, 1 of 2
    assert np.isnan(told["member_churn_ratio"].iloc[0])


def test_members_whose_main_workflow_broke_are_told_apart() -> None:
    """Two depend on exports, one on imports: what counts is the failure of the workflow they depend on, in time."""
    day = pd.Timestamp("2025-06-02")
    values = pd.DataFrame(
        [
            ("a000", "export", 9),
            ("a000", "import", 1),
            ("a001", "export", 9),
            ("a002", "import", 9),
            ("a003", "other", 9),
        ],
        columns=["account_id", "workflow", "value_count"],
    ).assign(as_of=day)
    failures = [("a000", "export", 20), ("a001", "export", 90), ("a002", "export", 10), ("a003", "other", 5)]
    journeys = pd.DataFrame(failures, columns=["account_id", "journey_subject", "after"])
    journeys = journeys.assign(
        journey_kind="repeated_failure", event_date=[(day + timedelta(days=n)).date() for n in journeys["after"]]
    )
    broken = main_workflow_broke(values, journeys, 56)
    assert broken["account_id"].tolist() == ["a000"]
    inputs = behaviour_inputs(features(20, 3))
    first, last = min(inputs["as_of"]), max(inputs["as_of"])
    members = pd.DataFrame({"account_id": ["a000", "a001"] * 2, "as_of": [first, first, last, last]}).assign(
        cohort="C2", cohort_name="x", is_named=True, is_stable=True, membership_ratio=1.0, stability_ratio=np.nan
    )
    labels = members[["account_id", "as_of"]].assign(is_label_closed=True, is_churned=members["account_id"] == "a000")
    told = profiles(
        members, inputs, features(20, 3), labels, 7, pd.DataFrame({"account_id": ["a000"], "as_of": [first]})
    )
    assert told["broken_member_count"].tolist() == [0, 1]
    assert told["broken_churned_count"].tolist() == [0, 1]
