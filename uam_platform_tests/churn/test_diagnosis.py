"""What a decline is due to: signs for and against, shares, words, and what the rulebook refuses."""

import numpy as np
import pandas as pd
import pytest

from uam_platform.churn.diagnosis import diagnose
from uam_platform.policy.churn import ChurnPolicy
from uam_platform.policy.load import PolicyError, parse
from uam_platform_tests.churn.frames import blank_features, shipped_policy

DAY = pd.Timestamp("2025-06-02")
USUAL = {
    "is_eligible": True, "tier": "growth", "tenure_days": 500, "as_of": DAY,
    "event_28d_count": 300, "event_84d_count": 900, "event_364d_count": 3900, "core_28d_count": 60, "core_84d_count": 180,
    "friction_28d_count": 6, "friction_84d_count": 18, "active_admin_28d_count": 3, "active_admin_84d_count": 3,
    "active_person_28d_count": 10, "active_person_84d_count": 10, "feature_84d_count": 10, "intent_84d_count": 30,
    "ticket_84d_count": 0, "escalation_84d_count": 0, "reopen_84d_count": 0,
}  # fmt: skip


def snapshot(**accounts):
    """Thirty usual accounts, and the named ones with what is special about them."""
    usual = [USUAL | {"account_id": f"usual{n:02d}"} for n in range(30)]
    special = [USUAL | {"account_id": name} | what for name, what in accounts.items()]
    return blank_features(pd.DataFrame([*usual, *special]))


def likeliest(rows, account):
    found = diagnose(rows, shipped_policy().diagnosis)
    at = rows.index[rows["account_id"] == account][0]
    return found.shares.loc[at].idxmax(), found.spoken.loc[at]


@pytest.mark.parametrize(
    ("what", "explanation", "sign"),
    [
        ({"friction_28d_count": 40, "friction_84d_count": 80}, "failures", "failures_of_the_month"),
        ({"ticket_84d_count": 9, "reopen_84d_count": 4, "escalation_84d_count": 2}, "unsettled_support", "reopened_tickets"),
        ({"active_admin_28d_count": 0, "active_admin_84d_count": 6}, "people_gone", "administrators_missing"),
        ({"tenure_days": 40}, "unfinished_setup", "young"),
        ({"event_28d_count": 90, "core_28d_count": 20, "intent_84d_count": 90}, "little_value", "below_own_year"),
    ],
    ids=["failures", "support", "people", "setup", "value"],
)  # fmt: skip
def test_a_specific_sign_explains_a_fall_that_all_explanations_share(what, explanation, sign):
    fallen = {"core_28d_count": 25} | what
    name, spoken = likeliest(snapshot(case=fallen), "case")
    assert name == explanation
    assert spoken[explanation] == sign


def test_shares_sum_to_one_and_a_fall_alone_moves_nothing_towards_failures_or_support():
    rows = snapshot(fallen={"core_28d_count": 20, "core_84d_count": 120})
    found = diagnose(rows, shipped_policy().diagnosis)
    assert np.allclose(found.shares.sum(axis=1), 1)
    fallen, usual = found.shares.iloc[-1], found.shares.iloc[0]
    assert fallen["failures"] <= usual["failures"]
    assert fallen["unsettled_support"] <= usual["unsettled_support"]


def test_snapshots_are_diagnosed_one_by_one():
    first = snapshot(case={"friction_28d_count": 40})
    other = first.assign(as_of=DAY + pd.Timedelta(days=7), friction_28d_count=60, friction_84d_count=200)
    both = pd.concat([first, other], ignore_index=True)
    policy = shipped_policy().diagnosis
    pd.testing.assert_frame_equal(diagnose(both, policy).shares.iloc[: len(first)], diagnose(first, policy).shares)


def test_a_comparison_with_the_own_year_needs_a_year():
    lower = {"event_28d_count": 60, "core_28d_count": 20}
    rows = snapshot(old=lower, young=lower | {"tenure_days": 200})
    spoken = diagnose(rows, shipped_policy().diagnosis).spoken["little_value"]
    assert spoken.iloc[-2] == "below_own_year"
    assert spoken.iloc[-1] != "below_own_year"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["signs"]["young"]["points"].update(bad_luck=1.0), "no explanation bad_luck"),
        (lambda d: d["signs"]["young"].update(feature="horoscope"), "no feature 'horoscope'"),
        (lambda d: d["explanations"]["failures"].update(themes=["contract"]), "no behaviour theme contract"),
        (lambda d: d["explanations"]["failures"].update(themes=["support"]), "a theme belongs to one explanation"),
        (lambda d: d["signs"]["young"].update(measure=d["signs"]["tickets"]["measure"]), "either a measure or a ramp"),
    ],
)
def test_the_rulebook_refuses_a_diagnosis_that_speaks_of_what_is_not_there(change, message):
    said = shipped_policy().model_dump(mode="json")
    change(said["diagnosis"])
    with pytest.raises(PolicyError, match=message):
        parse(ChurnPolicy, said, "churn.yaml")
