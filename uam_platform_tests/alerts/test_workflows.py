"""Findings on workflows: found where more accounts fail than chance gives, told once, and single accounts held back for them."""

import json
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest

from uam_platform.alerts.calendar import Calendar
from uam_platform.alerts.candidates import candidates
from uam_platform.contracts.tables import ACCOUNT_ACTIONS, FLAG_STARTS, WORKFLOW_DAYS
from uam_platform.policy.alerts import AlertPolicy
from uam_platform.policy.load import load_section
from uam_platform_tests.alerts.population import MONDAY, Population

POLICY = load_section(AlertPolicy, "alerts")
FOREVER = date(9999, 12, 31)
PRODUCT = "workflow_failing_in_many_accounts"


def day(account: str, days_ago: int, uses: int, failures: int, known: date | None = None) -> dict[str, Any]:
    at = MONDAY - timedelta(days=days_ago)
    return {
        "account_id": account,
        "workflow": "sharing",
        "side": "server",
        "error_code": "E_TIMEOUT" if failures else None,
        "event_date": at,
        "known_date": known or at,
        "known_to_date": FOREVER,
        "use_count": uses,
        "failure_count": failures,
    }


def days(failing: int, known: date | None = None) -> pd.DataFrame:
    """60 accounts that use a workflow; the first `failing` of them meet failures in the last week."""
    rows = [day(f"acc_{n:05d}", ago, 3, 0) for n in range(60) for ago in range(3, 77, 7)]
    rows += [day(f"acc_{n:05d}", ago, 0, 3, known) for n in range(failing) for ago in (2, 5)]
    return pd.DataFrame(rows, columns=list(WORKFLOW_DAYS.column_names))


def flags(count: int, days_ago: int) -> pd.DataFrame:
    at = MONDAY - timedelta(days=days_ago)
    rows = [
        {"account_id": f"acc_{n:05d}", "feature_flag": "flag_sharing", "first_date": at, "known_date": at}
        for n in range(count)
    ]
    return pd.DataFrame(rows, columns=list(FLAG_STARTS.column_names)).assign(known_to_date=FOREVER)


def find(failing: int, **given: Any) -> pd.DataFrame:
    changes = given.pop("changes", {})
    beside = {"workflow_days": days(failing, given.pop("known", None)), **given}
    return candidates(**Population(changes).inputs(), policy=POLICY, **beside)


def test_a_workflow_that_fails_in_many_accounts_is_one_finding_with_the_accounts_in_its_evidence() -> None:
    found = find(12)
    row = found[found["detector"] == PRODUCT].iloc[0]
    assert (len(found), row["audience"], row["decision"]) == (1, "product", "alert")
    assert (row["subject_kind"], row["subject_id"], row["affected_account_count"]) == ("workflow", "sharing", 12)
    assert row["owner_id"] == "team_product"
    assert row["arr_usd_cents"] == 12 * 12_000_00
    assert "failed 72 times within 21 days in 12 of the 60 accounts" in row["summary"]
    named = {a["account_id"] for a in json.loads(row["evidence_json"])["group"]["accounts"]}
    assert named == {f"acc_{n:05d}" for n in range(12)}


def test_failures_of_few_accounts_are_no_finding() -> None:
    assert find(2).empty


def test_failures_that_the_snapshot_could_not_know_are_no_finding() -> None:
    assert find(12, known=MONDAY).empty


def test_a_new_flag_that_most_affected_accounts_share_is_named_and_an_old_one_is_not() -> None:
    assert "flag_sharing" in find(12, flag_starts=flags(12, 10))["summary"].iloc[0]
    assert "flag_sharing" not in find(12, flag_starts=flags(12, 60))["summary"].iloc[0]


@pytest.mark.parametrize(("known_days_ago", "is_told"), [(10, True), (-1, False)], ids=["known", "not yet known"])
def test_the_release_behind_the_shared_flag_is_named_with_its_row(known_days_ago: int, is_told: bool) -> None:
    at = pd.Timestamp(MONDAY)
    release = {
        "release_id": "r7", "release_version": "v2.1", "title": "New sharing", "flag_key": "flag_sharing",
        "released_at": at - timedelta(days=10), "known_at": at - timedelta(days=known_days_ago),
    }  # fmt: skip
    row = find(12, flag_starts=flags(12, 10), calendar=Calendar(releases=pd.DataFrame([release]))).iloc[0]
    assert ("(release v2.1 New sharing of 2025-05-23)" in row["summary"]) == is_told
    told = json.loads(row["evidence_json"])["group"]["release"]
    assert (told or {}).get("release_id") == ("r7" if is_told else None)


