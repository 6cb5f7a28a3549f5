"""Books of the loads: who is reconciled when."""

from pathlib import Path

from uam_platform.contracts.tables import DELIVERIES, DUPLICATES_LOG, EVENTS, REPEATED_KEYS, UNKNOWN_EVENTS
from uam_platform.lake.engine import connect
from uam_platform.lake.store import Lake
from uam_platform.policy.load import load_section
from uam_platform.policy.taxonomy import Taxonomy
from uam_platform.staging.balance import reconcile_open_loads
from uam_platform.staging.events import canonical_events
from uam_platform.staging.intake import delivery_keys_of, take_in
from uam_platform.staging.reconcile import imbalance
from uam_platform_tests.staging.landed import POLICY, delivery, land, manifest_in

CONNECTION = connect()
CLOSED, OPEN = "2025-01-06", "2025-01-07"


def compute(lake: Lake, days: list[str]) -> None:
    taxonomy = load_section(Taxonomy, "taxonomy")
    rows = lake.read(CONNECTION, DELIVERIES, delivery_keys_of(lake, days))
    found = canonical_events(rows, lake.read(CONNECTION, REPEATED_KEYS), taxonomy)
    lake.publish(CONNECTION, UNKNOWN_EVENTS, found.unknown_events, days)
    lake.publish(CONNECTION, DUPLICATES_LOG, found.duplicates_log, days)
    lake.publish(CONNECTION, EVENTS, found.events, days)


def test_a_load_with_events_of_the_open_day_is_reconciled_once_that_day_is_computed(tmp_path: Path) -> None:
    manifest, lake = manifest_in(tmp_path), Lake(tmp_path / "lake")
    today = {"original_text": None, "occurred_text": f"{OPEN}T01:00:00Z", "received_text": f"{OPEN}T01:00:01Z"}
    load = land(
        manifest, [delivery(), delivery(message_id="m2", **today), delivery(message_id="m3", parse_error="not_json")]
    )
    take_in(CONNECTION, lake, manifest, load, POLICY)
    compute(lake, [CLOSED])
    assert reconcile_open_loads(CONNECTION, lake, manifest).empty
    compute(lake, [OPEN])
    books = reconcile_open_loads(CONNECTION, lake, manifest)
    assert imbalance(books) == []
    (row,) = books.to_dict("records")
    assert (row["rows_in_count"], row["accepted_count"], row["quarantined_count"]) == (3, 2, 1)
    assert reconcile_open_loads(CONNECTION, lake, manifest).empty
