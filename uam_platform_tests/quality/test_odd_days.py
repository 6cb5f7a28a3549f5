"""Days of a source that differ from what its past lets expect, and days that do not."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from uam_platform.contracts.tables import DAILY_PROFILES, TICKET_EVENTS
from uam_platform.lake.engine import connect, empty
from uam_platform.lake.io_manager import as_table
from uam_platform.quality.calendar import holidays
from uam_platform.quality.odd_days import odd_days
from uam_platform.quality.profiles import daily_profiles
from uam_platform_tests.judged import verdicts
from uam_platform_tests.quality.cases import POLICY, day, event, events, unknown

LAST = 80


def profile(number: int, kind: str, subject: str, rows: int, parts: int = 0) -> dict:
    return {
        "event_date": day(number), "source": "segment", "side": "client", "profile_kind": kind, "profile_subject": subject,
        "profile_row_count": rows, "profile_part_count": parts,
    }  # fmt: skip


def usual(number: int) -> int:
    """A week with quiet weekends, and chance."""
    level = 1000 if number % 7 < 5 else 150
    return int(np.random.default_rng(number).poisson(level))


def volumes(changed: dict[int, int], last: int = LAST) -> list[dict]:
    return [profile(n, "volume", "", rows) for n in range(last) if (rows := changed.get(n, usual(n)))]


def hits(rows: list[dict], off: tuple[int, ...] = (), last: int = LAST) -> pd.DataFrame:
    return odd_days(pd.DataFrame(rows), [day(n) for n in off], day(last), POLICY)


def kinds(rows: list[dict], off: tuple[int, ...] = ()) -> set[tuple[str, str, date]]:
    found = hits(rows, off)
    return set(zip(found["finding_kind"], found["finding_subject"], found["since_date"], strict=True))


def test_weekends_and_chance_are_not_odd() -> None:
    assert hits(volumes({})).empty


@pytest.mark.parametrize("rows", [400, 2000])
def test_half_and_twice_a_monday_are_odd(rows: int) -> None:
    assert kinds(volumes({70: rows})) == {("volume", "", day(70))}


def test_a_fall_on_a_holiday_is_expected_and_silence_on_it_is_not() -> None:
    assert kinds(volumes({70: 400}), off=(70,)) == set()
    assert kinds(volumes({70: 20}), off=(70,)) == {("volume", "", day(70))}


def test_an_earlier_outage_is_no_measure_of_a_usual_day() -> None:
    assert kinds(volumes({56: 100, 63: 100, 70: 400})) >= {("volume", "", day(70))}


def test_a_silent_source_is_told_once_its_pause_is_the_longest_ever_and_volume_is_not_told_beside_it() -> None:
    found = hits(volumes(dict.fromkeys(range(76, LAST), 0)))
    assert set(found.loc[found["finding_kind"] == "silent_source", "as_of"]) == {day(n) for n in (78, 79, 80)}
    assert not set(found.loc[found["finding_kind"] == "volume", "as_of"]) & {day(n) for n in (78, 79, 80)}
    pauses = dict.fromkeys((10, 11, 12, 76, 77), 0)
    assert "silent_source" not in set(hits(volumes(pauses), last=78)["finding_kind"])


def named(shares: dict[str, range], rows: int = 40) -> list[dict]:
    return volumes({}) + [profile(n, "name", name, rows) for name, days in shares.items() for n in days]


def test_a_new_name_is_told_for_two_weeks_and_old_names_never() -> None:
    found = hits(named({"old_thing": range(LAST), "new_thing": range(50, LAST)}))
    assert set(found["finding_subject"]) == {"new_thing"}
    assert (found["as_of"].min(), found["as_of"].max()) == (day(51), day(64))


def test_names_of_the_first_weeks_are_not_new() -> None:
    assert hits(named({"late_thing": range(20, LAST)})).empty


def test_a_name_that_stops_has_vanished_and_a_rare_one_has_not() -> None:
    assert kinds(named({"gone_thing": range(70)})) == {("vanished_event_name", "gone_thing", day(70))}
    assert kinds(named({"rare_thing": range(70)}, rows=1)) == set()


def fields(share: dict[int, float]) -> list[dict]:
    rows = 400
    parts = [
        profile(n, "missing", "report_viewed.workflow", rows, int(rows * share.get(n, 0.02 + 0.01 * (n % 3))))
        for n in range(LAST)
    ]
    return volumes({}) + parts


def test_a_field_that_more_rows_lack_is_told_and_its_swing_is_not() -> None:
    assert hits(fields({})).empty
    found = hits(fields(dict.fromkeys(range(70, LAST), 0.2)))
    assert set(zip(found["finding_kind"], found["finding_subject"], strict=True)) == {("missing_values", "workflow")}
    assert found["as_of"].min() <= day(73)


def test_a_field_that_an_event_never_carried_is_not_missing() -> None:
    rows = volumes({}) + [profile(n, "missing", "page_viewed.feature", 400, 400) for n in range(LAST)]
    assert hits(rows).empty


def test_what_is_said_of_a_day_does_not_change_with_later_days() -> None:
    rows = volumes({60: 300, 70: 2500}) + [profile(n, "name", "new_thing", 30) for n in range(45, LAST)]
    early = hits([row for row in rows if row["event_date"] < day(65)], last=65)
    late = hits(rows)
    same = late[late["as_of"] <= day(65)].reset_index(drop=True)
    assert len(early) > 1
    pd.testing.assert_frame_equal(early, same)


def test_profiles_count_what_was_known_when_the_day_was_closed() -> None:
    rows = [
        event(0, "report_viewed", "client", workflow="reporting"),
        event(0, "report_viewed", "client"),
        event(0, "report_viewed", "client", late_days=1),
    ]
    connection = connect()
    found = daily_profiles(
        connection,
        events(rows),
        unknown([{"number": 0, "workflow_id": None, "event_name_source": "odd_name"}]),
        empty(TICKET_EVENTS),
    )
    assert verdicts(as_table(found, DAILY_PROFILES), DAILY_PROFILES)[""].is_valid
    counts = {
        (row["profile_kind"], row["profile_subject"]): (row["profile_row_count"], row["profile_part_count"])
        for row in found.to_dict("records")
    }
    assert counts == {
        ("volume", ""): (2, 0), ("name", "report_viewed"): (2, 0), ("name", "odd_name"): (1, 0),
        ("missing", "report_viewed.workflow"): (2, 1),
    }  # fmt: skip


def test_holidays_are_announced_absences_known_before_them() -> None:
    def row(kind: str, first: int, end: int, known: int) -> dict:
        return {
            "announced_kind": kind, "starts_at": pd.Timestamp(day(first)), "ends_at": pd.Timestamp(day(end)), "known_date": day(known),
        }  # fmt: skip

    told = [row("public_holiday", 10, 12, 0), row("migration", 20, 21, 0), row("shutdown", 30, 31, 35)]
    frame = pd.DataFrame(told)
    assert holidays(frame, day(90)) == [day(10), day(11)]
    stored = frame.assign(known_date=pd.to_datetime(frame["known_date"]))  # as a table of the lake comes
    assert holidays(stored, day(90)) == [day(10), day(11)]
