"""Growth: which account-weeks count as growing, what an alert of growth is held against, and when nothing can be told."""

from datetime import date

import pandas as pd
import pytest

from uam_platform.contracts.tables import ACCOUNT_FEATURES, CANDIDATES
from uam_platform.contracts.tables_kpis import ACCOUNT_SCORES
from uam_platform.evaluation import expansion
from uam_platform.evaluation.alert_matching import Alert
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.truth import Truth
from uam_platform_tests.evaluation.small_run import at, publish, write_truth

MONDAY = pd.Timestamp("2025-03-03")


def growth(*rows):
    columns = ["account_id", "drive_from", "drive_to", "grew_at", "is_driven"]
    frame = pd.DataFrame(rows, columns=columns)
    times = {c: pd.to_datetime(frame[c]).astype("datetime64[us]") for c in ("drive_from", "drive_to", "grew_at")}
    return expansion.growth_of(frame.assign(**times))


def weeks_of(accounts, as_of=MONDAY, scores=None, seats=None):
    return pd.DataFrame(
        {
            "account_id": accounts, "as_of": pd.Series([as_of] * len(accounts), dtype="datetime64[us]"),
            "expansion_score": scores or [0.0] * len(accounts), "seat_use_ratio": seats or [0.0] * len(accounts),
        }
    )  # fmt: skip


def test_growth_wishes_and_growth_without_a_wish_are_told_apart():
    found = expansion.with_growth(
        weeks_of(["driven", "silent", "in_vain", "later", "calm"]),
        growth(
            ("driven", "2025-02-01", "2025-04-01", "2025-04-10", True),
            ("silent", None, None, "2025-04-10", False),
            ("in_vain", "2025-02-01", "2025-04-01", None, True),
            ("later", None, None, "2025-05-27", False),  # one day beyond the 84
        ),
    ).set_index("account_id")
    flags = found[["is_growing", "is_driven", "is_silent", "is_wanting"]].astype(int)
    assert flags.loc["driven"].tolist() == [1, 1, 0, 1]
    assert flags.loc["silent"].tolist() == [1, 0, 1, 0]
    assert flags.loc["in_vain"].tolist() == [0, 0, 0, 1]
    assert flags.loc[["later", "calm"]].to_numpy().sum() == 0


def test_a_score_that_knows_who_grows_ranks_them_and_stands_beside_seats():
    names = [f"a{n:03d}" for n in range(120)]
    grows = [n < 40 for n in range(120)]
    weeks = weeks_of(names, scores=[90.0 if g else 10.0 for g in grows], seats=[0.5] * 120)
    rows = {
        r.metric: r
        for r in expansion.score_rows(
            expansion.with_growth(weeks, growth(*((n, None, None, "2025-03-20", False) for n in names[:40]))), seed=0
        )
    }
    row = rows["ROC-AUC, growth within 84 days"]
    assert row.value == 1
    assert row.yardsticks == {"seats used": 0.5, "base rate": 0.5}
    assert rows["over seats used, growth within 84 days"].value == 0.5
    assert rows["average precision, growth within 84 days"].yardsticks["base rate"] == pytest.approx(1 / 3)
    assert rows["ROC-AUC, wanting more at the snapshot"].value is None  # nobody wished
    assert "0 accounts, 30 needed" in rows["ROC-AUC, wanting more at the snapshot"].note


def test_alerts_are_right_by_growth_or_by_wish_and_misses_are_misses():
    happened = growth(
        ("grew", "2025-05-01", "2025-06-10", "2025-06-20", True),
        ("missed", "2025-05-01", "2025-06-10", "2025-06-20", True),
        ("vain", "2025-05-01", "2025-06-30", None, True),
    )
    mondays = pd.date_range("2025-03-03", "2025-07-28", freq="7D")
    weeks = pd.concat(
        [weeks_of(["grew", "missed", "vain", "calm"], day, seats=[0.1, 0.2, 0.3, 0.9]) for day in mondays],
        ignore_index=True,
    )
    weeks = expansion.with_growth(weeks, happened)
    day = pd.Timestamp("2025-06-02")
    alerts = [Alert("ready", who, day, "sales") for who in ("grew", "vain", "calm")]
    rows = {r.metric: r for r in expansion.alert_rows(alerts, weeks, happened, seed=0)}
    precision = rows["precision of alerts, growth within 84 days"]
    assert precision.value == pytest.approx(1 / 3)
    assert precision.yardsticks["base rate"] == pytest.approx(2 / 4)
    assert precision.yardsticks["seats used"] == pytest.approx(1 / 3)  # calm, vain and missed have the fullest seats
    assert rows["precision of alerts, wanting more"].value == pytest.approx(2 / 3)
    assert rows["recall of alerts, growth with a wish before it"].value == pytest.approx(1 / 2)


def test_the_rule_of_fullest_seats_keeps_the_pause_between_alerts():
    weeks = pd.concat(
        [weeks_of(["full", "half"], d, seats=[0.9, 0.5]) for d in (MONDAY, MONDAY + pd.Timedelta(days=7))]
    )
    alerts = [Alert("ready", "any", MONDAY + pd.Timedelta(days=7 * n), "sales") for n in range(2)]
    assert [a.account_id for a in expansion.as_many_by_seats(alerts, weeks)] == ["full", "half"]


def test_the_section_reads_a_run_and_says_when_nothing_can_be_judged(tmp_path):
    write_truth(
        tmp_path / "world",
        {"expansions": [{"account_id": "grew", "grew_at": at("2025-01-20"), "is_driven": False}]},
        start="2024-12-01T00:00:00+00:00", end="2025-06-01T00:00:00+00:00",
    )  # fmt: skip
    rows = [{"account_id": a, "as_of": date(2025, 1, 6), "is_eligible": True} for a in ("grew", "calm")]
    publish(tmp_path / "run", ACCOUNT_FEATURES, rows)
    publish(tmp_path / "run", ACCOUNT_SCORES, [{**r, "expansion_score": 50.0} for r in rows[:1]])
    publish(
        tmp_path / "run",
        CANDIDATES,
        [
            {"account_id": "grew", "as_of": date(2025, 1, 6), "fingerprint": "f", "detector": "ready_to_expand",
             "audience": "sales", "decision": "alert"}
        ],
    )  # fmt: skip
    found = expansion.section(RunFolder(tmp_path / "run"), Truth(tmp_path / "world"), 0)
    assert "score unknown in 50.0%" in found.note
    assert "1 alerts of growth judged" in found.note
    assert found.row("precision of alerts, growth within 84 days").value == 1
    assert found.row("ROC-AUC, growth within 84 days").value is None
