"""Laws of paging: whatever the page size, nothing is lost, nothing doubled, and it ends."""

from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.simulation.sandbox import s3_listing, zendesk_export
from uam_platform.simulation.sandbox.s3_listing import ListRequest
from uam_platform.simulation.sandbox.segment_archive import ArchivedObject, SegmentArchive
from uam_platform.simulation.sandbox.zendesk_export import Export, Position

NOW = 1_000
WITHHELD_FROM = NOW - zendesk_export.WITHHELD_SECONDS
rows = st.lists(st.tuples(st.integers(930, 945), st.integers(1, 500)), unique_by=lambda row: row[1], max_size=40)
keys = st.sets(st.text("ab/", min_size=1, max_size=6), max_size=25)


def export(positions: list[Position]) -> Export[Position]:
    return Export(positions, lambda row: row, NOW)


@settings(derandomize=True, max_examples=150)
@given(rows, st.integers(1, 7), st.integers(925, 940))
def test_a_cursor_export_gives_each_visible_row_once_in_order(rows: list[Position], size: int, start: int) -> None:
    page = export(rows).from_start(start, size)
    found = list(page.items)
    while not page.is_end:
        assert page.after is not None
        page = export(rows).after(zendesk_export.decode(zendesk_export.encode(page.after)), size)
        found += page.items
    assert found == sorted(row for row in rows if start <= row[0] < WITHHELD_FROM)


@settings(derandomize=True, max_examples=150)
@given(rows, st.integers(1, 7), st.integers(925, 940))
def test_a_time_export_reaches_every_visible_row_and_ends(rows: list[Position], size: int, start: int) -> None:
    served = export(rows)
    page = served.in_time(start, size)
    found = set(page.items)
    for _ in range(60):
        if page.is_end:
            break
        page = served.in_time(page.next_start, size)
        found |= set(page.items)
    assert page.is_end
    assert found == {row for row in rows if start <= row[0] < WITHHELD_FROM}


@settings(derandomize=True, max_examples=200)
@given(keys, st.text("ab/", max_size=3), st.sampled_from(["", "/"]), st.integers(1, 5))
def test_a_listing_in_small_pages_equals_the_listing_in_one(
    keys: set[str], prefix: str, delimiter: str, max_keys: int
) -> None:
    stamp = datetime(2025, 1, 7, tzinfo=UTC)
    archive = SegmentArchive(Path("unused"), [ArchivedObject(key, 1, "e", 1, stamp) for key in keys])
    matching = sorted(key for key in keys if key.startswith(prefix))
    cuts = {key: key[len(prefix) :].find(delimiter) if delimiter else -1 for key in matching}
    folders = {prefix + key[len(prefix) :][: cut + 1] for key, cut in cuts.items() if cut >= 0}
    objects, prefixes, token = [], [], ""
    while True:
        page = s3_listing.page(archive, ListRequest(prefix, delimiter, token, "", max_keys))
        assert len(page.objects) + len(page.common_prefixes) <= max_keys
        objects += [item.key for item in page.objects]
        prefixes += page.common_prefixes
        if page.next_token is None:
            break
        token = page.next_token
    assert objects == [key for key in matching if cuts[key] < 0]
    assert prefixes == sorted(folders)
