"""The Dagster faces of churn that read what earlier snapshots recorded."""

from datetime import date

import dagster as dg
import pytest

from uam_platform.contracts.tables import MODELS, SCORE_CHANGES, SCORE_REASONS, SCORES
from uam_platform.definitions import build
from uam_platform.lake.engine import connect
from uam_platform.lake.store import Lake
from uam_platform.orchestration.assets import asset_key
from uam_platform.orchestration.partitions import AS_OF, range_tags
from uam_platform_tests.evaluation.small_run import publish
from uam_platform_tests.orchestration.wired import wired

DAYS = [date(2025, 2, 3), date(2025, 2, 10), date(2025, 2, 17)]


@pytest.fixture
def recorded(tmp_path):
    """Three recorded snapshots; `late` is scored in the last two."""
    accounts = {day: ["early", "late"] if day > DAYS[0] else ["early"] for day in DAYS}
    rows = [
        {"account_id": a, "as_of": d, "churn_probability": 0.1 + 0.01 * n, "model_id": "m", "model_rung": "lightgbm"}
        for n, d in enumerate(DAYS)
        for a in accounts[d]
    ]
    publish(tmp_path, SCORES, rows)
    told = [
        {"account_id": r["account_id"], "as_of": r["as_of"], "reason_rank": 1, "reason_feature": "core_28d_log"}
        for r in rows
    ]
    publish(tmp_path, SCORE_REASONS, [{**r, "contribution": 0.5, "reason_text": "few core actions"} for r in told])
    return tmp_path


def test_changes_of_a_range_read_the_snapshot_before_it_and_first_snapshots_have_none(recorded):
    location = build(wired(recorded))
    with dg.DagsterInstance.ephemeral() as instance:
        keys = [day.isoformat() for day in DAYS]
        instance.add_dynamic_partitions(str(AS_OF.name), keys)
        for first, last in ((keys[0], keys[0]), (keys[1], keys[2])):
            job = location.resolve_implicit_global_asset_job_def()
            done = job.execute_in_process(
                instance=instance, asset_selection=[asset_key(SCORE_CHANGES)], tags=range_tags(first, last)
            )
            assert done.success
    found = Lake(recorded / "lake").read(connect(), SCORE_CHANGES).to_pandas()
    pairs = {(a, str(d)[:10], str(b)[:10]) for a, d, b in found[["account_id", "as_of", "previous_as_of"]].values}
    assert pairs == {
        ("early", "2025-02-10", "2025-02-03"), ("early", "2025-02-17", "2025-02-10"), ("late", "2025-02-17", "2025-02-10"),
    }  # fmt: skip


def test_the_check_says_why_a_challenger_was_kept_out(recorded):
    champion = {"as_of": DAYS[0], "is_promoted": True, "model_rung": "lightgbm", "calibration": "platt"}
    challenger = champion | {
        "as_of": DAYS[2], "is_promoted": False, "champion_as_of": DAYS[0], "champion_loss": 0.1, "challenger_loss": 0.12,
        "loss_difference_low": 0.01, "loss_difference_high": 0.03, "judged_churned_account_count": 41,
    }  # fmt: skip
    publish(recorded, MODELS, [{**row, "fold": n} for row in (champion, challenger) for n in range(5)])
    location = build(wired(recorded))
    with dg.DagsterInstance.ephemeral() as instance:
        job = location.resolve_implicit_global_asset_job_def()
        key = dg.AssetCheckKey(asset_key(MODELS), "challenger_is_not_worse_than_champion")
        chosen = dg.AssetSelection.checks(key)
        job = dg.define_asset_job("check", selection=chosen).resolve(asset_graph=location.resolve_asset_graph())
        done = job.execute_in_process(instance=instance, resources=location.resources)
        (verdict,) = done.get_asset_check_evaluations()
    assert not verdict.passed
    assert verdict.metadata["verdict"].value == (
        "kept out, the model of 2025-02-03 goes on serving: log loss 0.12000 against 0.10000 of the model of 2025-02-03, "
        "difference +0.01000 to +0.03000; 41 accounts left in the judged weeks"
    )
