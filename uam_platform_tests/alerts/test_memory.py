"""Evidence builds up over the weeks, and thresholds that people accepted hold from then on."""

import json
from datetime import datetime, time, timedelta
from typing import Any

import pandas as pd
import pytest

from uam_platform.alerts.candidates import candidates
from uam_platform.policy.alerts import AlertPolicy
from uam_platform.policy.load import load_section
from uam_platform.policy.thresholds import Accepted, in_force
from uam_platform_tests.alerts.population import MONDAY, Population

POLICY = load_section(AlertPolicy, "alerts")
NAME = "behaviour_turning_bad"
WORSE = {
    "event_84d_count": 900,
    "event_28d_count": 300,
    "friction_28d_count": 60,
    "friction_84d_count": 66,
    "core_28d_count": 30,
    "core_84d_count": 230,
}
WELL = {"event_84d_count": 900, "event_28d_count": 300}
WEEK = timedelta(days=7)


def weeks(*of_account: dict[str, Any]) -> Population:
    """One account over some weeks, the last one on MONDAY, among level ones."""
    population = Population(count=0)
    for number, changed in enumerate(of_account):
        day = MONDAY - WEEK * (len(of_account) - 1 - number)
        everyone = {f"acc_{n:05d}": WELL for n in range(40)}
        population = population + Population({**everyone, "acc_00001": changed}, as_of=(day,))
    return population


def harm(found: pd.DataFrame) -> dict[str, Any]:
    own = found[(found["as_of"] == MONDAY) & (found["detector"] == NAME)]
    assert len(own) == 1
    evidence: dict[str, Any] = json.loads(own.iloc[0]["evidence_json"])["harm"]
    return evidence


def test_the_score_is_the_declared_mean_of_the_weeks_it_shows() -> None:
    evidence = harm(candidates(**weeks(WELL, WORSE, WORSE).inputs(), policy=POLICY))
    told = evidence["weeks"]
    assert [week["weeks_before"] for week in told] == [0, 1, 2]
    assert [week["weight"] for week in told] == pytest.approx([1.0, 0.4, 0.16])
    mean = sum(w["points"] * w["weight"] for w in told) / sum(w["weight"] for w in told)
    assert evidence["score"] == pytest.approx(mean, abs=1e-5)
    assert sum(line["points"] for line in evidence["lines"]) == pytest.approx(told[0]["points"], abs=1e-4)


def test_a_single_bad_week_counts_less_than_one_that_goes_on() -> None:
    once, lasting = weeks(WELL, WELL, WORSE), weeks(WORSE, WORSE, WORSE)
    low = harm(candidates(**once.inputs(), policy=POLICY))["score"]
    assert low < harm(candidates(**lasting.inputs(), policy=POLICY))["score"]


def test_a_week_without_snapshot_counts_nowhere() -> None:
    alone = harm(candidates(**weeks(WORSE).inputs(), policy=POLICY))
    assert [week["weeks_before"] for week in alone["weeks"]] == [0]
    assert alone["score"] == pytest.approx(alone["weeks"][0]["points"])


def test_an_accepted_threshold_holds_for_snapshots_decided_after_it_was_known() -> None:
    at = datetime.combine(MONDAY, time(6))
    rows = pd.DataFrame(
        [{"detector": NAME, "threshold_column": "harm_score", "threshold_value": 90.0, "known_at": at - WEEK / 2}]
    )
    inputs = weeks(WORSE, WORSE).inputs()
    assert set(candidates(**inputs, policy=POLICY)["as_of"]) == {MONDAY - WEEK, MONDAY}
    found = candidates(**inputs, policy=POLICY, accepted=rows)
    assert set(found.loc[found["detector"] == NAME, "as_of"]) == {MONDAY - WEEK}


def test_the_last_accepted_threshold_counts_and_one_that_is_not_tuned_changes_nothing() -> None:
    now = datetime.combine(MONDAY, time(6))
    given = [
        Accepted(now - timedelta(days=1), NAME, "harm_score", 3.0),
        Accepted(now - timedelta(days=9), NAME, "harm_score", 2.0),
        Accepted(now - timedelta(days=1), NAME, "event_84d_count", 1.0),
        Accepted(now - timedelta(days=1), "gone", "harm_score", 1.0),
        Accepted(now, NAME, "harm_score", 9.0),
    ]
    rules = in_force(POLICY, given, now)
    assert rules.detectors[NAME].tuned_limit() == 3.0
    others = {name: one for name, one in rules.detectors.items() if name != NAME}
    assert others == {name: one for name, one in POLICY.detectors.items() if name != NAME}