TROUBLE = {
    "event_7d_count": 50,
    "event_28d_count": 200,
    "event_84d_count": 600,
    "friction_7d_count": 40,
    "friction_28d_count": 60,
    "friction_84d_count": 60,
    "ticket_28d_count": 9,
    "ticket_84d_count": 9,
    "escalation_28d_count": 4,
    "escalation_84d_count": 4,
}
FALLEN = {**TROUBLE, "core_28d_count": 40, "core_7d_count": 8}
LEVEL_EVENTS = {"event_7d_count": 50, "event_28d_count": 200, "event_84d_count": 600}


def turned(change: dict[str, Any], **given: Any) -> dict[str, Any]:
    everyone = {f"acc_{n:05d}": LEVEL_EVENTS for n in range(60)}
    found = find(given.pop("failing", 0), changes={**everyone, "acc_00001": change}, **given)
    return dict(found[found["detector"] == "behaviour_turning_bad"].iloc[0])


def test_behaviour_that_turned_bad_is_told_with_its_strongest_signals_and_lines_that_sum_to_the_score() -> None:
    row = turned(FALLEN)
    assert row["decision"] == "alert"
    assert "Behaviour turned worse by" in row["summary"]
    harm = json.loads(row["evidence_json"])["harm"]
    assert abs(sum(line["points"] for line in harm["lines"]) - harm["score"]) < 1e-4


def test_a_surge_of_trouble_after_a_rollout_is_held_back_unless_core_work_fell() -> None:
    rollout = flags(2, 3)
    assert (turned(TROUBLE, flag_starts=rollout)["decision"], turned(TROUBLE)["decision"]) == ("suppressed", "alert")
    assert turned(TROUBLE, flag_starts=rollout)["reason"] == "rollout"
    assert turned(TROUBLE, flag_starts=flags(2, 30))["decision"] == "alert"
    assert turned(FALLEN, flag_starts=rollout)["decision"] == "alert"


def test_one_outage_is_one_finding_and_single_accounts_name_it_as_their_reason() -> None:
    everyone = {f"acc_{n:05d}": LEVEL_EVENTS for n in range(60)}
    found = find(12, changes={**everyone, "acc_00001": TROUBLE})
    outage = found[found["detector"] == PRODUCT].iloc[0]
    single = found[found["detector"] == "behaviour_turning_bad"].iloc[0]
    assert (single["decision"], single["reason"]) == ("suppressed", f"part_of:{outage['fingerprint']}")


def test_work_that_moved_into_schedules_is_held_back() -> None:
    runs = [day("acc_00001", ago, 9 if ago < 28 else 2, 0) for ago in range(1, 56)]
    scheduled = pd.concat([days(0), pd.DataFrame(runs)], ignore_index=True)
    change = {**TROUBLE, "session_28d_count": 5, "session_prior_28d_count": 20}
    assert turned(change, workflow_days=scheduled)["reason"] == "automation"
    assert turned({**change, "session_28d_count": 20}, workflow_days=scheduled)["decision"] == "alert"


def actions(*accounts: str, **counts: int) -> pd.DataFrame:
    rows = [
        {"account_id": account, "as_of": MONDAY, "action_group": group, "action_28d_count": count}
        for account in accounts
        for group, count in counts.items()
    ]
    return pd.DataFrame(rows, columns=list(ACCOUNT_ACTIONS.column_names))


