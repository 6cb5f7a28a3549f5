"""The timeline of an account: every table's lines in order, each with its rows, nobody else's and nobody's name."""

from datetime import date, datetime

import pytest

from uam_platform.contracts import tables
from uam_platform.contracts.model import Contract
from uam_platform.lake.engine import connect
from uam_platform.lake.store import Lake
from uam_platform.timeline import timeline
from uam_platform.timeline_lines import Line, Store
from uam_platform.timeline_page import page
from uam_platform_tests.behavior.company import FOREVER, Row, table, us

BEGINNING = date(2020, 1, 1)
ALWAYS = {
    "valid_from_date": BEGINNING,
    "valid_to_date": FOREVER,
    "known_from_date": BEGINNING,
    "known_to_date": FOREVER,
}
NOON = datetime(2025, 3, 1, 12)  # noqa: DTZ001 - lake timestamps are naive UTC


def at(day: int) -> datetime:
    return NOON.replace(day=day)


def event(number: int, day: int, name: str, marker: str, workspace: int = 9) -> Row:
    facts = {"source": "files", "key_basis": "vendor_id", "known_us": us(at(day)), "is_known_at_imputed": False}
    who = {"actor_key": 1, "actor_kind": "user", "device_key": 0, "email_key": 0, "workspace_key": workspace}
    what = {"event_kind": "track", "event_name": name, "event_name_source": name, "marker": marker, "side": "client"}
    when = {"occurred_at": at(day), "occurred_us": us(at(day)), "known_at": at(day), "time_confidence": "exact"}
    ids = {"event_hi": number, "event_lo": 7, "load_id": "l1", "row_no": number, "is_core": False, "feature_bits": 0}
    return {**facts, **who, **what, **when, **ids, "event_date": at(day).date(), "known_date": at(day).date()}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    lake, connection = Lake(tmp_path_factory.mktemp("lake")), connect()

    def publish(contract: Contract, *rows: Row, keys: list[str] | None = None) -> None:
        lake.publish(connection, contract, table(contract, list(rows)), keys)

    owned = ({"workspace_key": w, "account_id": a, **ALWAYS} for w, a in ((9, "x"), (8, "y")))
    publish(tables.HIERARCHY, *owned)
    publish(
        tables.PEOPLE, {"identifier_key": 1, "identifier_kind": "user", "person_key": 5, "evidence": "self", **ALWAYS}
    )
    publish(
        tables.EVENTS,
        event(1, 2, "report_generated", "value"),
        event(2, 2, "report_generated", "value"),
        keys=["2025-03-02"],
    )
    publish(
        tables.EVENTS,
        event(3, 4, "sync_failed", "friction"),
        event(4, 4, "sync_failed", "friction", 8),
        keys=["2025-03-04"],
    )
    match = {
        "sequence_name": "own_chain",
        "account_id": "x",
        "started_at": at(2),
        "completed_at": at(4),
        "step_count": 2,
    }
    known = {"completed_date": date(2025, 3, 4), "known_date": date(2025, 3, 4)}
    publish(
        tables.SEQUENCE_MATCHES,
        {**match, **known, "match_id": "m1", "known_to_date": FOREVER},
        {**match, **known, "match_id": "m0", "known_to_date": date(2025, 3, 5)},
    )
    origin = {"source": "releases", "load_id": "l1", "row_no": 0, "known_date": date(2025, 3, 1)}
    release = {**origin, "title": "Search", "release_kind": "feature", "release_version": "v1"}
    publish(
        tables.RELEASES,
        *({**release, "release_id": f"r{n}", "flag_key": flag, "released_at": at(10 + n), "known_at": at(10 + n)}
          for n, flag in enumerate((None, "wave", "unseen"))),
    )  # fmt: skip
    exposure = {
        **origin,
        "flag_kind": "staged_rollout",
        "variant": "on",
        "flag_key": "wave",
        "actor_key": 0,
        "known_at": at(12),
    }
    publish(
        tables.FLAG_EXPOSURES,
        *({**exposure, "exposure_id": f"e{n}", "workspace_id_source": f"w{n}", "workspace_key": w, "exposed_at": at(12 + n)}
          for n, w in enumerate((9, 9, 8))),
    )  # fmt: skip
    publish(
        tables.ANNOUNCEMENTS,
        *({**origin, "announcement_id": f"a{n}", "announced_kind": "shutdown", "title": "Break", "account_id": account,
           "industry": industry, "starts_at": at(20 + n), "ends_at": at(25), "known_at": at(1)}
          for n, (account, industry) in enumerate((("x", None), ("y", None), (None, "Media"), (None, None)))),
    )  # fmt: skip
    for day, probability, risk, new in ((3, 0.02, 100_00, 0), (10, 0.02, 100_00, 0), (17, 0.08, 400_00, 1)):
        key = date(2025, 2, day)
        score = {"account_id": "x", "as_of": key, "churn_probability": probability, "baseline_probability": 0.01}
        money = {"tier": "growth", "arr_usd_cents": 5_000_00, "mrr_usd_cents": 0, "revenue_at_risk_usd_cents": risk}
        publish(tables.REVENUE_AT_RISK, {**score, **money, "expected_saved_usd_cents": 0}, keys=[str(key)])
        if day > 3:
            before = {"previous_as_of": date(2025, 2, day - 7), "previous_churn_probability": 0.02}
            told = {
                "is_same_model": True,
                "new_reason_count": new,
                "gone_reason_count": 0,
                "change_text": f"told of {key}",
            }
            publish(tables.SCORE_CHANGES, {**score, **before, **told}, keys=[str(key)])
    return Store(lake, connection, None)


