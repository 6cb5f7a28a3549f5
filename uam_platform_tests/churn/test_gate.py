"""Behaviour explains a score only where it tells more about leaving than chance would."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from uam_platform.churn.gate import Gate, auc, behaviour_gate
from uam_platform.churn.registry import model_rows
from uam_platform.churn.score import score
from uam_platform.churn.train import train
from uam_platform_tests.churn.frames import company, shipped_policy

AS_OF = date(2025, 12, 1)


def drawn_rows(seed: int, effect: float, accounts: int = 300, weeks: int = 48) -> tuple[pd.DataFrame, pd.Series]:
    """Weekly rows of accounts with a lasting trait that raises the odds of leaving by `effect`; and the trait."""
    rng = np.random.default_rng(seed)
    trait = rng.normal(size=accounts)
    rows = []
    for account in range(accounts):
        for week in range(weeks):
            leaves = rng.random() < 1 / (1 + np.exp(4.5 - effect * trait[account]))
            rows.append((f"a{account:03d}", week, "annual" if account % 2 else "monthly", leaves, trait[account]))
            if leaves:
                break
    frame = pd.DataFrame(rows, columns=["account_id", "week", "billing_period", "is_churned", "added"])
    return frame, frame["added"]


def verdict(seed: int, effect: float) -> Gate:
    rows, _ = drawn_rows(seed, effect)
    policy = shipped_policy(horizon_days=7)
    return behaviour_gate(rows, lambda s: (np.zeros(len(s)), s["added"].to_numpy()), policy, seed=1)


def test_additions_that_tell_who_leaves_are_proven() -> None:
    found = verdict(3, effect=1.0)
    assert found.verdict == "proven"
    assert found.skill > 0.1 > found.bound > 0


def test_lasting_traits_that_tell_nothing_are_proven_no_more_often_than_the_percentile_allows() -> None:
    found = [verdict(seed, effect=0.0).verdict for seed in range(40)]
    assert found.count("proven") <= 5  # 2 expected; more than 5 of 40 has a probability of 1 %


def test_area_under_the_curve_counts_ties_half() -> None:
    assert auc(np.array([1.0, 1.0, 0.0, 2.0]), np.array([True, False, False, False])) == pytest.approx(0.5)


def test_behaviour_that_says_nothing_gives_no_behavioural_reason_and_the_registry_says_why() -> None:
    ladder = shipped_policy().ladder.model_copy(update={"lightgbm": 5})
    firm = company(accounts=240, weeks=56, harm_effect=0.0, policy=shipped_policy(ladder=ladder))
    trained = train(firm.features, firm.labels, AS_OF, firm.policy, seed=3)
    gate = trained[0].gate
    assert gate is not None
    assert gate.verdict != "proven"
    registered = model_rows(trained)
    assert (registered["behaviour_skill_ratio"] <= registered["behaviour_null_ratio"]).all()
    assert set(registered["model_rung"]) <= {"lightgbm_unproven", "contract_hazard"}
    last = firm.features.loc[firm.features["as_of"] == firm.features["as_of"].max()]
    _, reasons = score(last, {t.model_id: t.artefact for t in trained}, firm.policy)
    assert set(reasons["reason_feature"]) == {"days_to_renewal"}
