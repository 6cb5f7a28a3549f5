"""What named cohorts stand on: value through workflows and administrators' doings, as each snapshot could see them."""

from datetime import date, timedelta
from typing import Any

import ibis.expr.types as ir

from uam_platform.behavior.cohort_facts import administrators, value_by_workflow
from uam_platform.behavior.sequence_facts import Links
from uam_platform.contracts import tables
from uam_platform.policy.cohorts import CohortPolicy
from uam_platform.policy.load import load_section
from uam_platform_tests.behavior.company import FOREVER, Row, table

POLICY = load_section(CohortPolicy, "cohorts")
START = date(2025, 1, 6)
ALWAYS = {
    "valid_from_date": date(2020, 1, 1),
    "valid_to_date": FOREVER,
    "known_from_date": date(2020, 1, 1),
    "known_to_date": FOREVER,
}


def event(number: int, day: int, name: str, late: int = 0, **more: Any) -> Row:
    on = START + timedelta(days=day)
    fixed = {"event_hi": number, "event_lo": 1, "event_name": name, "actor_key": 1, "workspace_key": 1}
    return {**fixed, "event_date": on, "known_date": on + timedelta(days=late), "is_core": True, **more}


def events(*rows: tuple[int, str, dict[str, Any]]) -> ir.Table:
    return table(tables.EVENTS, [event(n, day, name, **more) for n, (day, name, more) in enumerate(rows)])


def links() -> Links:
    people = [{"identifier_kind": "user", "identifier_key": n, "person_key": 10 + n, **ALWAYS} for n in (1, 2)]
    members = [
        {"person_key": 10 + n, "account_id": "a", "role": role, **ALWAYS} for n, role in ((1, "admin"), (2, "member"))
    ]
    hierarchy = [{"workspace_key": 1, "account_id": "a", **ALWAYS}]
    return Links(table(tables.HIERARCHY, hierarchy), table(tables.PEOPLE, people), table(tables.MEMBERSHIPS, members))


def days(*after: int) -> list[date]:
    return [START + timedelta(days=n) for n in after]


def told(found: Any) -> dict[tuple[int, str], int]:
    rows = found.assign(day=[(date.fromisoformat(str(d)[:10]) - START).days for d in found["as_of"]])
    return {(r.day, r.workflow): r.value_count for r in rows.itertuples()}


def test_value_goes_to_the_workflow_an_event_names_or_its_action_belongs_to() -> None:
    made = events(
        (0, "workflow_completed", {"workflow": "alerting"}),
        (0, "report_exported", {}),
        (0, "something_valued", {}),
        (0, "page_viewed", {"is_core": False, "workflow": "alerting"}),
    )
    found = told(value_by_workflow(made, links(), days(7), POLICY))
    assert found == {(7, "alerting"): 1, (7, "reporting"): 1, (7, "other"): 1}


def test_a_snapshot_sees_its_own_window_and_what_it_knew() -> None:
    made = events(
        (0, "report_exported", {}),
        (6, "report_exported", {"late": 5}),
        (7, "report_exported", {}),
    )
    found = told(value_by_workflow(made, links(), days(7, 14, 84, 85, 91), POLICY))
    assert found == {(n, "reporting"): count for n, count in ((7, 1), (14, 3), (84, 3), (85, 2), (91, 1))}


def test_looks_and_work_are_counted_for_administrators_only() -> None:
    made = events(
        (0, "pricing_viewed", {"is_core": False}),
        (1, "plan_compared", {"is_core": False}),
        (1, "report_exported", {}),
        (1, "pricing_viewed", {"is_core": False, "actor_key": 2}),
        (1, "page_viewed", {"is_core": False}),
    )
    found = administrators(made, links(), days(7), POLICY)
    assert found[["account_id", "person_key", "core_count", "looks_count"]].to_numpy().tolist() == [["a", 11, 1, 2]]
