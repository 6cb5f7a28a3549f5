"""Dollars at risk: rounding, point in time facts, families counted once."""

from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.contracts.tables import REVENUE_AT_RISK
from uam_platform.kpis.revenue import cents_products, family_totals, revenue_at_risk
from uam_platform.policy.kpis import KpiPolicy
from uam_platform.policy.load import load_section
from uam_platform_tests.churn.frames import blank_features

AS_OF = pd.Timestamp(2025, 6, 2)
POLICY = load_section(KpiPolicy, "kpis")


def revenue(**probability: float) -> pd.DataFrame:
    ids = list(probability)
    scores = pd.DataFrame(
        {
            "account_id": ids,
            "as_of": AS_OF,
            "decision_at": pd.Timestamp(2025, 6, 2, 6),
            "churn_probability": list(probability.values()),
            "baseline_probability": 0.05,
        }
    )
    features = blank_features(pd.DataFrame({"account_id": ids, "as_of": AS_OF, "arr_usd_cents": 1_000_050}))
    return revenue_at_risk(scores, features, accounts(), POLICY)


def accounts() -> pd.DataFrame:
    def row(account, name, parent, valid_from, valid_to, known):
        return {
            "account_id": account,
            "account_name": name,
            "parent_account_id": parent,
            "owner_id": "u1",
            "owner_name": "Ada",
            "owner_email": "ada@example.com",
            "valid_from_at": valid_from,
            "valid_to_at": valid_to,
            "known_at": known,
        }

    start, change = pd.Timestamp(2025, 1, 1), pd.Timestamp(2025, 5, 1)
    return pd.DataFrame(
        [
            row("holding", "Holding", None, start, pd.NaT, start),
            row("child", "Child before", None, start, change, start),
            row("child", "Child", "holding", change, pd.NaT, change),
            row(
                "child",
                "Child, learned too late",
                "holding",
                pd.Timestamp(2025, 6, 1),
                pd.NaT,
                pd.Timestamp(2025, 6, 2, 7),
            ),
            row("grandchild", "Grandchild", "child", start, pd.NaT, start),
        ]
    )


def test_the_facts_shown_were_valid_and_known_at_the_decision() -> None:
    found = revenue(child=0.1, holding=0.1, stranger=0.1).set_index("account_id")
    assert list(revenue(child=0.1).columns) == list(REVENUE_AT_RISK.column_names)
    assert found.loc["child", "account_name"] == "Child"
    assert pd.isna(found.loc["stranger", "owner_id"])


def test_revenue_at_risk_is_probability_times_arr_rounded_half_up_to_the_cent() -> None:
    found = revenue(child=0.1).iloc[0]
    assert found.revenue_at_risk_usd_cents == 100_005
    assert found.expected_saved_usd_cents == 20_001


def test_a_family_counts_every_account_once() -> None:
    found = revenue(child=0.2, grandchild=0.3, holding=0.1, stranger=0.4)
    totals = family_totals(found).set_index("family_account_id")
    assert list(totals["account_count"]) == [3, 1]
    assert totals["arr_usd_cents"].sum() == found["arr_usd_cents"].sum()
    assert totals["revenue_at_risk_usd_cents"].sum() == found["revenue_at_risk_usd_cents"].sum()


@pytest.mark.parametrize("month", [5, 6])
def test_through_a_merge_and_a_split_every_dollar_is_counted_once(month: int) -> None:
    """In June grandchild leaves its parent and stranger is taken into the holding: families change, sums never."""
    line = {
        5: ["holding", "child", None, None],
        6: ["holding", None, None, "holding"],
    }
    found = revenue(child=0.2, grandchild=0.3, holding=0.1, stranger=0.4)
    found["parent_account_id"] = line[month]
    totals = family_totals(found).set_index("family_account_id")
    assert dict(totals["account_count"]) == (
        {"holding": 3, "stranger": 1} if month == 5 else {"holding": 3, "grandchild": 1}
    )
    for name in ("arr_usd_cents", "revenue_at_risk_usd_cents", "expected_saved_usd_cents"):
        assert totals[name].sum() == found[name].sum()


def test_a_circle_of_parents_is_still_counted_once() -> None:
    found = revenue(child=0.2, holding=0.1)
    found["parent_account_id"] = ["holding", "child"]
    totals = family_totals(found)
    assert list(totals["account_count"]) == [2]


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.integers(0, 10**12), st.floats(0, 1))
def test_a_product_is_never_more_than_half_a_cent_off_and_halves_go_up(cents: int, factor: float) -> None:
    exact = Decimal(cents) * Decimal(str(factor))
    found = int(cents_products([cents], [factor]).iloc[0])
    assert Decimal("-0.5") < found - exact <= Decimal("0.5")


@pytest.mark.parametrize(
    ("cents", "factor", "expected"), [(1, 0.5, 1), (3, 0.5, 2), (10**11, 0.333333333, 33333333300)]
)
def test_halves_go_up_and_large_sums_stay_exact(cents: int, factor: float, expected: int) -> None:
    assert int(cents_products([cents], [factor]).iloc[0]) == expected