def test_lines_are_in_order_each_with_its_rows(store: Store) -> None:
    lines = timeline(store, "x", date(2025, 3, 1), date(2025, 3, 8))
    assert [(x.kind, x.count, x.pointer) for x in lines] == [
        ("value", 2, "staging/events event_date=2025-03-02 marker=value"),
        ("friction", 1, "staging/events event_date=2025-03-04 marker=friction"),
        ("sequence", 1, "behavior/sequence_steps match_id=m1"),
    ]
    assert lines[0].text == "2 by at least 1 person: report_generated 2"


def test_days_outside_and_other_accounts_are_left_out(store: Store) -> None:
    assert [x.kind for x in timeline(store, "x", date(2025, 3, 1), date(2025, 3, 3))] == ["value"]
    assert [x.count for x in timeline(store, "y", date(2025, 3, 1), date(2025, 3, 8))] == [1]


def test_releases_flags_and_announcements_that_concern_the_account_are_told(store: Store) -> None:
    lines = timeline(store, "x", date(2025, 3, 9), date(2025, 3, 31))
    assert [(x.kind, x.text) for x in lines] == [
        ("release", "v1 Search (feature)"),
        ("release", "v1 Search (feature, behind flag wave)"),
        ("flag", "wave: on (staged rollout, 2 workspaces)"),
        ("announced", "shutdown until 2025-03-25: Break"),
        ("announced", "shutdown until 2025-03-25: Break"),
    ]
    assert [x.pointer.split()[-1] for x in lines] == [
        "release_id=r0",
        "release_id=r1",
        "exposure_id=e0",
        "announcement_id=a0",
        "announcement_id=a3",
    ]


def test_weeks_in_which_the_score_changed_are_told_with_reasons_and_dollars_and_quiet_weeks_are_not(
    store: Store,
) -> None:
    (line,) = timeline(store, "x", date(2025, 2, 1), date(2025, 2, 28))
    assert (line.kind, line.at) == ("change", datetime(2025, 2, 17, 6))  # noqa: DTZ001 - lake timestamps are naive UTC
    assert line.text == "Churn score told of 2025-02-17. Revenue at risk $100 to $400 (+$300)."
    assert line.pointer.startswith("churn/score_changes: account_id=x, as_of=2025-02-17; kpis/revenue_at_risk: ")


def test_an_unknown_account_is_named_in_the_message(store: Store) -> None:
    with pytest.raises(ValueError, match="'nobody'"):
        timeline(store, "nobody", date(2025, 3, 1), date(2025, 3, 31))


def test_the_page_escapes_what_it_shows() -> None:
    shown = page("<x>", [Line(NOON, "ticket", "<script>", "rows")])
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
