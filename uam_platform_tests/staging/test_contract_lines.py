"""Lines of a contract become one term at a time: money adds up at every moment, and nothing is known early."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.staging.contract_lines import joined_lines

START = datetime.fromisoformat("2025-01-01T00:00:00")


def day(n: int) -> datetime:
    return START + timedelta(days=n)


def line(product: str, first: int, last: int | None, mrr: int, **fields: Any) -> tuple[str, dict[str, Any]]:
    row = {
        "account_id": "a", "subscription_id": f"{product}:{first}", "plan": product, "billing_period": "monthly",
        "seat_count": None, "mrr_usd_cents": mrr, "started_at": day(first), "term_end_at": None, "known_at": day(first),
        "notice_at": None, "ended_at": None if last is None else day(last), "end_reason": None,
    }  # fmt: skip
    return product, row | fields


def spans(terms: list[dict[str, Any]]) -> list[tuple[int, int | None, int]]:
    return [
        ((t["started_at"] - START).days, None if t["ended_at"] is None else (t["ended_at"] - START).days, t["mrr_usd_cents"])
        for t in terms
    ]  # fmt: skip


def test_an_add_on_bought_later_begins_a_new_term_with_the_money_of_both() -> None:
    terms = joined_lines([line("plan", 0, 365, 100, seat_count=5), line("add_on", 90, 180, 30)])
    assert spans(terms) == [(0, 90, 100), (90, 180, 130), (180, 365, 100)]
    assert [t["plan"] for t in terms] == ["plan"] * 3
    assert [t["seat_count"] for t in terms] == [5, 5, 5]
    assert len({t["subscription_id"] for t in terms}) == 3


def test_a_line_of_the_same_product_replaces_the_one_before() -> None:
    assert spans(joined_lines([line("plan", 0, None, 100), line("plan", 30, None, 150)])) == [
        (0, 30, 100),
        (30, None, 150),
    ]


def test_a_gap_between_lines_stays_a_gap() -> None:
    assert spans(joined_lines([line("plan", 0, 30, 100), line("plan", 37, 67, 100)])) == [(0, 30, 100), (37, 67, 100)]


def test_the_reason_of_an_end_stands_only_where_the_line_ended() -> None:
    terms = joined_lines([line("plan", 0, 60, 100, end_reason="price"), line("add_on", 30, 60, 20)])
    assert [t["end_reason"] for t in terms] == [None, "price"]


def test_a_term_is_not_known_before_the_last_of_its_lines() -> None:
    terms = joined_lines([line("plan", 0, 60, 100), line("add_on", 30, 60, 20, known_at=day(33))])
    assert [t["known_at"] for t in terms] == [day(0), day(33)]


def test_an_agreed_end_that_has_passed_is_not_carried_into_a_later_term() -> None:
    terms = joined_lines([line("plan", 0, None, 100, term_end_at=day(30)), line("add_on", 45, None, 20)])
    assert [t["term_end_at"] for t in terms] == [day(30), None]


LINES = st.lists(
    st.tuples(st.sampled_from("pqr"), st.integers(0, 40), st.integers(1, 40) | st.none(), st.integers(0, 500)),
    min_size=1, max_size=8, unique_by=lambda drawn: (drawn[0], drawn[1]),
)  # fmt: skip


@settings(max_examples=150, derandomize=True)
@given(LINES, st.randoms(use_true_random=False))
def test_at_every_day_one_term_runs_whose_money_is_the_sum_of_the_running_lines(drawn, shuffled) -> None:
    lines = [line(p, first, None if n is None else first + n, mrr) for p, first, n, mrr in drawn]
    terms = joined_lines(lines)
    mixed = list(lines)
    shuffled.shuffle(mixed)
    assert joined_lines(mixed) == terms
    for n in range(90):
        running = {}
        for product, row in sorted(lines, key=lambda found: found[1]["started_at"]):
            if row["started_at"] <= day(n):
                running[product] = row  # the latest of a product replaces the one before, even when it has ended
        alive = [r for r in running.values() if r["ended_at"] is None or day(n) < r["ended_at"]]
        found = [t for t in terms if t["started_at"] <= day(n) and (t["ended_at"] is None or day(n) < t["ended_at"])]
        assert [t["mrr_usd_cents"] for t in found] == ([sum(r["mrr_usd_cents"] for r in alive)] if alive else [])
