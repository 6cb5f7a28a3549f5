"""What an input lacks is said in one line, and where it contradicts itself is found by id."""

from datetime import date

import ibis
import pandas as pd
import pytest

from uam_platform.lake.engine import connect
from uam_platform.staging.capabilities import InputFacts, capabilities, input_facts
from uam_platform.staging.contradictions import RULES, Finding, contradictions, outcomes_rule
from uam_platform.staging.incidents import INCIDENTS

NONE = pd.Timestamp("NaT")


def event(day: int, hour: int = 9, **said) -> dict:
    at = pd.Timestamp(2025, 3, day, hour)
    us = at.value // 1000
    blank = {
        "event_kind": "track", "event_name": "report_shared", "event_date": date(2025, 3, day), "occurred_at": at,
        "occurred_us": us, "known_us": us, "time_confidence": "exact", "account_id_source": "a1", "workflow_id": "t1",
        "quantity": 1, "actor_key": 1, "workspace_key": 1, "amount_usd_cents": 100,
    }  # fmt: skip
    return {**blank, **said}


def term(name: str, start: int, end: int | None, notice: int | None = None) -> dict:
    def day(number: int | None) -> pd.Timestamp:
        return pd.Timestamp(2025, 3, number) if number else NONE

    return {
        "subscription_id": name, "account_id": "a1", "started_at": day(start), "ended_at": day(end), "term_end_at": NONE,
        "notice_at": day(notice),
    }  # fmt: skip


def inputs(events: list[dict], terms: list[dict] | None = None, tickets: tuple[int, ...] = ()) -> dict:
    frames = {
        "events": pd.DataFrame(events),
        "subscriptions": pd.DataFrame(terms or [term("t1", 2, None)]).astype(
            {name: "datetime64[us]" for name in ("started_at", "ended_at", "term_end_at", "notice_at")}
        ),
        "accounts": pd.DataFrame({"account_id": ["a1"], "created_at": [pd.Timestamp(2025, 3, 2)]}),
        "tickets": pd.DataFrame(
            {
                "ticket_id": [f"k{day}" for day in tickets],
                "account_id_source": ["a1" for _ in tickets],
                "created_at": pd.Series([pd.Timestamp(2025, 3, day) for day in tickets], dtype="datetime64[us]"),
            }
        ).astype({"ticket_id": "str", "account_id_source": "str"}),
        "duplicates_log": pd.DataFrame({"reason": ["same_day_repeat"], "event_date": [date(2025, 3, 5)]}),
        "users_directory": pd.DataFrame({"user_id_source": ["u1"]}),
    }
    return {name: ibis.memtable(frame) for name, frame in frames.items()}


def found(name: str, tables: dict) -> Finding:
    rules = {rule.name: rule for rule in (*RULES, outcomes_rule("churn_recorded"))}
    return contradictions(connect(), tables, [rules[name]])[0]


CASES = {
    "terms_overlap": (inputs([event(5)], [term("t1", 2, 20), term("t2", 10, None)]), 1, ("a1: t2",)),
    "terms_end_without_notice": (inputs([event(5)], [term("t1", 2, 20), term("t2", 20, 25, 21)]), 1, ("t1",)),
    "events_outside_their_term": (inputs([event(5), event(21)], [term("t1", 2, 20)]), 1, ("t1 on 2025-03-21",)),
    "events_before_their_account": (inputs([event(1), event(5)]), 1, ("a1 on 2025-03-01",)),
    "tickets_before_their_account": (inputs([event(5)], tickets=(1, 6)), 1, ("files:k1",)),
    "known_before_it_happened": (
        inputs([event(5), event(6, time_confidence="clamped")]), 1, ("report_shared on 2025-03-06",),
    ),
    "negative_quantities": (inputs([event(5), event(6, quantity=-2)]), 1, ("report_shared on 2025-03-06",)),
    "repeated_lines": (inputs([event(5)]), 1, ("same_day_repeat on 2025-03-05",)),
    "recorded_endings_without_an_ended_term": (
        inputs([event(8, event_name="churn_recorded"), event(25, event_name="churn_recorded")], [term("t1", 2, 9)]),
        1, ("a1 on 2025-03-25",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_contradiction_is_counted_and_named_by_id(name: str) -> None:
    tables, count, examples = CASES[name]
    result = found(name, tables)
    assert result.count == count
    assert [e.removeprefix("files:") for e in result.examples] == [e.removeprefix("files:") for e in examples]
    assert result.of >= count


@pytest.mark.parametrize("name", [rule.name for rule in RULES if rule.name != "repeated_lines"])
def test_an_input_that_agrees_with_itself_is_left_alone(name: str) -> None:
    clean = inputs([event(5), event(6)], [term("t1", 2, 20, 10), term("t2", 20, None)], tickets=(5,))
    assert found(name, clean).count == 0


def incident(name: str, events: list[dict]) -> Finding:
    rules = {rule.name: rule for rule in INCIDENTS}
    return contradictions(connect(), inputs(events), [rules[name]])[0]


def test_a_failure_of_one_device_is_named_with_its_days() -> None:
    usual = [event(day, device_type=device, marker="none") for day in range(3, 30) for device in ("desktop", "mobile")]
    broken = [event(day, event_name="checkout_broke", device_type="mobile", marker="friction") for day in (10, 15)] * 10
    both = [event(9, event_name="error_shown", device_type=d, marker="friction") for d in ("desktop", "mobile")] * 10
    assert incident("failures_of_one_device", usual + both).count == 0
    assert incident("failures_of_one_device", usual + both + broken).examples == (
        "checkout_broke on mobile only, 2025-03-10 to 2025-03-15",
    )


def test_a_week_with_many_failures_stands_out_and_an_even_share_does_not() -> None:
    even = [event(day, marker="none") for day in range(3, 31) for _ in range(10)]
    even += [event(day, event_name="error_shown", marker="friction") for day in range(3, 31)]
    many = [event(18, event_name="error_shown", marker="friction") for _ in range(30)]
    assert incident("failures_that_stand_out", even).count == 0
    assert incident("failures_that_stand_out", even + many).examples == ("error_shown in the week of 2025-03-17: 37",)


def missing(facts: InputFacts) -> set[str]:
    return {c.part for c in capabilities(facts) if not c.applies}


def test_a_whole_input_lacks_nothing() -> None:
    tables = inputs([event(5), event(6, actor_key=2)], tickets=(5,))
    assert missing(input_facts(tables)) == set()


def test_sums_per_day_without_people_contracts_or_tickets_are_told() -> None:
    tables = inputs([event(5, hour=0, amount_usd_cents=None), event(6, hour=0, amount_usd_cents=None)])
    tables["subscriptions"] = tables["subscriptions"].filter(tables["subscriptions"].account_id == "nobody")
    assert missing(input_facts(tables)) == {"sessions", "people", "contracts", "money", "support"}


def test_clicks_without_accounts_are_told_once() -> None:
    tables = inputs([event(5, workspace_key=0), event(6, workspace_key=0, actor_key=2)], tickets=(5,))
    assert missing(input_facts(tables)) == {"accounts"}
