"""What staff, robots and test accounts do reaches no feature, hour or transition, from the snapshot on that knows who they are."""

from datetime import date, timedelta

import pytest

from uam_platform.behavior.attach import attach
from uam_platform.behavior.kept_out import customer_events, customer_rows
from uam_platform.behavior.sequence_facts import Links, of_tickets
from uam_platform.behavior.working_hours import working_hours
from uam_platform.contracts import tables
from uam_platform.lake.engine import connect
from uam_platform_tests.behavior import company as made
from uam_platform_tests.behavior.company import FOREVER, Row, midnight, table
from uam_platform_tests.behavior.test_working_hours import WEDNESDAY, event

FIRST, KNOWN = date(2025, 3, 5), date(2025, 3, 10)
SPAN: Row = {
    "valid_from_date": date(2020, 1, 1), "valid_to_date": FOREVER, "known_from_date": date(2020, 1, 1), "known_to_date": FOREVER,
}  # fmt: skip
CUSTOMER, STAFF, STRANGER = 11, 12, 13


def known_later(row: Row, exclusion: str) -> list[Row]:
    """A row of a link that is kept out from KNOWN on."""
    return [{**row, "known_to_date": KNOWN}, {**row, "known_from_date": KNOWN, "exclusion": exclusion}]


def person(key: int) -> Row:
    return {"identifier_key": key, "identifier_kind": "user", "person_key": 100 + key, "evidence": "self", **SPAN}


PEOPLE = [person(CUSTOMER), *known_later(person(STAFF), "own_staff")]
PLACES = [
    {"workspace_key": 1, "account_id": "acme", **SPAN},
    *known_later({"workspace_key": 2, "account_id": "sandbox", **SPAN}, "test_company"),
]
MEMBERS = [
    {"person_key": 100 + CUSTOMER, "account_id": "acme", "evidence": "membership", **SPAN},
    *known_later(
        {"person_key": 100 + CUSTOMER, "account_id": "sandbox", "evidence": "membership", **SPAN}, "test_company"
    ),
]
LINKS = Links(
    *(
        table(c, rows)
        for c, rows in ((tables.HIERARCHY, PLACES), (tables.PEOPLE, PEOPLE), (tables.MEMBERSHIPS, MEMBERS))
    )
)


def acted(actor: int, workspace: int) -> Row:
    drawn = made.actor_days(made._Draw(1, 0, 9), 1)[0]
    return {**drawn, "actor_key": actor, "workspace_key": workspace, "event_date": FIRST, "known_date": FIRST}


@pytest.mark.parametrize(
    ("actor", "workspace", "as_of", "accounts"),
    [
        pytest.param(CUSTOMER, 1, KNOWN + timedelta(days=1), ["acme"], id="a customer"),
        pytest.param(STAFF, 1, KNOWN, ["acme"], id="staff before it is known"),
        pytest.param(STAFF, 1, KNOWN + timedelta(days=1), [], id="staff"),
        pytest.param(STRANGER, 1, KNOWN + timedelta(days=1), ["acme"], id="nobody known"),
        pytest.param(CUSTOMER, 2, KNOWN, ["sandbox"], id="a test account before it is known"),
        pytest.param(CUSTOMER, 2, KNOWN + timedelta(days=1), [], id="a test account"),
        pytest.param(CUSTOMER, 0, KNOWN, [], id="a member of two accounts, without workspace"),
        pytest.param(CUSTOMER, 0, KNOWN + timedelta(days=1), ["acme"], id="of whom one turned out to be a test"),
    ],
)
def test_a_snapshot_sees_what_was_done_only_for_customers_it_knows(
    actor: int, workspace: int, as_of: date, accounts: list[str]
) -> None:
    attached = attach(
        table(tables.ACTOR_DAYS, [acted(actor, workspace)]), LINKS.hierarchy, LINKS.people, LINKS.memberships
    )
    rows = connect().to_pyarrow(attached).to_pylist()
    assert [r["account_id"] for r in rows if r["visible_from"] <= as_of < r["visible_to"]] == accounts


