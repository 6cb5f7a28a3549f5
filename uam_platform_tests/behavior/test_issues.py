"""Issues: how often, in which sequence, and what has changed, each against the scatter between accounts."""

from datetime import date, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uam_platform.behavior.issues import failures, issue_weeks, issues, trend, trend_surprise
from uam_platform.behavior.sequence_plots import issues_by_week
from uam_platform.contracts import tables
from uam_platform.policy.rulebook import load_rulebook
from uam_platform_tests.behavior.company import Row, table, us
from uam_platform_tests.behavior.test_mining import MONDAY, links, told

RULES = load_rulebook()
POLICY = RULES.issues
FRICTION = {"f": "friction"}
LATELY, BEFORE = MONDAY - timedelta(days=5), MONDAY - timedelta(days=40)


def marked(rows: list[Row], workflow: str | None = None) -> list[Row]:
    """The rows with `f` as a failure of the workflow, to which all of them belong."""
    return [{**row, "marker": FRICTION.get(row["event_name"], "none"), "workflow": workflow} for row in rows]


def ticket(day: date, person: int, hour: int = 12) -> tuple[Row, Row]:
    """A ticket of an account, opened by one of its people."""
    at = datetime(day.year, day.month, day.day, hour)  # noqa: DTZ001 - naive UTC
    ticket_id = f"t{person}-{day}"
    change = {"ticket_id": ticket_id, "change": "opened", "occurred_at": at, "occurred_us": us(at), "known_date": day, "row_no": 1,
              "load_id": "l1"}  # fmt: skip
    return {"ticket_id": ticket_id, "account_id_source": f"acc_{person - 1:03d}", "requester_key": person}, change


def reported(rows: list[Row], *asked: tuple[Row, Row], people: int = 3) -> pd.DataFrame:
    made = (
        table(tables.EVENTS, rows),
        table(tables.TICKETS, [t for t, _ in asked]),
        table(tables.TICKET_EVENTS, [c for _, c in asked]),
    )
    found = failures(*made, links(people), POLICY, RULES.session_rule, MONDAY)
    arr = pd.Series({f"acc_{n:03d}": 10**n for n in range(people)})
    return issues(found, arr, POLICY, MONDAY).set_index("issue")


def test_an_issue_tells_how_often_and_where_it_was_met_beside_the_weeks_before() -> None:
    rows = marked(
        told("afbf", day=LATELY, person=1) + told("f", day=LATELY, person=2) + told("f", day=BEFORE, person=3)
    )
    row = reported(rows).loc["f"]
    assert (row["failure_28d_count"], row["failure_prior_28d_count"]) == (3, 1)
    assert (row["failing_account_28d_count"], row["failing_account_prior_28d_count"]) == (2, 1)
    assert (row["failing_person_28d_count"], row["arr_usd_cents"]) == (2, 11)


def test_its_sequence_tells_what_comes_before_and_after_within_the_session() -> None:
    rows = marked(told("afb", person=1) + told("afc", person=2) + told("af", person=3))
    row = reported(rows).loc["f"]
    assert (row["previous_event_name"], row["previous_share_ratio"]) == ("a", 1.0)
    assert (row["next_event_name"], row["next_share_ratio"]) == ("b", pytest.approx(1 / 3))
    assert row["ended_session_ratio"] == pytest.approx(1 / 3)


def test_a_workflow_has_its_own_row_and_going_on_with_it_is_trying_again() -> None:
    rows = (
        marked(told("fa", person=1), "import")
        + marked(told("fa", person=2), "export")
        + marked(told("b", person=2, minute=2))
    )
    found = reported(rows)
    assert sorted(found.index) == ["f in export", "f in import"]
    assert found["retried_ratio"].tolist() == [1.0, 1.0]
    assert reported(marked(told("f", person=1), "import") + marked(told("a", person=1, minute=1)))[
        "retried_ratio"
    ].tolist() == [0.0]


def test_a_ticket_of_the_same_person_soon_after_belongs_to_it() -> None:
    rows = marked(told("f", day=LATELY, person=1) + told("f", day=LATELY, person=2))
    within, late = (
        LATELY + timedelta(days=POLICY.ticket_within_days - 1),
        LATELY + timedelta(days=POLICY.ticket_within_days),
    )
    assert reported(rows, ticket(within, 1)).loc["f", "ticket_ratio"] == 0.5
    assert reported(rows, ticket(late, 1)).loc["f", "ticket_ratio"] == 0.0
    assert reported(rows, ticket(LATELY, 1, hour=8)).loc["f", "ticket_ratio"] == 0.0
    assert reported(rows, ticket(within, 3)).loc["f", "ticket_ratio"] == 0.0


def test_what_became_known_later_is_not_counted() -> None:
    assert reported(marked(told("f", late=30, person=1))).empty


def test_one_loud_account_makes_no_trend_and_many_make_one() -> None:
    loud = trend_surprise(pd.Series(["a"] * 100), pd.Series(["a"]))
    many = trend_surprise(pd.Series([f"a{n}" for n in range(9)]), pd.Series(["b"]))
    assert trend(loud, 1, POLICY) == "level"
    assert trend(many, 1, POLICY) == "rising"
    assert trend(-many, 9, POLICY) == "falling"
    assert trend(many, 0, POLICY) == "new"


@given(st.lists(st.sampled_from("abcde"), max_size=30), st.lists(st.sampled_from("abcde"), max_size=30))
def test_a_change_turned_round_is_the_opposite_change(one: list[str], other: list[str]) -> None:
    forth, back = trend_surprise(pd.Series(one), pd.Series(other)), trend_surprise(pd.Series(other), pd.Series(one))
    assert forth == pytest.approx(-back)


def test_weeks_without_a_failure_have_a_row_and_all_failures_lie_in_one() -> None:
    days = [MONDAY - timedelta(days=n) for n in (1, 7, 8, 30, 7 * POLICY.weeks)]
    rows = marked([row for n, day in enumerate(days) for row in told("f", day=day, person=1, minute=n)])
    made = table(tables.EVENTS, rows), table(tables.TICKETS, []), table(tables.TICKET_EVENTS, [])
    weeks = issue_weeks(failures(*made, links(1), POLICY, RULES.session_rule, MONDAY), POLICY, MONDAY)
    assert len(weeks) == POLICY.weeks
    assert weeks["failure_count"].sum() == len(days)
    assert weeks.set_index("week_date").loc[MONDAY - timedelta(days=7), "failure_count"] == 2
    assert issues_by_week(weeks).value.startswith("![")


def test_without_failures_there_is_no_row() -> None:
    assert reported(marked(told("ab"))).empty
