"""Durable value: where behaviours strengthen or weaken beyond noise, and how many dollars stand on either side."""

from datetime import date
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.contracts.tables_kpis import ACCOUNT_SCORES, VALUE_WEEKS
from uam_platform.kpis.durable_value import DIRECTIONS, value_changes, value_weeks
from uam_platform.kpis.plots import dollars_by_direction
from uam_platform.policy.durable_value import DurableValue
from uam_platform.policy.load import load_section

POLICY = load_section(DurableValue, "durable_value")
DAY = date(2025, 6, 2)
LEVEL = {
    "core_28d_count": 100, "core_84d_count": 300, "session_28d_count": 40, "session_84d_count": 120, "active_person_28d_count": 12,
    "active_person_prior_28d_count": 12, "feature_28d_count": 9, "feature_prior_28d_count": 9, "active_day_28d_count": 18,
    "active_day_84d_count": 54, "core_prior_28d_count": 100, "ticket_28d_count": 0, "open_ticket_count": 0,
    "days_since_escalation": None, "arr_usd_cents": 1_000_00, "tier": "growth", "tenure_days": 400, "is_eligible": True,
}  # fmt: skip
FALLEN = {"core_28d_count": 15, "session_28d_count": 25, "active_person_28d_count": 4, "feature_28d_count": 3}
RISEN = {"core_28d_count": 300, "core_84d_count": 500, "active_person_28d_count": 30, "feature_28d_count": 18}


def snapshot(*accounts: dict[str, Any], others: int = 40, day: date = DAY) -> pd.DataFrame:
    """Accounts named first, then as many others that change nothing."""
    rows = [{**LEVEL, **a} for a in (*accounts, *({} for _ in range(others)))]
    return pd.DataFrame([{"account_id": f"acc_{n:02d}", "as_of": day, **row} for n, row in enumerate(rows)])


def scores(features: pd.DataFrame) -> pd.DataFrame:
    """Weights of half the contract."""
    rows = features[["account_id", "as_of"]].assign(revenue_weight_usd_cents=features["arr_usd_cents"] // 2)
    return rows.reindex(columns=list(ACCOUNT_SCORES.column_names))


def directions(features: pd.DataFrame) -> dict[str, str]:
    found = value_changes(features, scores(features), POLICY)
    return dict(zip(found["account_id"], found["value_direction"], strict=True))


def test_what_falls_weakens_what_rises_strengthens_and_what_stays_holds() -> None:
    found = directions(snapshot(FALLEN, RISEN))
    assert (found["acc_00"], found["acc_01"], found["acc_02"]) == ("weakening", "strengthening", "holding")
    assert set(list(found.values())[2:]) == {"holding"}


def test_a_fall_that_all_peers_share_is_none() -> None:
    everybody = snapshot(*({**FALLEN} for _ in range(40)), others=0)
    core_alone = {"core_28d_count": 50, "session_28d_count": 20}
    shared = directions(snapshot(*(core_alone for _ in range(40)), others=0))
    assert set(shared.values()) == {"holding"}
    assert set(directions(everybody).values()) == {"holding"}


@pytest.mark.parametrize(
    "account",
    [
        pytest.param({"core_28d_count": 0, "core_84d_count": 9}, id="hardly any core work in twelve weeks"),
        pytest.param({**FALLEN, "tenure_days": 83}, id="younger than a quarter"),
    ],
)
def test_where_there_is_too_little_to_compare_nothing_is_said(account: dict[str, Any]) -> None:
    features = snapshot(account)
    found = value_changes(features, scores(features), POLICY).iloc[0]
    assert found["value_direction"] == "unknown"
    assert pd.isna(found["value_change"])
    assert found["reading"] is None or pd.isna(found["reading"])


def test_the_reading_names_the_behaviour_that_speaks_loudest_with_its_numbers() -> None:
    features = snapshot({**LEVEL, "core_28d_count": 5})
    found = value_changes(features, scores(features), POLICY).iloc[0]
    assert found["reading"] == "core workflow completions: 5 in 28 days after 295 in the 56 before"


def test_accounts_without_a_contract_have_no_row_but_stay_peers() -> None:
    features = snapshot({"is_eligible": False, **FALLEN}, others=40)
    assert "acc_00" not in directions(features)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 299), st.integers(0, 299))
def test_less_core_work_never_strengthens(one: int, other: int) -> None:
    low, high = sorted((one, other))
    features = snapshot({"core_28d_count": low}, {"core_28d_count": high})
    found = value_changes(features, scores(features), POLICY).set_index("account_id")["value_change"]
    assert found["acc_00"] <= found["acc_01"]


def test_a_week_has_every_direction_and_the_dollars_of_all_accounts_once() -> None:
    features = pd.concat([snapshot(FALLEN, RISEN), snapshot(RISEN, day=date(2025, 6, 9))], ignore_index=True)
    weeks = value_weeks(value_changes(features, scores(features), POLICY))
    assert list(weeks.columns) == list(VALUE_WEEKS.column_names)
    assert weeks.groupby("as_of")["value_direction"].apply(set).tolist() == [set(DIRECTIONS)] * 2
    assert weeks["direction_account_count"].sum() == len(features)
    assert weeks["arr_usd_cents"].sum() == features["arr_usd_cents"].sum()
    assert weeks["revenue_weight_usd_cents"].sum() == features["arr_usd_cents"].sum() // 2
    assert dollars_by_direction(weeks) == dollars_by_direction(weeks)


def test_no_snapshot_gives_no_rows() -> None:
    nothing = snapshot(others=1).iloc[:0].astype({"as_of": "datetime64[us]"})
    found = value_changes(nothing, scores(nothing), POLICY)
    assert found.empty
    assert value_weeks(found).empty


SHALLOW = {"core_28d_count": 30, "feature_28d_count": 4}


def is_losing(account: dict[str, Any]) -> bool:
    features = snapshot(account)
    return bool(value_changes(features, scores(features), POLICY).iloc[0]["is_losing_depth"])


def test_an_account_whose_people_come_and_do_less_that_counts_loses_depth() -> None:
    assert is_losing(SHALLOW)
    assert is_losing({**SHALLOW, "days_since_escalation": POLICY.silent.least_days_since_escalation})


@pytest.mark.parametrize(
    "account",
    [
        pytest.param({}, id="nothing changed"),
        pytest.param({**SHALLOW, "ticket_28d_count": 1}, id="it asked for help"),
        pytest.param({**SHALLOW, "open_ticket_count": 1}, id="a ticket is open"),
        pytest.param({**SHALLOW, "days_since_escalation": 55}, id="it escalated"),
        pytest.param({**SHALLOW, "active_day_28d_count": 3}, id="it is going quiet"),
        pytest.param({**SHALLOW, "tenure_days": 83}, id="it is young"),
        pytest.param(
            {"core_28d_count": 60, "session_28d_count": 24, "active_person_28d_count": 7},
            id="fewer come and do as much each",
        ),
    ],
)
def test_depth_is_not_lost_in_silence_where(account: dict[str, Any]) -> None:
    assert not is_losing(account)