def test_a_ticket_of_staff_is_no_ticket_of_the_customer() -> None:
    tickets = [{"ticket_id": f"t{who}", "requester_key": who, "account_id_source": "acme"} for who in (CUSTOMER, STAFF)]
    at = midnight(FIRST)
    change = {"change": "opened", "occurred_at": at, "known_at": at, "known_date": FIRST, "occurred_us": made.us(at)}
    changes = [{**change, "ticket_id": ticket["ticket_id"]} for ticket in tickets]
    found = of_tickets(table(tables.TICKETS, tickets), table(tables.TICKET_EVENTS, changes), LINKS)
    rows = connect().to_pyarrow(found).to_pylist()
    seen = [r["ticket_id"] for r in rows if r["visible_from"] <= KNOWN + timedelta(days=1) < r["visible_to"]]
    assert seen == [f"t{CUSTOMER}"]


def test_hours_of_work_are_those_of_customers() -> None:
    events = [
        {**event(1, WEDNESDAY.replace(hour=9), workspace=1), "actor_key": CUSTOMER},
        {**event(2, WEDNESDAY.replace(hour=6), workspace=1), "actor_key": STAFF},
    ]
    people = [person(CUSTOMER), {**person(STAFF), "exclusion": "monitor"}]
    found = working_hours(
        table(tables.EVENTS, events), LINKS.hierarchy, table(tables.PEOPLE, people), LINKS.memberships
    )
    assert connect().to_pandas(found)["utc_hour"].tolist() == [9]


def test_transitions_leave_out_whom_their_snapshot_knows() -> None:
    rows = [
        {**event(n, WEDNESDAY.replace(hour=n), workspace=place), "actor_key": actor}
        for n, (actor, place) in enumerate(((CUSTOMER, 1), (STAFF, 1), (CUSTOMER, 2), (STRANGER, 0)))
    ]
    for until, left in ((KNOWN, [0, 1, 2, 3]), (KNOWN + timedelta(days=1), [0, 3])):
        found = customer_events(table(tables.EVENTS, rows), LINKS.people, LINKS.hierarchy, until)
        assert sorted(connect().to_pandas(found)["event_hi"]) == left


def test_a_snapshot_has_no_row_of_an_account_that_was_a_test_the_day_before() -> None:
    days = [date(2025, 3, day) for day in (10, 11, 20, 21)]
    rows = table(
        tables.ACCOUNT_FEATURES, [{"account_id": who, "as_of": day} for who in ("acme", "sandbox") for day in days]
    )
    out = {
        "account_id": "sandbox",
        "exclusion": "test_company",
        "exclusion_kind": "test",
        "reason_text": "a test of ours",
    }
    span = {**SPAN, "known_from_date": KNOWN, "valid_to_date": date(2025, 3, 20)}
    found = customer_rows(rows, table(tables.EXCLUDED_ACCOUNTS, [{**out, **span}]))
    kept = connect().to_pandas(found).astype({"as_of": str}).sort_values(["account_id", "as_of"])
    assert [(a, d[8:10]) for a, d in kept[["account_id", "as_of"]].itertuples(index=False)] == [
        *(("acme", day) for day in ("10", "11", "20", "21")),
        ("sandbox", "10"),
        ("sandbox", "21"),
    ]


def test_an_event_is_an_admins_by_the_role_of_its_day_as_the_snapshot_knows_it() -> None:
    """Admin from 5 to 8 March, which is known on the 10th: the role of a later day, or one not yet known, makes nobody an admin."""
    span = {**SPAN, "valid_from_date": FIRST, "valid_to_date": date(2025, 3, 9), "known_from_date": KNOWN}
    member = {"person_key": 100 + CUSTOMER, "account_id": "acme", "role": "admin", "evidence": "membership", **span}
    days = [date(2025, 3, day) for day in (4, 5, 8, 9)]
    rows = [{**acted(CUSTOMER, 1), "event_date": day, "known_date": day, "is_admin": False} for day in days]
    attached = attach(
        table(tables.ACTOR_DAYS, rows), LINKS.hierarchy, LINKS.people, table(tables.MEMBERSHIPS, [member])
    )
    found = connect().to_pyarrow(attached).to_pylist()
    for as_of, admins in ((KNOWN, []), (KNOWN + timedelta(days=1), days[1:3])):
        seen = [r for r in found if r["visible_from"] <= as_of < r["visible_to"]]
        assert len(seen) == len(days)
        assert sorted(r["event_date"] for r in seen if r["is_admin"]) == admins
