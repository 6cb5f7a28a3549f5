"""Four duties have owners and dates, and one that is past its date shows."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from uam_platform.governance.assets import judged
from uam_platform.policy.duties import DUTIES, DutyPolicy
from uam_platform.policy.load import SHIPPED, PolicyError, load_section
from uam_platform.policy.reviews import ReviewPolicy
from uam_platform.reviews.pack import build
from uam_platform.reviews.page import render
from uam_platform_tests.reviews.cases import facts

POLICY = load_section(DutyPolicy, "duties")
FIRST_DUE = min(duty.due_on for duty in POLICY.duties.values())


def changed(folder: Path, change: Any) -> DutyPolicy:
    rules = yaml.safe_load((SHIPPED / "duties.yaml").read_text(encoding="utf-8"))
    change(rules["duties"])
    (folder / "duties.yaml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    return load_section(DutyPolicy, "duties", folder)


@pytest.mark.parametrize("name", DUTIES)
def test_a_duty_cannot_be_left_out(tmp_path: Path, name: str) -> None:
    with pytest.raises(PolicyError, match=f"duties: {name} has no owner"):
        changed(tmp_path, lambda duties: duties.pop(name))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["quality"].update(owners=[]), "duties.quality.owners"),
        (lambda d: d["quality"].update(every_days=0), "duties.quality.every_days"),
        (lambda d: d["quality"].pop("reviewed_on"), "duties.quality.reviewed_on: is required"),
        (lambda d: d.update(cooking=d["quality"]), "duties.cooking"),
    ],
    ids=["nobody", "never", "no date", "a fifth"],
)
def test_a_duty_of_nobody_or_without_a_date_is_refused(tmp_path: Path, change: Any, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        changed(tmp_path, change)


def test_duties_may_be_shared() -> None:
    assert any(len(duty.owners) > 1 for duty in POLICY.duties.values())


def test_a_duty_is_in_order_on_its_last_day_and_late_on_the_next() -> None:
    assert judged(POLICY, FIRST_DUE).passed
    late = judged(POLICY, FIRST_DUE + timedelta(days=1))
    assert not late.passed
    assert late.severity is dg.AssetCheckSeverity.WARN
    assert late.description == (
        f"The duty quality (data-platform, engineering) was due for review on {FIRST_DUE}, 1 day ago."
    )


def test_the_day_of_the_snapshot_decides_and_not_the_clock() -> None:
    assert not judged(POLICY, date(2100, 1, 1)).passed
    assert judged(POLICY, date(2020, 1, 1)).passed
    assert judged(POLICY, None).passed


def test_the_weekly_pack_tells_duties_that_are_late() -> None:
    late = POLICY.told(date(2100, 1, 1))
    pack = build(facts(), load_section(ReviewPolicy, "reviews"), late)
    assert len(late) == 4
    assert render(pack, facts()).count("was due for review on") == 4
