"""Account features equal what a slow count per snapshot gives, and nothing that comes later changes them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from typing import Any

import ibis.expr.types as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.behavior.attach import attach
from uam_platform.behavior.eligibility import EligibilityRule
from uam_platform.behavior.features import account_features
from uam_platform.contracts import tables
from uam_platform.contracts.schemas import ibis_schema
from uam_platform.contracts.tables import ACCOUNT_FEATURES
from uam_platform.lake.engine import connect
from uam_platform.policy.load import load_section
from uam_platform.policy.time import TimePolicy
from uam_platform_tests.behavior import company as made
from uam_platform_tests.behavior.company import DAYS, FOREVER, START, Company, midnight, random_company
from uam_platform_tests.behavior.reference import features_at
from uam_platform_tests.judged import verdicts

POLICY = load_section(TimePolicy, "time")
WEEKLY = tuple(START + timedelta(days=d) for d in range(28, DAYS + 21, 21))
FAR = START + timedelta(days=DAYS + 60)
GRID = (*WEEKLY, *(START + timedelta(days=d) for d in (92, 93, 95)), FAR, START + timedelta(days=500))
SPOTS = (date(2025, 1, 23), date(2025, 1, 24), date(2025, 2, 3), date(2025, 2, 17), date(2025, 3, 3))
Key = tuple[str, date]


class Engine:
    """One connection that keeps the query of each grid, because planning it costs more than running it on a small company."""

    def __init__(self) -> None:
        self.connection = connect()
        self.tables = {
            n: self.connection.create_table(n, schema=ibis_schema(getattr(tables, n.upper()))) for n in vars(Company())
        }
        self.queries: dict[Any, tuple[ir.Table, ir.Table]] = {}

    def rows(self, company: Company, as_of: tuple[date, ...], rule: EligibilityRule) -> ir.Table:
        for name in self.tables:
            self.connection.truncate_table(name)
            self.connection.insert(name, company.table(name))
        if (as_of, rule) not in self.queries:
            query = self._query(as_of, rule)
            view = self.connection.create_view(f"features_{len(self.queries)}", query)
            self.queries[as_of, rule] = (query, view)  # the query owns the calendar that the view reads
        return self.queries[as_of, rule][1]

    def _query(self, as_of: tuple[date, ...], rule: EligibilityRule) -> ir.Table:
        activity = attach(*(self.tables[n] for n in ("actor_days", "hierarchy", "people", "memberships")))
        facts = (self.tables[n] for n in ("tickets", "ticket_events", "subscriptions", "accounts"))
        return account_features(activity, *facts, as_of=as_of, policy=POLICY, eligibility=rule)


@cache
def engine() -> Engine:
    return Engine()


def computed(
    company: Company, as_of: tuple[date, ...], rule: EligibilityRule | None = None
) -> dict[Key, dict[str, Any]]:
    found = engine().rows(company, as_of, rule or EligibilityRule()).to_pyarrow().to_pylist()
    assert len({(r["account_id"], r["as_of"]) for r in found}) == len(found)
    return {(r["account_id"], r["as_of"]): r for r in found}


def expected(company: Company, as_of: Sequence[date], has_subscriptions: bool = True) -> dict[Key, dict[str, Any]]:
    rows: dict[Key, dict[str, Any]] = {}
    seen: set[str] = set()
    for day in sorted(as_of):
        found = features_at(company, day, seen, has_subscriptions)
        seen |= set(found)
        rows |= {(account, day): row for account, row in found.items()}
    return rows


@settings(max_examples=8, deadline=None, derandomize=True)
@given(seed=st.integers(0, 100_000), has_subscriptions=st.booleans())
def test_every_column_equals_a_count_of_what_the_snapshot_could_see(seed: int, has_subscriptions: bool) -> None:
    company = random_company(seed)
    rows = computed(company, GRID, EligibilityRule(has_subscriptions=has_subscriptions))
    wanted = expected(company, GRID, has_subscriptions)
    assert set(rows) == set(wanted)
    for key, row in rows.items():
        told = {name: value for name, value in wanted[key].items() if name in row}
        assert {name: row[name] for name in told} == told, key


def test_the_random_companies_do_exercise_what_they_are_for() -> None:
    rows = [row for seed in range(3) for row in expected(random_company(seed), GRID).values()]
    for name in (
        "active_admin_28d_count",
        "reopen_84d_count",
        "open_ticket_count",
        "core_prior_28d_count",
        "term_count",
    ):
        assert sum(row[name] > 0 for row in rows) > 10, name
    assert {row["is_eligible"] for row in rows} == {True, False}


def future_of(company: Company, as_of: date, seed: int) -> Company:
    """The company as it will be known later: nothing that the snapshot saw is touched."""
    draw = made._Draw(seed, 0, DAYS)
    later = as_of + timedelta(days=draw.number(0, 20))
    decision = POLICY.decision_at(as_of)
    links = {
        name: [
            {**row, "known_to_date": later}
            if row["known_to_date"] == FOREVER and row["known_from_date"] < later
            else row
            for row in getattr(company, name)
        ]
        + [{**row, "known_from_date": later, "known_to_date": FOREVER} for row in getattr(random_company(seed), name)]
        for name in ("hierarchy", "people", "memberships")
    }
    ends = [
        {
            **term,
            "notice_at": term["notice_at"] or decision,
            "ended_at": term["ended_at"] or max(decision, term["started_at"]),
        }
        for term in company.subscriptions
    ]
    more = Company(
        actor_days=[{**r, "known_date": max(r["event_date"], later)} for r in made.actor_days(draw, 80)],
        ticket_events=[{**r, "known_date": max(r["known_date"], later)} for r in made.ticket_events(draw, 40, 1000)],
        subscriptions=[{**made.subscription(draw, n), "known_at": decision} for n in range(50, 58)],
        accounts=[{**made.account(draw), "known_at": decision} for _ in range(6)],
    )
    return replace(company, subscriptions=ends, **links).joined(more)


@settings(max_examples=5, deadline=None, derandomize=True)
@given(seed=st.integers(0, 100_000))
def test_what_becomes_known_at_decision_time_or_later_changes_no_row(seed: int) -> None:
    as_of = GRID[seed % 6]
    company = random_company(seed)
    before, after = computed(company, GRID), computed(future_of(company, as_of, seed + 1), GRID)
    assert {k: r for k, r in after.items() if k[1] <= as_of} == {k: r for k, r in before.items() if k[1] <= as_of}
    assert any(after[k] != row for k, row in before.items() if k[1] == FAR)  # the later facts are there to be seen


def test_a_snapshot_is_the_same_alone_and_among_others() -> None:
    company = random_company(7)
    together = computed(company, GRID)
    alone = computed(company, (GRID[3],))
    assert alone
    assert {key: together[key] for key in alone} == alone


def test_rows_keep_the_contract_of_account_features() -> None:
    found = verdicts(engine().rows(random_company(3), GRID, EligibilityRule()), ACCOUNT_FEATURES)
    assert len(found) == len(GRID)
    assert all(verdict.is_valid for verdict in found.values()), found


def test_ratios_are_shrunk_towards_one_and_seats_may_be_missing() -> None:
    row = lone_account(event_count=30, core_count=15, friction_count=4)
    assert row["core_trend_ratio"] == pytest.approx((15 + 5) / 5)
    assert row["spread_trend_ratio"] == pytest.approx(2 / 1)
    assert row["depth_trend_ratio"] == pytest.approx(((15 + 5) / 2) / (5 / 1))
    assert row["friction_rate_ratio"] == pytest.approx(4 / 20)
    assert row["seat_use_ratio"] is None
    assert row["decision_at"] == midnight(date(2025, 3, 3)) + timedelta(hours=6)


def lone_account(**counts: int) -> dict[str, Any]:
    day = date(2025, 3, 1)
    fact = {
        **made.actor_days(made._Draw(1, 0, 9), 1)[0],
        "actor_key": 11,
        "workspace_key": 1,
        "event_date": day,
        "known_date": day,
        **counts,
    }
    link = {"valid_from_date": START, "valid_to_date": FOREVER, "known_from_date": START, "known_to_date": FOREVER}
    company = Company(
        actor_days=[fact],
        hierarchy=[{"workspace_key": 1, "account_id": "acc_1", **link}],
        people=[{"identifier_key": 11, "identifier_kind": "user", "person_key": 101, **link}],
    )
    return computed(company, SPOTS)["acc_1", date(2025, 3, 3)]


def contract_company(**term: Any) -> Company:
    base = made.subscription(made._Draw(1, 0, 9), 1)
    started = midnight(date(2025, 1, 10))
    shape = {"account_id": "acc_1", "started_at": started, "known_at": started, "term_end_at": None, "notice_at": None}
    return Company(subscriptions=[{**base, **shape, "ended_at": None, "mrr_usd_cents": 1000, **term}])


@pytest.mark.parametrize(
    ("as_of", "term", "eligible"),
    [
        pytest.param(date(2025, 1, 23), {}, False, id="younger than fourteen days"),
        pytest.param(date(2025, 1, 24), {}, True, id="fourteen days old"),
        pytest.param(
            date(2025, 2, 3), {"notice_at": midnight(date(2025, 2, 3)) + timedelta(hours=5)}, False, id="notice known"
        ),
        pytest.param(
            date(2025, 2, 3), {"notice_at": midnight(date(2025, 2, 3)) + timedelta(hours=6)}, True, id="notice later"
        ),
        pytest.param(date(2025, 2, 3), {"ended_at": midnight(date(2025, 2, 3))}, False, id="ended at midnight"),
        pytest.param(date(2025, 2, 3), {"ended_at": midnight(date(2025, 2, 4))}, True, id="ends tomorrow"),
        pytest.param(date(2025, 2, 3), {"term_end_at": midnight(date(2025, 2, 1))}, True, id="rolls on past its term"),
    ],
)
def test_eligibility_follows_the_contract_as_known(as_of: date, term: dict[str, Any], eligible: bool) -> None:
    row = computed(contract_company(**term), SPOTS)["acc_1", as_of]
    assert row["is_eligible"] is eligible
    assert row["arr_usd_cents"] == (0 if row["billing_period"] == "none" else 12_000)


def test_a_renewed_term_does_not_come_back_to_life_when_its_successor_ends() -> None:
    first = contract_company(term_end_at=midnight(date(2025, 2, 10)), subscription_id="a").subscriptions
    dates = {"started_at": midnight(date(2025, 2, 10)), "known_at": midnight(date(2025, 2, 1))}
    second = contract_company(**dates, ended_at=midnight(date(2025, 3, 1)), subscription_id="b").subscriptions
    rows = computed(Company(subscriptions=first + second), SPOTS)
    assert rows["acc_1", date(2025, 2, 17)]["is_eligible"]
    assert rows["acc_1", date(2025, 2, 17)]["term_count"] == 2
    assert not rows["acc_1", date(2025, 3, 3)]["is_eligible"]
    assert rows["acc_1", date(2025, 3, 3)]["billing_period"] == "none"


def test_no_snapshot_day_is_refused() -> None:
    with pytest.raises(ValueError, match="name at least one as_of"):
        computed(Company(), ())
