"""Dollars: portfolios known by hand, caps, tiers, curves."""

import numpy as np
import pandas as pd
import pytest

from uam_platform.evaluation import churn_metrics as metrics
from uam_platform.evaluation.churn_curves import gains, precision_recall, reliability
from uam_platform.evaluation.churn_dollars import dollar_rows
from uam_platform.evaluation.churn_metrics import BASELINE, ORACLE_SCORE, SCORE, Judged
from uam_platform.evaluation.saved_dollars import ARR_ONLY, CONTRACT_TIMES_ARR, RISK_ONLY, chosen, saved_rows

# Two weeks, four accounts: the oracle would work on `rich` (0.5 x 1000); the score picks `loud`, risk alone `sure`, ARR alone `huge`.
ACCOUNTS = ("rich", "loud", "sure", "huge")
MRR = (1000.0, 800.0, 10.0, 4000.0)
ORACLE = (0.5, 0.4, 0.9, 0.01)
OWN = (0.3, 0.5, 0.8, 0.01)
CONTRACT = (0.1, 0.1, 0.1, 0.1)


def judged(**columns: object) -> Judged:
    rows = [
        {
            "account_id": a, "as_of": pd.Timestamp(day), "is_churned": a in ("loud", "sure"), "tier": "growth", "mrr_usd": m,
            ORACLE_SCORE: oracle, SCORE: own, BASELINE: contract,
        }
        for day in ("2025-06-02", "2025-06-09")
        for a, m, oracle, own, contract in zip(ACCOUNTS, MRR, ORACLE, OWN, CONTRACT, strict=True)
    ]  # fmt: skip
    return Judged(pd.DataFrame(rows).assign(**columns), seed=0)


def test_saved_dollars_are_the_oracles_expected_loss_in_the_portfolio_of_each_week():
    share, over, lost = saved_rows(judged(), budget=1)
    assert share.value == pytest.approx(320 / 500)
    assert (share.parts["numerator"], share.parts["denominator"]) == pytest.approx((640, 1000))
    assert share.parts[f"numerator {RISK_ONLY}"] == pytest.approx(18)
    assert share.yardsticks[RISK_ONLY] == pytest.approx(9 / 500)
    assert share.yardsticks[ARR_ONLY] == pytest.approx(40 / 500)
    assert share.yardsticks[CONTRACT_TIMES_ARR] == pytest.approx(40 / 500)  # the same hazard for all: by ARR
    assert over.value == pytest.approx(280 / 500)
    assert lost.value is None  # the oracle's own pick did not leave: no share of nothing


def test_a_budget_for_everybody_saves_what_the_oracle_saves():
    assert saved_rows(judged(), budget=4)[0].value == pytest.approx(1)


def test_the_assumed_save_rates_are_printed_as_dollars_a_year():
    note = saved_rows(judged(), budget=1)[0].note
    yearly = 12 * 320 * 365 / 56
    assert f"${0.1 * yearly:,.0f} to ${0.4 * yearly:,.0f}" in note
    assert "assumption" in note


def test_ties_never_widen_the_budget():
    weeks = pd.Series(pd.to_datetime(["2025-06-02"] * 5))
    assert chosen(weeks, np.ones(5), budget=2).sum() == 2


def test_capped_dollars_keep_one_large_account_from_carrying_the_figure():
    weeks = judged(**{SCORE: [*OWN[:3], 0.5] * 2})
    assert metrics.dollars(weeks, SCORE).value == pytest.approx((300 + 400 + 8 + 2000) / (500 + 320 + 9 + 40))
    assert metrics.dollars(weeks, SCORE, cap=1000.0).value == pytest.approx(
        (300 + 400 + 8 + 500) / (500 + 320 + 9 + 10)
    )


def test_a_tier_with_fewer_than_ninety_churned_accounts_is_not_estimable():
    rows = {row.metric: row for row in dollar_rows(judged())}
    assert rows["dollars at risk, growth"].value is None
    assert "2 churned accounts, 90 needed" in rows["dollars at risk, growth"].note


def test_points_of_the_curves_are_those_counted_by_hand():
    x, y = reliability(np.repeat([0.1, 0.9], 50), np.repeat([0.0, 1.0], 50))
    assert x == pytest.approx([0.1] * 5 + [0.9] * 5)
    assert y == pytest.approx([0.0] * 5 + [1.0] * 5)
    recall, precision = precision_recall(np.array([4.0, 3.0, 2.0, 1.0]), np.array([1.0, 0.0, 1.0, 0.0]))
    assert (recall[-1], precision[-1]) == pytest.approx((1.0, 2 / 3))
    share, held = gains(np.array([1.0, 2.0]), np.array([30.0, 70.0]))
    assert (share[0], held[0], share[-1], held[-1]) == (0.0, 0.0, 1.0, 1.0)
    assert held[share.index(0.5)] == pytest.approx(0.7)
