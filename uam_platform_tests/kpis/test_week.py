"""What changed since the week before, on the worksheet: score, reasons, dollars, the lines that moved, each with its rows."""

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from uam_platform.cli import app
from uam_platform.contracts import tables
from uam_platform.contracts.model import Contract
from uam_platform.kpis.week import weekly
from uam_platform.kpis.worksheet import Worksheet, worksheet_of
from uam_platform.kpis.worksheet_page import changes, page
from uam_platform.lake.engine import connect
from uam_platform.lake.store import Lake
from uam_platform_tests.behavior.company import table
from uam_platform_tests.kpis.test_scores import POLICY, features

NOW, BEFORE = date(2025, 6, 2), date(2025, 5, 26)


def publish(lake: Lake, contract: Contract, day: date, row: dict[str, Any]) -> None:
    lake.publish(connect(), contract, table(contract, [row]), [str(day)])


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Two snapshots of an account whose failures rose from one in twenty to one in two."""
    lake = Lake(tmp_path / "lake")
    for day, friction, risk in ((BEFORE, 0.05, 1_200_00), (NOW, 0.5, 2_900_00)):
        row = {k: None if pd.isna(v) else v for k, v in features(friction_rate_ratio=friction).iloc[0].items()}
        publish(lake, tables.ACCOUNT_FEATURES, day, row | {"as_of": day})
        score = {"account_id": "a", "as_of": day, "churn_probability": 0.1, "baseline_probability": 0.05}
        money = {
            "revenue_at_risk_usd_cents": risk,
            "arr_usd_cents": 0,
            "mrr_usd_cents": 0,
            "expected_saved_usd_cents": 0,
        }
        publish(lake, tables.REVENUE_AT_RISK, day, score | money | {"tier": "growth"})
    told = {"account_id": "a", "as_of": NOW, "previous_as_of": BEFORE, "is_same_model": True, "new_reason_count": 1}
    text = "since 2025-05-26: from 4.0 % to 10.0 %; new: 40 failures"
    scores = {"previous_churn_probability": 0.04, "churn_probability": 0.1, "gone_reason_count": 0, "change_text": text}
    publish(lake, tables.SCORE_CHANGES, NOW, told | scores)
    return tmp_path


def sheet(run: Path, day: date | None = None) -> Worksheet:
    return worksheet_of(connect(), Lake(run / "lake"), POLICY, "a", day)


def test_the_worksheet_tells_score_reasons_dollars_and_the_lines_that_moved_most(run: Path) -> None:
    told = changes(sheet(run))
    assert told[0] == "Churn score since 2025-05-26: from 4.0 % to 10.0 %; new: 40 failures."
    assert told[1] == "Revenue at risk $1,200 to $2,900 (+$1,700)."
    assert any(text.startswith("Friction") and "(0.05 to 0.5)" in text for text in told[2:])
    assert "churn/score_changes: account_id=a, as_of=2025-06-02" in sheet(run).pointers


def test_the_page_and_the_printed_worksheet_show_the_same(run: Path) -> None:
    printed = CliRunner().invoke(app, ["worksheet", "a", "--run", str(run)])
    assert printed.exit_code == 0
    shown = page(sheet(run))
    for text in changes(sheet(run)):
        assert text in printed.output
        assert text.replace("&", "&amp;") in shown


def test_a_first_snapshot_says_that_there_is_nothing_to_compare_with(run: Path) -> None:
    assert changes(sheet(run, BEFORE)) == ["There is no earlier snapshot to compare with."]


def test_changes_of_daily_snapshots_do_not_overlap() -> None:
    daily = [date(2025, 6, n) for n in range(10, 24)]
    assert weekly([BEFORE, NOW, *daily]) == [BEFORE, NOW, date(2025, 6, 16), date(2025, 6, 23)]
