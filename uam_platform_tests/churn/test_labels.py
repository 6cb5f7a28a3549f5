"""Labels at the edges of horizon, grace, censoring and closing."""

from datetime import datetime, timedelta

import pandas as pd
import pytest

from uam_platform.churn.folds import account_folds
from uam_platform.churn.labels import labels, paid_spells
from uam_platform.contracts.tables import LABELS
from uam_platform_tests.churn.frames import START, shipped_policy, term

POLICY = shipped_policy(horizon_days=56, renewal_grace_days=14)
NO_ACTIVITY = pd.DataFrame({"account_id": pd.Series(dtype="str"), "event_date": pd.Series(dtype="datetime64[us]")})
LONG_AFTER = START + timedelta(days=1000)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def asked(*accounts: str, is_eligible: bool = True) -> pd.DataFrame:
    return pd.DataFrame({"account_id": accounts, "as_of": START, "decision_at": day(0.25), "is_eligible": is_eligible})


def label_of(*terms: dict, closed_until: datetime = LONG_AFTER) -> pd.Series:
    found = labels(asked("a"), pd.DataFrame(list(terms)), NO_ACTIVITY, POLICY, closed_until)
    assert list(found.columns) == list(LABELS.column_names)
    return found.iloc[0]


@pytest.mark.parametrize(
    ("ended", "is_churned"),
    [(1, True), (56, True), (57, False), (0.25, True)],
    ids=["next_day", "last_day_of_horizon", "day_after_horizon", "at_the_decision"],
)
def test_an_end_inside_the_horizon_is_churn(ended: float, is_churned: bool) -> None:
    found = label_of(term("a", day(-300), day(65), ended=day(ended)))
    assert bool(found.is_churned) is is_churned
    assert found.is_label_closed
    assert pd.isna(found.ended_at) != is_churned


def test_a_term_that_lapses_without_renewal_is_churn() -> None:
    assert label_of(term("a", day(-300), day(30))).is_churned


@pytest.mark.parametrize(("gap", "is_churned"), [(0, False), (14, False), (15, True)])
def test_a_new_term_within_grace_is_a_renewal(gap: int, is_churned: bool) -> None:
    found = label_of(term("a", day(-300), day(30)), term("a", day(30 + gap), day(400), number=1))
    assert bool(found.is_churned) is is_churned


def test_a_rolling_monthly_term_goes_on_until_somebody_ends_it() -> None:
    rolling = term("a", day(-40), day(-10), "monthly")
    assert not label_of(rolling).is_churned
    assert label_of(rolling | {"ended_at": day(20)}).is_churned


def test_monthly_rows_chain_and_only_the_ended_one_ends_the_relationship() -> None:
    chain = [term("a", day(-60 + 30 * i), day(-30 + 30 * i), "monthly", number=i) for i in range(3)]
    assert not label_of(*chain).is_churned
    chain[-1]["ended_at"] = chain[-1]["term_end_at"]
    found = label_of(*chain)
    assert found.is_churned
    assert found.ended_at == chain[-1]["ended_at"]


def test_a_parallel_term_that_goes_on_keeps_the_relationship() -> None:
    assert not label_of(term("a", day(-300), day(30)), term("a", day(-100), day(265), number=1)).is_churned


@pytest.mark.parametrize("reason", ["Acquired", "merger, with parent", "was MERGED"])
def test_an_account_that_was_taken_over_is_censored(reason: str) -> None:
    found = label_of(term("a", day(-300), day(65), ended=day(20), reason=reason))
    assert found.is_censored
    assert pd.isna(found.is_churned)
    assert found.is_label_closed


def test_an_open_label_tells_nothing_even_when_the_end_is_there() -> None:
    ended = term("a", day(-300), day(10), ended=day(10))
    found = label_of(ended, closed_until=day(69))
    assert not found.is_label_closed
    assert pd.isna(found.is_churned)
    assert pd.isna(found.ended_at)
    assert label_of(ended, closed_until=day(70)).is_churned


def test_a_relationship_that_had_ended_before_the_decision_has_no_label() -> None:
    found = label_of(term("a", day(-300), day(-30)))
    assert found.is_censored
    assert pd.isna(found.is_churned)


def test_a_reactivation_is_a_new_spell_of_the_same_account() -> None:
    terms = pd.DataFrame([term("a", day(0), day(100)), term("a", day(200), day(300), number=1)])
    spells = paid_spells(terms, POLICY)
    assert list(spells["started_at"]) == [day(0), day(200)]
    assert list(spells["ended_at"]) == [day(100), day(300)]


def test_only_eligible_rows_are_labelled() -> None:
    rows = asked("a", "b").assign(is_eligible=[True, False])
    terms = pd.DataFrame([term("a", day(-300), day(65)), term("b", day(-300), day(65))])
    assert list(labels(rows, terms, NO_ACTIVITY, POLICY, LONG_AFTER)["account_id"]) == ["a"]


def test_facts_recorded_after_the_close_do_not_count() -> None:
    renewal = term("a", day(30), day(400), number=1) | {"known_at": day(90)}
    assert label_of(term("a", day(-300), day(30)), renewal, closed_until=day(80)).is_churned
    assert not label_of(term("a", day(-300), day(30)), renewal, closed_until=day(91)).is_churned


@pytest.mark.parametrize(
    ("active", "is_churned"),
    [(-1, True), (0, False), (55, False), (56, True)],
    ids=["before", "first_day", "last_day", "after"],
)
def test_inactivity_is_no_activity_from_as_of_to_the_end_of_the_horizon(active: int, is_churned: bool) -> None:
    policy = POLICY.model_copy(update={"label_kind": "inactivity"})
    activity = pd.DataFrame({"account_id": ["a"], "event_date": [day(active).date()]})
    no_terms = pd.DataFrame(columns=list(term("a", START, START)))
    found = labels(asked("a"), no_terms, activity, policy, day(56)).iloc[0]
    assert found.is_label_closed
    assert bool(found.is_churned) is is_churned
    assert not labels(asked("a"), no_terms, activity, policy, day(55)).iloc[0].is_label_closed


def test_accounts_of_one_parent_share_a_fold_and_folds_are_stable() -> None:
    accounts = pd.Series([f"acc_{i}" for i in range(200)])
    groups = pd.DataFrame({"account_id": accounts[:50], "parent_account_id": "holding"})
    with_parent = account_folds(accounts, 5, groups)
    alone = account_folds(accounts, 5)
    assert with_parent[:50].nunique() == 1
    assert with_parent[50:].equals(alone[50:])
    assert set(alone) == set(range(5))
    assert account_folds(accounts[::-1], 5).sort_index().equals(alone)
