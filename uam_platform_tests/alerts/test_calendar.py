"""What the calendar explains is forgiven: of whom it is said, as it was known, and only what it can explain."""

import json
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest

from uam_platform.alerts.around import exposed
from uam_platform.alerts.calendar import Calendar
from uam_platform.alerts.candidates import candidates
from uam_platform.alerts.groups import dated
from uam_platform.alerts.regions import offsets
from uam_platform.contracts.tables import FLAG_STARTS
from uam_platform.policy.alerts import AlertPolicy
from uam_platform.policy.groups import Region
from uam_platform.policy.load import SHIPPED, PolicyError, load_section, parse
from uam_platform.temporal.asof import FOREVER
from uam_platform_tests.alerts.population import MONDAY, Population

POLICY = load_section(AlertPolicy, "alerts")
NAME, WHO = "behaviour_turning_bad", "acc_00001"
WELL = {
    "event_7d_count": 75, "event_28d_count": 300, "event_84d_count": 900, "session_28d_count": 56, "session_84d_count": 168,
}  # fmt: skip
AWAY = {
    "event_7d_count": 3, "event_28d_count": 15, "event_84d_count": 615, "core_7d_count": 1, "core_28d_count": 5,
    "core_84d_count": 205, "core_prior_28d_count": 100, "session_28d_count": 4, "session_84d_count": 116,
}  # fmt: skip
FAILING = {"friction_7d_count": 6, "friction_28d_count": 12, "friction_84d_count": 12}
Row = dict[str, Any]


def announced(**changed: Any) -> pd.DataFrame:
    row: Row = {
        "announcement_id": "a1", "announced_kind": "season", "title": "Quiet weeks", "account_id": None, "industry": None,
        "utc_offset_minutes": None, "starts_at": day(-20), "ends_at": day(10), "known_at": day(-20),
    }  # fmt: skip
    return pd.DataFrame([row | changed])


def day(number: int) -> pd.Timestamp:
    return pd.Timestamp(MONDAY) + timedelta(days=number)


def industries(of_account: dict[str, str]) -> pd.DataFrame:
    rows = [(a, i, day(-400), day(-400)) for a, i in of_account.items()]
    return pd.DataFrame(rows, columns=["account_id", "industry", "valid_from_at", "known_at"])


def found(calendar: Calendar, trouble: Row = AWAY) -> Row:
    population = Population({**{f"acc_{n:05d}": WELL for n in range(40)}, WHO: WELL | trouble}, count=40)
    rows = candidates(**population.inputs(), policy=POLICY, calendar=calendar)
    own = rows[(rows["detector"] == NAME) & (rows["account_id"] == WHO)]
    assert len(own) == 1
    return dict(own.iloc[0])


def test_without_a_calendar_an_account_that_stays_away_is_an_alert() -> None:
    assert found(Calendar())["decision"] == "alert"


@pytest.mark.parametrize(
    ("changed", "industry", "reason"),
    [
        ({}, "Media", "announced:season"),
        ({"industry": "Media"}, "Media", "announced:season"),
        ({"industry": "Media"}, "Retail", None),
        ({"account_id": WHO, "announced_kind": "shutdown"}, "Media", "announced:shutdown"),
        ({"account_id": "acc_00002"}, "Media", None),
        ({"known_at": day(1)}, "Media", None),
        ({"starts_at": day(-60), "ends_at": day(-30)}, "Media", None),
        ({"ends_at": None}, "Media", "announced:season"),
        ({"announced_kind": "other"}, "Media", None),
    ],
    ids=["everybody", "its industry", "another industry", "itself", "somebody else", "told later", "long over", "no end", "says nothing"],
)  # fmt: skip
def test_an_announced_absence_holds_back_whom_it_is_for(changed: Row, industry: str, reason: str | None) -> None:
    row = found(Calendar(announced(**changed), industries({WHO: industry})))
    assert row["reason"] == reason
    evidence = json.loads(row["evidence_json"])
    pointer = {"table": "staging/announcements", "key": {"announcement_id": "a1"}}
    assert (pointer in evidence["rows"]) == (reason is not None)
    if reason:
        assert evidence["calendar"]["score_left"] < 2.0
        assert "what the calendar explains" in row["summary"]


def test_failures_are_not_explained_by_an_absence() -> None:
    assert found(Calendar(announced()), AWAY | FAILING)["decision"] == "alert"


def test_whoever_works_as_before_is_not_away() -> None:
    present = AWAY | {"session_28d_count": 56, "session_84d_count": 168}
    assert found(Calendar(announced()), present)["decision"] == "alert"


