"""Journeys by hand: what stalls, is abandoned, fails to come on board or fails again, and what late data may not change."""

from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from uam_platform.behavior.journeys import journeys
from uam_platform.behavior.sequence_facts import Links
from uam_platform.contracts import tables
from uam_platform.policy.rulebook import load_rulebook
from uam_platform_tests.behavior.company import FOREVER, Row, table, us

POLICY = load_rulebook().journeys
START = date(2025, 1, 6)
BEGINNING = date(2020, 1, 1)
ALWAYS = {
    "valid_from_date": BEGINNING,
    "valid_to_date": FOREVER,
    "known_from_date": BEGINNING,
    "known_to_date": FOREVER,
}
ACTORS = 2


class Told:
    """Events of one account by two actors."""

    def __init__(self) -> None:
        self.events: list[Row] = []

    def add(self, day: float, name: str, actor: int = 1, late: int = 0, **more: Any) -> "Told":
        at = datetime(2025, 1, 6) + timedelta(days=day)  # noqa: DTZ001 - lake timestamps are naive UTC
        event_date = at.date()
        self.events.append(
            {
                "event_hi": len(self.events),
                "event_lo": 7,
                "event_kind": "track",
                "event_name": name,
                "actor_key": actor,
                "workspace_key": 9,
                "occurred_at": at,
                "occurred_us": us(at),
                "event_date": event_date,
                "known_date": event_date + timedelta(days=late),
                **more,
            }
        )
        return self

    def active(self, first: int, last: int, actor: int = 1) -> "Told":
        for day in range(first, last):
            self.add(day + 0.5, "page_viewed", actor)
        return self


def found(cases: dict[str, Told], until: int = 120) -> pd.DataFrame:
    """Journeys of several accounts at once, each with its own workspace and actors."""
    events = [
        {
            **e,
            "workflow_id": e.get("workflow_id") and f"{n} {e['workflow_id']}",
            "workspace_key": n + 1,
            "actor_key": ACTORS * n + e["actor_key"],
            "event_lo": n,
        }
        for n, told in enumerate(cases.values())
        for e in told.events
    ]
    seen = {(e["actor_key"], e["workspace_key"], e["event_date"], e["known_date"]) for e in events}
    days = [{"actor_key": a, "workspace_key": w, "event_date": d, "known_date": k} for a, w, d, k in sorted(seen)]
    hierarchy = [{"workspace_key": n + 1, "account_id": name, **ALWAYS} for n, name in enumerate(cases)]
    people = [
        {"identifier_key": k, "identifier_kind": "user", "person_key": 100 + k, "evidence": "self", **ALWAYS}
        for k in range(1, ACTORS * len(cases) + 1)
    ]
    links = Links(table(tables.HIERARCHY, hierarchy), table(tables.PEOPLE, people), table(tables.MEMBERSHIPS, []))
    made = (table(tables.EVENTS, events), table(tables.ACTOR_DAYS, days))
    return journeys(*made, links, POLICY, START + timedelta(days=until))


def run_of(told: Told, day: float, end: str | None = None, after: float = 0.1, late: int = 0) -> Told:
    told.add(day, "workflow_started", workflow="sharing", workflow_id=f"r{day}")
    if end:
        told.add(day + after, end, late=late, workflow="sharing", workflow_id=f"r{day}")
    return told


def feature_of(days: int, again: int | None = None) -> Told:
    told = Told().active(0, 3).add(40, "feature_used", feature="pivot").add(40.1, "feature_used", feature="pivot")
    told.active(41, 41 + days)
    return told.add(again, "feature_used", feature="pivot") if again else told


def onboarded(*steps: tuple[float, str]) -> Told:
    told = Told().active(0, 1, actor=2)
    for day, name in steps:
        told.add(day, name)
    return told


def failing(*days: int) -> Told:
    told = Told()
    for day in days:
        told.add(day, "workflow_failed", workflow="sharing", actor=1 + day % 2)
    return told


