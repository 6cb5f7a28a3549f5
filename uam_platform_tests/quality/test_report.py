"""The daily report shows what is open, and its owner is told of each finding once and once more when it is over."""

from datetime import timedelta
from pathlib import Path

import pandas as pd

from uam_platform.contracts.tables import CLIENT_SERVER_DAYS, DAILY_PROFILES, QUALITY_FINDINGS
from uam_platform.lake.io_manager import as_table
from uam_platform.playbooks.deliver import deliver_outbox
from uam_platform.playbooks.slack import SlackDestination
from uam_platform.policy.load import load_section
from uam_platform.policy.taxonomy import Taxonomy
from uam_platform.quality.assets import event_days, snapshot_days, tell, write_report
from uam_platform.quality.client_server import client_server_days
from uam_platform.quality.findings import findings
from uam_platform.quality.missing_tellings import HIT
from uam_platform.quality.news import news
from uam_platform.quality.page import plots_of, render
from uam_platform.quality.report import build
from uam_platform_tests.ledger.findings import PLAYBOOKS, new_ledger
from uam_platform_tests.orchestration.wired import wired
from uam_platform_tests.playbooks.fake_slack import FakeSlack
from uam_platform_tests.quality.cases import POLICY, day
from uam_platform_tests.quality.test_findings import FACTS, hit
from uam_platform_tests.quality.test_missing_tellings import runs
from uam_platform_tests.quality.test_odd_days import profile, volumes

LAST = 80


def found(*days: int, last: int = LAST, part: str = "5.1.0") -> pd.DataFrame:
    return findings(pd.DataFrame([hit(n, part) for n in days], columns=HIT), day(last), POLICY, "data-platform", {})


def tables(open_days: tuple[int, ...] = (78, 79, 80)) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    unseen = runs(lambda number, person: 1.0, people=3, days=77).assign(browser="unknown", context_basis="unseen")
    seen = runs(lambda number, person: 0.5 if person % 2 else 0.01, days=77)
    told = client_server_days(pd.concat([seen, unseen], ignore_index=True))
    told["event_date"] = pd.to_datetime(told["event_date"]).dt.date
    return found(*open_days), told, pd.DataFrame([*volumes({}), profile(79, "missing", "a_b.workflow", 10, 5)])


def test_the_page_shows_findings_browsers_with_intervals_and_sources_with_what_was_expected() -> None:
    frames = tables()
    report = build(day(LAST), *frames, POLICY, "data-platform")
    assert [row["browser"] for row in report.browsers] == ["chrome", "firefox", "nobody's client seen"]
    firefox = report.browsers[1]
    assert firefox["low"] < firefox["ratio"] < firefox["high"]
    assert 0.4 < firefox["ratio"] < 0.6
    (source,) = report.sources
    assert (source["last"], source["age"]) == (day(79).isoformat(), 1)
    plots = plots_of(report, *frames[1:], POLICY.daily)
    assert len(plots) == 4
    page = render(report, [])
    for words in ("Front-end drift", "5.1.0", "data-platform", "nothing declared", "firefox"):
        assert words in page


def test_an_empty_company_has_a_report_too() -> None:
    empty = [pd.DataFrame(columns=list(c.column_names)) for c in (QUALITY_FINDINGS, CLIENT_SERVER_DAYS, DAILY_PROFILES)]
    report = build(day(LAST), *empty, POLICY, "data-platform")
    assert plots_of(report, *empty[1:], POLICY.daily) == {}
    assert "Nothing stands out" in render(report, [])


def told_of(frame: pd.DataFrame, told: set[str], last: int = LAST) -> list[str]:
    return [n.occasion for n in news(frame, day(last), "there", told.__contains__, POLICY)]


def test_an_opening_is_news_until_it_was_told_and_its_end_only_if_the_opening_was() -> None:
    frame = found(78, 79, 80)
    (opening,) = told_of(frame, set())
    assert opening.endswith(" opened")
    assert told_of(frame, {opening}) == []
    over = found(78, 79, 80, last=88)
    assert told_of(over, set(), last=88) == []
    assert told_of(over, {opening}, last=88) == [opening.replace("opened", "resolved")]
    assert told_of(over, {opening, opening.replace("opened", "resolved")}, last=88) == []


def test_an_old_finding_is_no_news_and_a_flood_is_told_in_portions() -> None:
    long_ago = tuple(range(40, LAST + 1))
    assert told_of(found(*long_ago), set()) == []
    many = pd.concat([found(78, 79, part=f"5.{n}.0") for n in range(POLICY.told_per_day + 3)])
    first = told_of(many, set())
    assert len(first) == POLICY.told_per_day
    assert len(told_of(many, set(first))) == 3


def test_a_finding_arrives_in_the_channel_of_the_duty_once(tmp_path: Path) -> None:
    wiring = wired(tmp_path, now=f"{day(LAST)}T08:00:00")
    warehouse, ledger = _warehouse(tmp_path, wiring), new_ledger(tmp_path)
    _, path, _ = write_report(warehouse, wiring)
    assert path.read_text().count("Front-end drift") == 1
    assert [tell(warehouse, ledger, path, wiring) for _ in range(2)] == [1, 0]
    slack, now = FakeSlack(["500_after_commit"]), wiring.settings.clock()
    deliver_outbox(
        ledger, {"slack": SlackDestination(slack)}, lambda: now, 9, False, lambda s: None, PLAYBOOKS.delivery
    )
    assert list(slack.commits.values()) == [1]
    assert slack.messages[0]["channel"] == POLICY.channel
    assert "front-end drift, workflow_started, 5.1.0" in slack.messages[0]["blocks"][0]["text"]["text"]
    assert str(tmp_path) not in str(slack.messages)


def _warehouse(folder: Path, wiring: object) -> object:
    from uam_platform.lake.resource import Warehouse

    warehouse = Warehouse(data_dir=str(wiring.settings.data_dir))  # type: ignore[attr-defined]
    for contract, frame in zip((QUALITY_FINDINGS, CLIENT_SERVER_DAYS, DAILY_PROFILES), tables(), strict=True):
        warehouse.lake.publish(warehouse.connection, contract, as_table(frame, contract))
    return warehouse


def test_days_looked_at_end_before_the_snapshot_and_begin_where_the_policy_says() -> None:
    stored = [(day(0) + timedelta(days=n)).isoformat() for n in range(10)]
    assert event_days(stored, day(5), 3) == stored[2:5]
    assert snapshot_days(stored[2:5], day(5)) == [day(3), day(4), day(5)]
    assert snapshot_days([], day(5)) == []


def test_a_browser_that_blocks_is_told_with_the_people_it_hides() -> None:
    blocked = hit(
        79, "firefox", finding_kind="blocked_tracking", finding_subject="", facts=FACTS | {"silent_people": 7}
    )
    rows = pd.DataFrame([blocked, blocked | {"as_of": day(80)}], columns=HIT)
    text = findings(rows, day(80), POLICY, "data-platform", {})["finding_text"].iloc[0]
    assert "In firefox, clients did not tell of 50.0% of the 80 runs" in text
    assert "of 7 of 20 people" in text


def test_the_shipped_twins_are_events_of_the_shipped_taxonomy() -> None:
    assert POLICY.unknown_events(load_section(Taxonomy, "taxonomy")) == []
    assert POLICY.unknown_events(load_section(Taxonomy, "taxonomy").model_copy(update={"events": {}})) != []
