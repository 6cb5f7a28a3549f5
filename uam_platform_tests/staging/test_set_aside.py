"""What was set aside is counted by reason, and each record is shown redacted with the rule that refused it."""

import re
from pathlib import Path

import ibis
import pytest

from uam_platform.contracts import tables
from uam_platform.lake.engine import connect, empty
from uam_platform.lake.loads import LoadManifest
from uam_platform.lake.store import Lake
from uam_platform.staging.intake import take_in
from uam_platform.staging.refusals import REFUSALS, refusal
from uam_platform.staging.set_aside import HIDDEN, examples, explain, groups, hidden
from uam_platform_tests.staging.landed import POLICY, delivery, land, manifest_in

CONNECTION = connect()
STAGING = Path(__file__).parents[2] / "uam_platform" / "staging"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, LoadManifest]:
    folder = tmp_path_factory.mktemp("aside")
    manifest, made = manifest_in(folder), Lake(folder / "lake")
    broken = delivery(parse_error="not_json", raw_line='{"mail": ann@example.com', email="ann@example.com")
    for rows in ([delivery(), broken, delivery(event_name=None, workflow="call +49 30 1234567")], [broken]):
        take_in(CONNECTION, made, manifest, land(manifest, rows), POLICY)
    unknown = empty(tables.UNKNOWN_EVENTS).schema()
    row = {"source": "segment", "load_id": manifest.loads()[0].load_id, "row_no": 0, "reason": "unknown_name",
           "event_name_source": "Oops", "event_date": "2025-01-06", "event_hi": 1, "event_lo": 2,
           "side": "client", "workflow_id": None, "known_date": "2025-01-06"}  # fmt: skip
    made.publish(CONNECTION, tables.UNKNOWN_EVENTS, ibis.memtable([row], schema=unknown), ["2025-01-06"])
    return made, manifest


def test_rows_are_counted_by_reason_source_and_name_with_the_loads_they_came_in(
    lake: tuple[Lake, LoadManifest],
) -> None:
    found = groups(CONNECTION, *lake)
    assert [(g.reason, g.source, g.name, g.rows, g.loads) for g in found] == [
        ("not_json", "segment", "", 2, 2),
        ("missing_event_name", "segment", "", 1, 1),
        ("unknown_name", "segment", "Oops", 1, 1),
    ]
    assert groups(CONNECTION, *lake, reason="unknown_name", source="segment") == [found[2]]
    assert groups(CONNECTION, *lake, source="zendesk") == []


def test_a_record_is_shown_with_its_rule_its_place_and_without_what_names_a_person(
    lake: tuple[Lake, LoadManifest],
) -> None:
    made, manifest = lake
    (load_id, row_no), *_ = examples(CONNECTION, made, "missing_event_name", None)
    (one,) = explain(CONNECTION, made, manifest, load_id, row_no)
    assert (one.reason, one.row_no, one.contract_version) == ("missing_event_name", 2, tables.DELIVERIES.version)
    assert (manifest.root / one.file).is_file()
    assert one.raw["workflow"] == "call [phone]"
    (broken,) = explain(CONNECTION, made, manifest, load_id, 1)
    assert (broken.raw["email"], broken.raw["raw_line"]) == (HIDDEN, '{"mail": [email]')
    (unknown,) = explain(CONNECTION, made, manifest, load_id, 0)
    assert (unknown.reason, unknown.detail) == ("unknown_name", "Oops")


def test_a_row_or_load_that_is_not_set_aside_is_told_apart(lake: tuple[Lake, LoadManifest]) -> None:
    made, manifest = lake
    assert explain(CONNECTION, made, manifest, manifest.loads()[1].load_id, 7) == []
    with pytest.raises(ValueError, match="no load 'x'"):
        explain(CONNECTION, made, manifest, "x", 0)


def test_nested_fields_that_name_a_person_are_hidden_whole() -> None:
    payload = {"id": 7, "requester": {"full_name": "Ann Lee", "role": "admin"}, "tags": ["vip", "a@b.example"]}
    assert hidden("", payload) == {
        "id": 7,
        "requester": {"full_name": HIDDEN, "role": "admin"},
        "tags": ["vip", "[email]"],
    }


def test_every_reason_that_staging_gives_is_explained() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in STAGING.glob("*.py"))
    given = set(re.findall(r"RecordError\(\s*\"([a-z_]+)\"", code)) | set(re.findall(r"THEN '([a-z_]+)'", code))
    given |= set(
        re.findall(r"^(?:MISSING|UNREADABLE|IMPOSSIBLE|WRONG|UNKNOWN|REJECTED)\w*: Final = \"(\w+)\"", code, re.M)
    )
    given -= {"content", "anonymous", "server", "clamped", "skew_repaired", "day_only"}
    assert len(given) > 15
    assert given <= set(REFUSALS)
    assert "cut file" in refusal("cut_file").rule
