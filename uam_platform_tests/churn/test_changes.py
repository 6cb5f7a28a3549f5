"""What changed since the week before: which snapshot is compared, which reasons came and went, and whose change it was."""

from datetime import date

import ibis
import pandas as pd
import pytest

from uam_platform.churn.changes import compared_with, score_changes
from uam_platform.contracts.tables import SCORE_CHANGES
from uam_platform.lake.engine import conform, connect
from uam_platform.lake.validation import check_schema
from uam_platform_tests.churn.frames import shipped_policy
from uam_platform_tests.judged import verdicts

BEFORE, DAY = date(2025, 3, 3), date(2025, 3, 10)


def scored(*rows):
    return pd.DataFrame(rows, columns=["account_id", "as_of", "churn_probability", "model_id"])


def reasoned(*rows):
    columns = ["account_id", "as_of", "reason_rank", "reason_feature", "contribution", "reason_text"]
    return pd.DataFrame(rows, columns=columns)


def test_the_snapshot_a_week_before_is_the_same_weekday_or_the_last_one_before_it():
    mondays = [date(2025, 3, 3), date(2025, 3, 10)]
    assert compared_with(DAY, mondays) == BEFORE
    assert compared_with(date(2025, 3, 12), mondays) == BEFORE  # daily snapshots began after Mondays only
    assert compared_with(date(2025, 3, 12), [*mondays, date(2025, 3, 5)]) == date(2025, 3, 5)
    assert compared_with(BEFORE, mondays) is None
    assert compared_with(date(2025, 3, 24), mondays) is None  # two weeks are no week


@pytest.fixture
def changes():
    scores = scored(
        ("a", BEFORE, 0.081, "m1"), ("a", DAY, 0.143, "m1"),
        ("b", BEFORE, 0.05, "m1"), ("b", DAY, 0.05, "m2"),
        ("new", DAY, 0.3, "m1"), ("left", BEFORE, 0.3, "m1"),
    )  # fmt: skip
    reasons = reasoned(
        ("a", BEFORE, 1, "core_28d_log", 0.5, "few core actions"),
        ("a", BEFORE, 2, "ticket_84d_log", 0.3, "9 tickets"),
        ("a", BEFORE, 3, "admin_change_84d", -0.2, "lowers the risk: administrators"),
        ("a", DAY, 1, "core_change_28d", 0.9, "core actions fell from 9 to 2"),  # the same theme, another input
        ("a", DAY, 2, "friction_rate_log", 0.4, "14 failures"),
        ("b", BEFORE, 1, "days_to_renewal", 0.4, "contract: renewal in 9 days"),
        ("b", DAY, 1, "days_to_renewal", 0.42, "contract: renewal in 2 days"),
    )
    return score_changes(scores, reasons, [DAY], shipped_policy()).set_index("account_id")


def test_reasons_that_came_grew_and_went_are_told_with_the_score(changes):
    assert changes.loc["a", "change_text"] == (
        "since 2025-03-03: from 8.1 % to 14.3 %; new: 14 failures; stronger: core use (+0.40); gone: support"
    )
    assert (changes.loc["a", "new_reason_count"], changes.loc["a", "gone_reason_count"]) == (1, 1)


def test_an_account_whose_model_was_replaced_is_told_so_even_where_nothing_moved(changes):
    expected = "since 2025-03-03: unchanged at 5.0 %; same reasons; scored by a newer model"
    assert changes.loc["b", "change_text"] == expected
    assert not changes.loc["b", "is_same_model"]


def test_only_accounts_scored_in_both_snapshots_have_a_change_and_rows_keep_the_contract(changes):
    assert list(changes.index) == ["a", "b"]
    table = conform(ibis.memtable(changes.reset_index()), SCORE_CHANGES)
    check_schema(table, SCORE_CHANGES)
    assert all(v.is_valid for v in verdicts(connect().create_table("stored", table), SCORE_CHANGES).values())


def test_a_first_snapshot_has_no_changes():
    found = score_changes(scored(("a", DAY, 0.1, "m1")), reasoned(), [DAY], shipped_policy())
    assert found.empty
    assert list(found.columns) == list(SCORE_CHANGES.column_names)
