"""Client beside server: runs are joined by their id, and who was acting with what is told as far as anything says so."""

import pandas as pd
import pytest

from uam_platform.contracts.tables import CLIENT_SERVER_DAYS
from uam_platform.lake.engine import connect
from uam_platform.lake.io_manager import as_table
from uam_platform.quality.client_server import client_server_days
from uam_platform.quality.twins import told_runs
from uam_platform_tests.judged import verdicts
from uam_platform_tests.quality.cases import POLICY, event, events, run, unknown, visit

CHROME = {"browser": "chrome", "app_version": "1.2.0", "device_type": "desktop"}


def told(rows: list[dict], others: list[dict] | None = None) -> pd.DataFrame:
    return told_runs(connect(), events(rows), unknown(others or []), POLICY)


def one(rows: list[dict], others: list[dict] | None = None) -> dict:
    frame = told(rows, others)
    return frame[frame["server_count"] > 0].iloc[0].to_dict()


def test_a_run_that_both_sides_told_of_counts_on_both() -> None:
    found = one(run(0, "wf_1", **CHROME))
    assert (found["server_count"], found["matched_count"], found["client_count"]) == (1, 1, 1)
    assert (found["browser"], found["app_version"], found["context_basis"]) == ("chrome", "1.2.0", "twin")


def test_a_run_across_midnight_is_one_run() -> None:
    rows = [*run(0, "wf_1", is_told=False), event(-1, "workflow_started", "client", workflow_id="wf_1", **CHROME)]
    assert one(rows)["matched_count"] == 1


def test_a_missing_start_is_placed_by_what_the_actor_was_last_seen_with() -> None:
    found = one([visit(0, **CHROME), visit(-5, browser="firefox"), *run(0, "wf_1", is_told=False)])
    assert (found["matched_count"], found["browser"], found["context_basis"]) == (0, "chrome", "actor")


def test_the_server_s_own_word_on_the_browser_comes_first() -> None:
    end = event(0, "workflow_failed", "server", workflow_id="wf_1", browser="firefox")
    found = one([visit(0, **CHROME), end])
    assert (found["browser"], found["context_basis"]) == ("firefox", "server")


def test_an_actor_whom_no_client_ever_shows_is_unseen() -> None:
    found = one([visit(0, actor=2, **CHROME), *run(0, "wf_1", actor=1, is_told=False)])
    assert (found["browser"], found["context_basis"]) == ("unknown", "unseen")
    too_long_ago = one([visit(-40, **CHROME), *run(0, "wf_1", is_told=False)])
    assert too_long_ago["context_basis"] == "unseen"


def test_a_run_that_a_server_began_needs_no_client() -> None:
    begun = event(0, "workflow_started", "server", workflow_id="wf_1", hour=10)
    assert told([begun, *run(0, "wf_1", is_told=False)])["server_count"].sum() == 0


def test_a_run_counts_once_however_often_servers_tell_its_end() -> None:
    again = event(0, "workflow_failed", "server", workflow_id="wf_1", hour=13)
    assert told([*run(0, "wf_1", **CHROME), again])["server_count"].sum() == 1


@pytest.mark.parametrize(("late_days", "matched"), [(POLICY.settled_days, 1), (POLICY.settled_days + 1, 0)])
def test_a_telling_counts_if_it_was_known_before_the_day_was_settled(late_days: int, matched: int) -> None:
    start = event(0, "workflow_started", "client", workflow_id="wf_1", hour=10, late_days=late_days, **CHROME)
    assert one([start, *run(0, "wf_1", is_told=False)])["matched_count"] == matched


def test_what_becomes_known_later_changes_no_settled_day() -> None:
    rows = [visit(0, **CHROME), *run(0, "wf_1", is_told=False), *run(0, "wf_2", **CHROME)]
    late = event(0, "workflow_started", "client", workflow_id="wf_1", late_days=9, hour=10, **CHROME)
    before, after = client_server_days(told(rows)), client_server_days(told([*rows, late]))
    pd.testing.assert_frame_equal(before, after)


def test_a_run_that_came_under_an_unknown_name_says_so() -> None:
    rows = [visit(0, **CHROME), *run(0, "wf_1", is_told=False), *run(0, "wf_2", is_told=False)]
    found = one(rows, [{"number": 0, "workflow_id": "wf_1", "event_name_source": "workflow_begin"}])
    assert (found["server_count"], found["renamed_count"], found["renamed_to"]) == (2, 1, "workflow_begin")


def test_rows_keep_the_contract_and_the_interval_holds_the_ratio() -> None:
    rows = [visit(0, **CHROME), *run(0, "wf_1", is_told=False), *run(0, "wf_2", **CHROME), *run(1, "wf_3", actor=7)]
    frame = client_server_days(told(rows))
    assert verdicts(as_table(frame, CLIENT_SERVER_DAYS), CLIENT_SERVER_DAYS)[""].is_valid
    half = frame[frame["undercount_ratio"] > 0].iloc[0]
    assert half["undercount_low_ratio"] < half["undercount_ratio"] == 1.0 == half["undercount_high_ratio"]
    assert frame["server_count"].sum() == 3
