"""A finding opens once confirmed, keeps its identity, and is over after a week without it."""

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.contracts.tables import QUALITY_FINDINGS
from uam_platform.lake.io_manager import as_table
from uam_platform.quality.findings import findings
from uam_platform.quality.missing_tellings import HIT
from uam_platform_tests.judged import verdicts
from uam_platform_tests.quality.cases import POLICY, day

WAIT = POLICY.findings.resolved_after_days
FACTS = {"twin": "workflow_runs", "runs": 80, "people": 20, "usual_ratio": 0.05, "renamed_to": "", "renamed": 0}


def hit(number: int, part: str = "5.1.0", **said) -> dict:
    return {
        "as_of": day(number), "finding_kind": "front_end_drift", "source": "", "finding_subject": "workflow_started",
        "finding_part": part, "since_date": day(number - 3), "affected_count": 40, "size_ratio": 0.5, "severity": "serious",
        "is_clear": True, "facts": FACTS,
    } | said  # fmt: skip


def found(*hits: dict, last: int = 60) -> pd.DataFrame:
    return findings(
        pd.DataFrame(hits, columns=HIT),
        day(last),
        POLICY,
        "data-platform",
        {"workflow_started": ["sequence S1", "health"]},
    )


def test_one_day_alone_is_no_finding() -> None:
    assert found(hit(10), hit(13)).empty


def test_it_opens_on_the_confirming_day_and_holds_since_the_event_day() -> None:
    row = found(hit(10), hit(11), hit(12), last=14).iloc[0]
    assert (row["since_date"], row["first_seen_date"], row["last_seen_date"]) == (day(7), day(11), day(12))
    assert pd.isna(row["resolved_date"])
    assert row["consumers"] == "health, sequence S1"
    assert "5.1.0" in row["finding_text"]


def test_it_is_over_after_a_week_without_and_a_return_is_a_new_finding_of_the_same_fingerprint() -> None:
    frame = found(hit(10), hit(11), hit(11 + WAIT), hit(12 + WAIT), last=14 + WAIT)
    assert list(frame["resolved_date"].isna()) == [False, True]
    assert frame["resolved_date"].iloc[0] == day(11 + WAIT)
    assert frame["fingerprint"].nunique() == 1
    assert frame["finding_id"].nunique() == 2


def test_a_short_silence_ends_nothing() -> None:
    assert len(found(hit(10), hit(11), hit(11 + WAIT - 1), last=12 + WAIT)) == 1


def test_what_is_no_longer_clear_keeps_a_finding_open_and_opens_none() -> None:
    faint = [hit(n, is_clear=False) for n in range(12, 12 + 2 * WAIT)]
    assert found(*faint).empty
    assert found(hit(10), hit(11), *faint, last=12 + 2 * WAIT)["resolved_date"].isna().all()
    assert list(found(hit(8, is_clear=False), hit(10), hit(11), last=12)["since_date"]) == [day(7)]


def test_other_parts_are_other_findings() -> None:
    assert found(*(hit(n, part) for part in ("5.1.0", "5.2.0") for n in (10, 11)))["fingerprint"].nunique() == 2


def test_rows_keep_the_contract() -> None:
    frame = found(hit(10), hit(11), hit(30), hit(31))
    assert verdicts(as_table(frame, QUALITY_FINDINGS), QUALITY_FINDINGS)[""].is_valid


@settings(max_examples=25, deadline=None)
@given(st.sets(st.integers(0, 60), min_size=1), st.integers(0, 60))
def test_a_day_adds_to_what_was_told_and_never_takes_back(days: set[int], cut: int) -> None:
    early = [hit(n) for n in sorted(days) if n <= cut]
    before = found(*early, last=cut)
    after = found(*(hit(n) for n in sorted(days)), last=60)
    assert set(before["finding_id"]) <= set(after["finding_id"])
    told = after.set_index("finding_id").loc[before["finding_id"]]
    assert list(told["first_seen_date"]) == list(before["first_seen_date"])
    over = before["resolved_date"].notna().to_numpy()
    assert list(told["resolved_date"][over]) == list(before["resolved_date"][over])