@pytest.mark.parametrize(
    ("seats", "counts", "is_told"),
    [
        (0.75, {"invites": 2, "limits": 1}, True),
        (0.95, {"invites": 2}, True),
        (0.75, {"invites": 2}, False),
        (0.95, {"limits": 3}, False),
    ],
    ids=["invited and at the limit", "invited and nearly full", "no pressure", "nobody invited"],
)
def test_growth_needs_invitations_and_pressure_of_the_plan_each_on_its_own(
    seats: float, counts: dict[str, int], is_told: bool
) -> None:
    growing = {**LEVEL_EVENTS, "active_admin_28d_count": 2, "intent_28d_count": 20, "intent_84d_count": 30}
    changes = {"acc_00001": {**growing, "seat_use_ratio": seats}}
    found = find(0, changes=changes, actions=actions("acc_00001", **counts))
    assert ("sales" in set(found["audience"])) == is_told
    if is_told:
        assert "behavior/account_actions" in found["evidence_json"].iloc[0]


def test_growth_goes_to_sales_and_not_where_behaviour_turned_bad() -> None:
    growing = {
        **LEVEL_EVENTS,
        "active_admin_28d_count": 2,
        "intent_28d_count": 20,
        "intent_84d_count": 30,
        "seat_use_ratio": 0.95,
    }
    crowded = {"acc_00001": growing, "acc_00002": {**growing, "seat_use_ratio": 0.5}}
    found = find(0, changes=crowded, actions=actions("acc_00001", "acc_00002", invites=3))
    assert list(zip(found["audience"], found["account_id"], strict=True)) == [("sales", "acc_00001")]
    assert "20 signs of intent (invitations, limits, plans) within 28 days after 10" in found["summary"].iloc[0]
    assert "of them 3 invitations and 0 times at the seat limit" in found["summary"].iloc[0]
    harmed = find(0, changes={"acc_00001": {**growing, **FALLEN}}, actions=actions("acc_00001", invites=3))
    assert "sales" not in set(harmed["audience"])


def test_server_failures_that_keep_active_accounts_from_a_workflow_go_to_engineering() -> None:
    blocked = days(12)
    left = blocked["account_id"].isin([f"acc_{n:05d}" for n in range(12)]) & (blocked["failure_count"] == 0)
    recent = blocked["event_date"] >= MONDAY - timedelta(days=21)
    active = {f"acc_{n:05d}": {"active_day_28d_count": 10} for n in range(60)}
    found = find(12, workflow_days=blocked[~(left & recent)], changes=active)
    row = found[found["detector"] == "backend_failure_blocks_adoption"].iloc[0]
    assert (row["audience"], row["decision"], row["affected_account_count"]) == ("engineering", "alert", 12)
    assert "Their use of it stands at 0.0 % of before" in row["summary"]
    in_use = find(12, workflow_days=blocked, changes=active)
    assert set(in_use["detector"]) == {PRODUCT}


SOME = {"friction_28d_count": 8, "friction_84d_count": 8}
LOUD = {
    "friction_28d_count": 80,
    "friction_84d_count": 80,
    "escalation_28d_count": 6,
    "escalation_84d_count": 6,
    "core_28d_count": 40,
    "core_84d_count": 240,
    "core_7d_count": 5,
}


@pytest.mark.parametrize(
    ("flag", "days_ago", "trouble", "reason"),
    [
        ("rollout_wave_2", 20, SOME, "announced:staged_rollout"),
        ("automation_pack", 40, SOME, "announced:automated_work"),
        ("rollout_wave_2", 40, SOME, None),
        ("new_editor", 20, SOME, None),
        ("rollout_wave_2", 20, LOUD, None),
    ],
    ids=["rollout", "automation", "long over", "a flag that announces nothing", "loud"],
)
def test_trouble_within_an_announced_change_is_held_back_unless_it_is_loud(
    flag: str, days_ago: int, trouble: dict[str, int], reason: str | None
) -> None:
    well = {"event_84d_count": 900, "event_28d_count": 300, "event_7d_count": 75}
    worse = {**well, **trouble}
    population = Population({**{f"acc_{n:05d}": well for n in range(40)}, "acc_00001": worse})
    first = MONDAY - timedelta(days=days_ago)
    starts = pd.DataFrame([("acc_00001", flag, first, first, FOREVER)], columns=list(FLAG_STARTS.column_names))
    found = candidates(**population.inputs(), policy=POLICY, flag_starts=starts)
    own = found[found["detector"] == "behaviour_turning_bad"]
    assert own["reason"].tolist() == [reason]