SEEN = (13, "report_viewed")
SETUP, CONNECTED, REPORT = "setup_started", "integration_connected", "first_report_generated"
CASES: dict[str, tuple[Told, list[str]]] = {
    "run without end": (run_of(Told(), 10).add(*SEEN), ["stalled_workflow"]),
    "run completed": (run_of(Told(), 10, "workflow_completed").add(*SEEN), []),
    "run failed": (run_of(Told(), 10, "workflow_failed").add(*SEEN), []),
    "run completed too late": (run_of(Told(), 10, "workflow_completed", 1.1).add(*SEEN), ["stalled_workflow"]),
    "end known too late": (run_of(Told(), 10, "workflow_completed", late=9).add(*SEEN), ["stalled_workflow"]),
    "actor not seen again": (run_of(Told(), 10), []),
    "another actor seen": (run_of(Told(), 10).add(*SEEN, actor=2), []),
    "actor back much later": (run_of(Told(), 10).add(30, "report_viewed"), []),
    "feature tried once": (feature_of(20), ["abandoned_feature"]),
    "feature used again": (feature_of(20, again=50), []),
    "account hardly active": (feature_of(5), []),
    "old habit": (Told().active(0, 40).add(5, "feature_used", feature="pivot"), []),
    "usual onboarding": (onboarded((1, SETUP), (2, CONNECTED), (4, REPORT)), []),
    "unconnected": (onboarded((1, SETUP), (4, REPORT)), ["onboarding_other_path"]),
    "other order": (onboarded((1, SETUP), (2, REPORT), (3, CONNECTED)), ["onboarding_other_path"]),
    "other value": (onboarded((1, SETUP), (2, "import_completed")), ["onboarding_other_path"]),
    "given up": (onboarded((1, SETUP), (2, CONNECTED)), ["onboarding_failed"]),
    "slow but there": (onboarded((1, SETUP), (28, "page_viewed")), []),
    "set up once more": (onboarded((20, SETUP)), []),
    "failing twice a week": (failing(30, 31, 40, 41), []),
    "failing often": (failing(10, 11, 12, 13, 30, 31, 50, 51, 52), ["repeated_failure", "repeated_failure"]),
}


@pytest.fixture(scope="module")
def all_found() -> pd.DataFrame:
    return found({name: told for name, (told, _) in CASES.items()})


@pytest.mark.parametrize("name", CASES)
def test_a_way_is_told_as_what_it_was(all_found: pd.DataFrame, name: str) -> None:
    own = all_found[all_found["account_id"] == name]
    assert own["journey_kind"].tolist() == CASES[name][1]


def test_a_stall_is_known_when_its_actor_is_seen_again_and_points_at_its_start(all_found: pd.DataFrame) -> None:
    (row,) = all_found[all_found["account_id"] == "run without end"].to_dict("records")
    assert (row["event_date"], row["known_date"]) == (START + timedelta(days=13),) * 2
    assert (row["pointers"], row["journey_subject"]) == ("staging/events:0/0", "sharing")
    assert (row["occurrence_count"], row["person_count"]) == (1, 1)


def test_repeated_failure_is_told_once_until_its_days_have_passed(all_found: pd.DataFrame) -> None:
    rows = all_found[all_found["account_id"] == "failing often"]
    assert rows["event_date"].tolist() == [START + timedelta(days=d) for d in (12, 52)]
    assert rows["occurrence_count"].tolist() == [3, 3]
    assert rows["person_count"].tolist() == [2, 2]
    assert len(rows["pointers"].iloc[0].split()) == 3


def test_nothing_is_judged_before_its_time_and_late_events_change_no_row_known_before(all_found: pd.DataFrame) -> None:
    late = {name: Told() for name in CASES}
    for name, (told, _) in CASES.items():
        late[name].events = list(told.events)
    late["run without end"].add(10.1, "workflow_completed", late=30, workflow="sharing", workflow_id="r10")
    late["feature tried once"].add(45, "feature_used", late=60, feature="pivot")
    late["failing often"].add(9, "workflow_failed", late=45, workflow="sharing", actor=2)
    then = found(late, until=80)
    before = all_found[all_found["event_date"] < START + timedelta(days=80)]
    told = ["account_id", "journey_kind", "event_date", "known_date", "occurrence_count"]
    assert then[told].values.tolist() == before[told].values.tolist()
    assert 0 < len(before) <= len(all_found)
