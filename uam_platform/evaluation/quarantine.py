"""Are spoiled records and unknown names set aside, each with its reason, and nothing else?

Here: planted defects and renamed events against the run's quarantine and unknown events, with Wilson's intervals. Not here: repeats
(`deduplication`), how truth and run are joined (`planted`).

The worlds spoil deliveries in seven ways, and front ends that drift send names that no taxonomy knows. Device clocks may make further
impossible times; those are no planted defects, and count as false here.
"""

from collections.abc import Iterator
from typing import Final

import pandas as pd

from uam_platform.contracts.tables import QUARANTINE, UNKNOWN_EVENTS
from uam_platform.evaluation.planted import READABLE_DEFECTS, SOURCE, event_id
from uam_platform.evaluation.results import Row, rate_parts, ratio
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.truth import Truth
from uam_platform.quality.intervals import wilson

REASON_OF: Final = {
    "truncated": "truncated",
    "not_json": "not_json",
    "missing_event": "missing_event_name",
    "missing_ids": "missing_actor",
    "bad_timestamp": "unreadable_time",
    "far_future": "impossible_time",
}
"""Quarantine reason that each planted defect should be set aside with."""


def quarantine_rows(run: RunFolder, truth: Truth) -> list[Row]:
    """Recall by planted defect and of unknown names, and what was set aside without a defect; needs the tables of `planted.plant`."""
    kept, reasons = _planted_defects(run, truth), _reasons(run)
    rows = [
        _defect(str(defect), int(planted), int(kept_out), reasons)
        for defect, planted, kept_out in zip(kept["defect"], kept["planted"], kept["kept_out"], strict=True)
    ]
    return [*rows, *_unknown_names(run, truth), *_false(kept, reasons, run)]


def rate(metric: str, hits: int, trials: int, note: str, target: str = "") -> Row:
    """A share with Wilson's 95 % interval, poolable over worlds."""
    low, high = (float(bound) for bound in wilson(hits, trials)) if trials else (None, None)
    return Row(metric, ratio(hits, trials), low, high, note=note, target=target, parts=rate_parts(hits, trials))


def _defect(defect: str, planted: int, kept_out: int, reasons: dict[str, int]) -> Row:
    if defect in READABLE_DEFECTS:
        note = f"{planted - kept_out:,} of {planted:,} accepted: readable, but the identifier is another one"
        return rate(f"kept out: {defect}", kept_out, planted, note)
    reason = REASON_OF.get(defect, "")
    note = f"{kept_out:,} of {planted:,} kept out of events; {reasons.get(reason, 0):,} records set aside as {reason or 'nothing'}"
    return rate(f"kept out: {defect}", kept_out, planted, note, target="1")


def _unknown_names(run: RunFolder, truth: Truth) -> Iterator[Row]:
    """Events that a drifted front end sent under a name that nobody had agreed on: kept for review, not dropped and not taken."""
    if not (truth.has("drift") and truth.has_company("deliveries/*")):
        return
    high, low = event_id("message_id")
    unknown = run.view(UNKNOWN_EVENTS, ("event_hi", "event_lo"))
    readable = ", ".join(f"'{name}'" for name in READABLE_DEFECTS)
    planted, aside, taken = run.query(f"""
        WITH sent AS (
            SELECT DISTINCT {high} AS event_hi, {low} AS event_lo FROM read_parquet('{truth.company_path("deliveries/*")}')
            WHERE (defect IS NULL OR defect IN ({readable}))
                AND event IN (SELECT renamed_to FROM read_parquet('{truth.path("drift")}') WHERE renamed_to IS NOT NULL)
        )
        SELECT count(*), count(*) FILTER ((event_lo, event_hi) IN (SELECT (event_lo, event_hi) FROM {unknown})),
            count(*) FILTER ((event_lo, event_hi) IN (SELECT (event_lo, event_hi) FROM stored))
        FROM sent
    """).iloc[0]
    note = f"{int(aside):,} of {int(planted):,} events of drifted front ends wait for review; {int(taken):,} were taken under a known name"
    yield rate("set aside: unknown names", int(aside), int(planted), note)


def _false(kept: pd.DataFrame, reasons: dict[str, int], run: RunFolder) -> Iterator[Row]:
    """What was set aside beyond the planted defects: by reason, the records above the number of spoiled deliveries."""
    expected = dict(zip(kept["defect"].astype(str), kept["deliveries"].astype(int), strict=True))
    surplus = sum(max(0, n - expected.get(_defect_of(reason), 0)) for reason, n in reasons.items())
    sound = int(run.query("SELECT coalesce(sum(first_count), 0)::BIGINT AS n FROM planted")["n"].iloc[0])
    note = (
        f"of {sum(reasons.values()):,} quarantined deliveries, by reason; device clocks may make more impossible times"
    )
    yield Row("quarantined without a planted defect", surplus, unit="count", note=note, target="0")
    yield rate("false quarantines", surplus, sound, f"{surplus:,} of {sound:,} sound deliveries were set aside")


def _defect_of(reason: str) -> str:
    return next((defect for defect, name in REASON_OF.items() if name == reason), "")


def _planted_defects(run: RunFolder, truth: Truth) -> pd.DataFrame:
    """Per kind of defect: all spoiled deliveries, messages with no other copy (planted), and those of them in no event table."""
    high, low = event_id("message_id")
    return run.query(f"""
        WITH spoiled AS (
            SELECT defect, {high} AS event_hi, {low} AS event_lo
            FROM read_parquet('{truth.path("deliveries")}') WHERE defect IS NOT NULL
        )
        SELECT defect, count(*) AS deliveries, count(*) FILTER (delivery_count = 1) AS planted,
            count(*) FILTER (delivery_count = 1 AND stored_count = 0) AS kept_out
        FROM spoiled JOIN planted USING (event_lo, event_hi) GROUP BY defect ORDER BY defect
    """)


def _reasons(run: RunFolder) -> dict[str, int]:
    name = run.view(QUARANTINE)
    found = run.query(f"""
        SELECT reason, count(*) AS n FROM {name} WHERE source = '{SOURCE}' AND source_object = 'delivery' GROUP BY 1 ORDER BY 1
    """)
    return dict(zip(found["reason"].astype(str), found["n"].astype(int), strict=True))
