"""The tables of completed sequences: the matches, and the rows each stands on.

Here: ids, pointers and known days. Not here: what completes a sequence (`sequences`).
"""

import hashlib
from typing import Final

import numpy as np
import pandas as pd

from uam_platform.behavior.sequences import NEVER, Found
from uam_platform.contracts.tables import SEQUENCE_MATCHES, SEQUENCE_STEPS
from uam_platform.policy.sequences import SequencePolicy

_DEPTH_TABLE: Final = "behavior/actor_days"
_IDS: Final = ("event_hi", "event_lo", "ticket_id", "occurred_us")
_TOLD: Final = ("event_hi", "event_lo", "ticket_id", "load_id", "row_no", "event_name", "event_date", "known_date")


def match_tables(found: list[Found], facts: pd.DataFrame, policy: SequencePolicy) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Matches and the rows they stand on.

    Args:
        found: completions; their rows are positions in `facts`.
        facts: rows of `sequence_facts.step_facts`.
        policy: the declared sequences.

    Returns:
        Rows of SEQUENCE_MATCHES and SEQUENCE_STEPS.
    """
    used = [
        (i, step, row)
        for i, f in enumerate(found)
        for step, rows in enumerate(f.seen.completion.rows, 1)
        for row in rows
    ]
    stands = pd.DataFrame(used, columns=["found_no", "step_no", "position"], dtype="int64")
    rows = facts.iloc[stands["position"]].reset_index(drop=True)
    rows["ticket_id"] = rows["ticket_id"].astype(object).where(rows["ticket_id"].notna(), None)
    ids = _match_ids(found, stands["found_no"], rows)
    steps = rows[["source_table", *_TOLD]].assign(
        match_id=[ids[n] for n in stands["found_no"]],
        step_no=stands["step_no"],
        occurred_at=_moment(rows["occurred_us"]),
    )
    conditions = _conditions(found, ids, policy)
    kept = pd.concat([steps, conditions], ignore_index=True) if len(conditions) else steps
    unique = kept.drop_duplicates([*SEQUENCE_STEPS.key], ignore_index=True)
    return _matches(found, ids, stands, rows, policy), unique[list(SEQUENCE_STEPS.column_names)]


def _matches(
    found: list[Found], ids: list[str], stands: pd.DataFrame, rows: pd.DataFrame, policy: SequencePolicy
) -> pd.DataFrame:
    first = rows.loc[~stands["found_no"].duplicated()].reset_index(drop=True)
    last = rows.loc[~stands["found_no"].duplicated(keep="last")].reset_index(drop=True)
    declared = [policy.sequences[f.sequence_name] for f in found]
    completed_at = _moment(pd.Series([f.seen.completion.completed_us for f in found], dtype="int64"))
    made = {
        "match_id": ids,
        "sequence_name": [f.sequence_name for f in found],
        "account_id": [f.account_id for f in found],
        "person_key": first["person_key"]
        .astype("Int64")
        .where(np.array([s.scope == "person" for s in declared], dtype=bool)),
        "started_at": _moment(first["occurred_us"]),
        "completed_at": completed_at,
        "completed_date": completed_at.dt.date,
        "known_date": [_date(f.seen.visible_from - 1) for f in found],
        "known_to_date": [_date(f.seen.visible_to - (f.seen.visible_to < NEVER)) for f in found],
        "step_count": [len(s.steps) for s in declared],
        **{name: last[name] for name in ("event_hi", "event_lo", "ticket_id")},
    }
    return pd.DataFrame(made, columns=list(SEQUENCE_MATCHES.column_names))


def _match_ids(found: list[Found], found_no: pd.Series, rows: pd.DataFrame) -> list[str]:
    """Stable however often the table is computed: the sequence and the ids of its rows."""
    texts = [f.sequence_name for f in found]
    for number, *values in zip(found_no.tolist(), *(map(str, rows[name].tolist()) for name in _IDS), strict=True):
        texts[number] += " " + " ".join(values)
    return [hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() for text in texts]


def _conditions(found: list[Found], ids: list[str], policy: SequencePolicy) -> pd.DataFrame:
    """The last steps that are no row but a comparison of many: they stand on the daily activity until then."""
    judged = [
        (match_id, len(policy.sequences[f.sequence_name].steps), f.seen.completion.completed_us)
        for match_id, f in zip(ids, found, strict=True)
        if policy.sequences[f.sequence_name].steps[-1].reduced_depth
    ]
    made = pd.DataFrame(judged, columns=["match_id", "step_no", "occurred_us"])
    moment = _moment(made.pop("occurred_us").astype("int64"))
    nothing = {"event_hi": pd.NA, "event_lo": pd.NA, "row_no": pd.NA}
    return made.assign(
        source_table=_DEPTH_TABLE,
        event_name="depth_reduced",
        occurred_at=moment,
        event_date=moment.dt.date,
        known_date=moment.dt.date,
        ticket_id=None,
        load_id=None,
        **{name: pd.Series(value, index=made.index, dtype="Int64") for name, value in nothing.items()},
    )


def _moment(us: pd.Series) -> pd.Series:
    return pd.to_datetime(us, unit="us").astype("datetime64[us]").reset_index(drop=True)


def _date(day: int) -> object:
    return np.datetime64(day, "D").astype(object)