def hours_of(account: str, first: int, last: int, count: int = 40) -> pd.DataFrame:
    """An account at work from `first` to `last` o'clock UTC, for eight weeks."""
    weeks = [MONDAY - timedelta(days=7 * n + 1) for n in range(8)]
    rows = [(account, hour % 24, week, FOREVER, count) for week in weeks for hour in range(first, last)]
    return pd.DataFrame(rows, columns=["account_id", "utc_hour", "known_date", "known_to_date", "event_count"])


@pytest.mark.parametrize(("first", "last", "offset"), [(8, 17, 0), (7, 16, 60), (16, 25, -480), (2, 12, 330)])
def test_where_people_work_follows_from_their_hours(first: int, last: int, offset: int) -> None:
    assert offsets(dated(hours_of("a", first, last)), MONDAY, Region())["a"] == pytest.approx(offset, abs=1)


def test_where_people_work_is_not_said_of_few_events_nor_of_work_around_the_clock_nor_of_what_is_known_later() -> None:
    assert offsets(dated(hours_of("a", 8, 10, count=1)), MONDAY, Region()) == {}
    assert offsets(dated(hours_of("a", 0, 24)), MONDAY, Region()) == {}
    assert offsets(dated(hours_of("a", 8, 17)), MONDAY - timedelta(days=56), Region()) == {}


@pytest.mark.parametrize(("region", "reason"), [(60, "announced:public_holiday"), (330, None)])
def test_a_holiday_of_a_region_holds_back_those_who_work_there(region: int, reason: str | None) -> None:
    rows = pd.concat([announced(announced_kind="public_holiday", utc_offset_minutes=region),
                      announced(announced_kind="public_holiday", utc_offset_minutes=0, announcement_id="a2", starts_at=day(-300),
                                ends_at=day(-290))])  # fmt: skip
    assert found(Calendar(rows, hours=dated(hours_of(WHO, 7, 16))))["reason"] == reason


def last_year(**changed: Any) -> pd.DataFrame:
    return Population({WHO: WELL | changed}, count=40, as_of=(MONDAY - timedelta(days=364),)).features


def test_a_fall_as_deep_as_the_year_before_is_a_season_and_a_deeper_one_is_not() -> None:
    same = found(Calendar(last_year=last_year(core_28d_count=6, core_84d_count=206)))
    assert same["reason"] == "season:last_year"
    assert found(Calendar(last_year=last_year(core_28d_count=60, core_84d_count=260)))["decision"] == "alert"
    assert found(Calendar(last_year=last_year()))["decision"] == "alert"


def test_a_fall_that_all_of_an_industry_share_is_a_season() -> None:
    fallen = {f"acc_{n:05d}": WELL | AWAY for n in range(1, 26)}
    population = Population({**{f"acc_{n:05d}": WELL for n in range(100)}, **fallen}, count=100)
    of = {name: "Media" if name in fallen else "Retail" for name in (f"acc_{n:05d}" for n in range(100))}

    def reasons(calendar: Calendar) -> set[str | None]:
        rows = candidates(**population.inputs(), policy=POLICY, calendar=calendar)
        return set(rows.loc[rows["detector"] == NAME, "reason"])

    assert None in reasons(Calendar())
    assert reasons(Calendar(industries=industries(of))) == {"season:peers_of_industry"}


def test_a_flag_that_was_switched_on_counts_before_any_event_carries_it() -> None:
    at = {"flag_key": "rollout_wave", "exposed_at": day(-5), "known_date": date(2025, 5, 28), "known_at": day(-5)}
    exposures = pd.DataFrame(
        [at | {"account_id": "a", "workspace_key": 0}, at | {"account_id": None, "workspace_key": 9},
         at | {"account_id": None, "workspace_key": 8}]
    )  # fmt: skip
    begins, ends = date(2020, 1, 1), date(9999, 12, 31)
    links = pd.DataFrame(
        [(9, "b", begins, ends), (8, "c", begins, date(2025, 1, 1))],
        columns=["workspace_key", "account_id", "valid_from_date", "valid_to_date"],
    )
    rows = exposed(exposures, links)
    assert list(rows.columns) == list(FLAG_STARTS.column_names)
    assert rows["account_id"].tolist() == ["a", "b"]
    assert set(rows["first_date"]) == {date(2025, 5, 28)}


def test_a_kind_that_explains_no_signal_of_harm_is_refused() -> None:
    raw = POLICY.model_dump(mode="json")
    raw["context"]["announced"]["season"]["explains"] = ["weather"]
    with pytest.raises(PolicyError, match="'weather'"):
        parse(AlertPolicy, raw, SHIPPED / "alerts.yaml")
