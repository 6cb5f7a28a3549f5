"""Side tables of a mapping, and CSV files without a header line: what they translate, and mistakes told with file and key."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from uam_platform.connectors import files
from uam_platform.connectors.errors import PermanentError
from uam_platform.lake.loads import DELIVERIES, LoadManifest
from uam_platform_tests.connectors.fakes import NOW, quiet, rows

NAMED: dict[str, Any] = {"column": "type", "lookup": {"path": "types.csv", "key": "id", "value": "name"}}


def landed(folder: Path, event_name: dict[str, Any], **table: Any) -> list[str | None]:
    """Event names of the landed rows of usage.csv."""
    events = {
        "name": "usage", "target": "events", "path": "usage.csv", "time": {"column": "at"}, "row_id": "line",
        "columns": {"event_name": event_name, "user_id": "who"}, **table,
    }  # fmt: skip
    company, label = {"name": "A", "product_type": "reporting"}, {"kind": "inactivity", "horizon_days": 90}
    mapping = folder / "mapping.yaml"
    mapping.write_text(yaml.safe_dump({"company": company, "label": label, "id_space": "a", "tables": [events]}))
    manifest = LoadManifest(folder / "raw")
    load = files.land(
        files.FilesSource(mapping, {}, threads=1), manifest, manifest.next_id(files.NAME, NOW), NOW, quiet
    )
    return [row["event_name"] for row in rows(manifest, load, DELIVERIES)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "usage.csv").write_text("who,type,at\nu1,1,2025-01-06\nu1,2,2025-01-07\nu1,,2025-01-08\n")
    (tmp_path / "types.csv").write_text("id,name\n1,report_made\n1,report_made\n3,\n")
    return tmp_path


def test_values_are_translated_and_those_without_a_translation_stay(folder: Path) -> None:
    assert landed(folder, NAMED) == ["report_made", "2", None]


def test_values_without_a_translation_become_the_default(folder: Path) -> None:
    assert landed(folder, {**NAMED, "default": "other"}) == ["report_made", "other", "other"]


@pytest.mark.parametrize(
    ("content", "lookup", "words"),
    [
        ("id,name\n1,a\n1,b\n", {}, "id '1' stands for more than one name"),
        ("id,name\n1,a\n", {"value": "title"}, "no column 'title'"),
        ("id,name\n1,a\n", {"path": "other.csv"}, "no file matches"),
        ("id,name\n1,a\n", {"path": "*.csv"}, "a lookup is one file"),
    ],
    ids=["key twice", "no such column", "no such file", "several files"],
)
def test_a_mistake_in_a_side_table_is_told_with_its_key(
    folder: Path, content: str, lookup: dict[str, str], words: str
) -> None:
    (folder / "types.csv").write_text(content)
    with pytest.raises(PermanentError, match=words) as failure:
        landed(folder, {**NAMED, "lookup": {**NAMED["lookup"], **lookup}})
    assert "tables.usage.columns.event_name.lookup" in str(failure.value)


def test_a_lookup_needs_a_column_and_stands_in_place_of_map(folder: Path) -> None:
    with pytest.raises(PermanentError, match="in place of map"):
        landed(folder, {**NAMED, "map": {"1": "x"}})


def test_a_file_without_header_line_loses_no_line(folder: Path) -> None:
    (folder / "usage.csv").write_text("u1,1,2025-01-06\nu2,NULL,2025-01-07\n")
    options = {"columns": ["who", "type", "at"], "null_text": "NULL"}
    assert landed(folder, NAMED, options=options) == ["report_made", None]


def test_named_columns_must_be_as_many_as_the_file_has(folder: Path) -> None:
    with pytest.raises(PermanentError, match=r"3 values, options\.columns names 2"):
        landed(folder, {"column": "type"}, options={"columns": ["who", "type"]})
