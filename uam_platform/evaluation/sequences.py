"""Does the run find the named sequences S1 to S4, and only these?

Here: true occurrences beside the run's table of matches, planted ones and decoys apart. Not here: what an occurrence is
(`sequence_automaton`, `sequence_reference`). What was never delivered nobody can find: it is counted apart and left out of recall.
"""

from collections.abc import Iterator
from typing import Final

import pandas as pd

from uam_platform.contracts.model import Contract
from uam_platform.contracts.tables import CONTRACTS
from uam_platform.evaluation.results import Row, Section
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.sequence_reference import S1, S2, S3, S4, SEQUENCES, Reference, reference
from uam_platform.evaluation.shares import share_row
from uam_platform.evaluation.truth import Truth

MATCH_COLUMNS: Final = ("sequence_name", "account_id", "known_to_date", "event_hi", "event_lo", "ticket_id")
"""Columns of `behavior/sequence_matches` that are read: the last step is an event (S1, S2) or a ticket (S3, S4)."""

_NAMES: Final = {
    "setup_to_report": S1,
    "pricing_to_limit": S2,
    "import_to_ticket": S3,
    "failure_to_depth_drop": S4,
}
"""Name in the shipped rulebook -> sequence of the requirements; own sequences have no reference."""

_TITLE: Final = "Sequences: S1 to S4 found as they were delivered"
_KEY: Final = ["sequence", "record"]
_LEEWAY_US: Final = 1_000_000


def contract_of(stage: str, name: str) -> Contract | None:
    """The contract of a table that a version of the platform may not have yet."""
    return next((c for c in CONTRACTS if c.stage == stage and c.name == name), None)


def section(run: RunFolder, truth: Truth, seed: int) -> Section:
    """Sequences; needs the tables of `planted.plant`."""
    found = reference(run, truth)
    matches, reason = _matches(run)
    rows = list(_occurrences(found))
    if matches is not None:
        rows += _compared(found, matches, _accounts(truth, found.delivered), seed)
    rows += _planted(run, truth, found, matches)
    note = "latest-prefix automaton over true events; unit: sequence, scope and record of the last step"
    return Section("sequences", _TITLE, tuple(rows), f"{note}. {reason}" if reason else note)


def _matches(run: RunFolder) -> tuple[pd.DataFrame | None, str]:
    """The run's matches as sequence, record, account_id; None and why where there are none."""
    contract = contract_of("behavior", "sequence_matches")
    if contract is None or not run.lake.files(contract):
        return None, "The run has no sequence matches yet."
    missing = [name for name in MATCH_COLUMNS if name not in contract.column_names]
    if missing:
        return None, f"The run's sequence matches lack {', '.join(missing)} and cannot be compared."
    names = " ".join(f"WHEN '{name}' THEN '{sequence}'" for name, sequence in _NAMES.items())
    return run.query(f"""
        WITH told AS (
            SELECT *, CASE sequence_name {names} END AS sequence FROM {run.view(contract)} WHERE known_to_date = DATE '9999-12-31'
        )
        SELECT sequence, m.account_id, CASE WHEN sequence IN ('S3', 'S4') THEN 'ticket ' || regexp_extract(ticket_id, '[0-9]+$')
            ELSE 'event ' || coalesce(true_event_no::VARCHAR, 'unknown ' || event_hi || ' ' || event_lo) END AS record
        FROM told m LEFT JOIN planted USING (event_lo, event_hi) WHERE sequence IS NOT NULL
    """).drop_duplicates(_KEY), ""


def _occurrences(found: Reference) -> Iterator[Row]:
    for sequence in SEQUENCES:
        delivered = found.delivered[found.delivered["sequence"] == sequence]
        done = found.all[found.all["sequence"] == sequence]
        missed = len(done) - len(done.merge(delivered, on=[*_KEY, "scope_id"]))
        note = (
            f"on delivered events; {len(done):,} on all true events, {missed:,} of them missed because never delivered"
        )
        yield Row(f"{sequence} occurrences", len(delivered), unit="count", note=note)


def _compared(found: Reference, matches: pd.DataFrame, accounts: pd.Series, seed: int) -> Iterator[Row]:
    """Precision and recall; S1, S2 and S4 need the account too, in S3 the ticket tells the person."""
    true = found.delivered.assign(account_id=accounts)
    both = true.merge(matches, on=_KEY, how="outer", suffixes=("", "_run"), indicator=True)
    is_right = (both["_merge"] == "both") & (
        (both["account_id"] == both["account_id_run"]) | (both["sequence"] == "S3")
    )
    both = both.assign(is_right=is_right)
    for sequence in SEQUENCES:
        own = both[both["sequence"] == sequence]
        claimed, real = own[own["_merge"] != "left_only"], own[own["_merge"] != "right_only"]
        for metric, part, account in (("precision", claimed, "account_id_run"), ("recall", real, "account_id")):
            clusters = list(part[account].fillna("").astype(str))
            yield share_row(f"{sequence} {metric}", clusters, list(part["is_right"]), seed, target="≥ 0.98")


def _accounts(truth: Truth, found: pd.DataFrame) -> pd.Series:
    """Account of each occurrence; a person stands for the first account it belonged to."""
    members = truth.frame("memberships").sort_values(["valid_from", "account_id"]).drop_duplicates("person_id")
    home = dict(zip(members["person_id"], members["account_id"], strict=True))
    return found["scope_id"].map(lambda scope: home.get(scope, scope))


def _planted(run: RunFolder, truth: Truth, found: Reference, matches: pd.DataFrame | None) -> Iterator[Row]:
    """Plantings are a small part of all occurrences; chance may complete one early, or complete a decoy."""
    if not truth.has("sequences"):
        yield Row("planted sequences", None, unit="count", note="this world's version plants none")
        return
    planted = truth.frame("sequences")
    for name in ("first", "last"):
        planted[f"{name}_us"] = planted[f"{name}_at"].astype("datetime64[us]").astype("int64")
    planted["scope_id"] = planted["account_id"].where(planted["sequence"] != "S3", planted["person_id"])
    is_decoy = planted["is_decoy"].astype(bool)
    sown, decoys = planted[~is_decoy], planted[is_decoy]
    occurs = _ending(sown, "first_us", found.all, "scope_id")
    yield share_row("planted sequences that occur", list(sown["account_id"]), occurs, 0, what="over all true events")
    by_chance = _ending(decoys, "last_us", found.all, "scope_id")
    yield share_row("decoys completed by chance", list(decoys["account_id"]), by_chance, 0, what="over all true events")
    if matches is not None:
        told = _ending(decoys, "last_us", _timed(run, matches), "account_id")
        wrong = sum(is_told and not is_true for is_told, is_true in zip(told, by_chance, strict=True))
        yield Row("decoys reported by the run", wrong, unit="count", note=f"of {len(decoys):,}", target="0")


def _ending(planted: pd.DataFrame, since: str, found: pd.DataFrame, scope: str) -> list[bool]:
    """Per planting, whether a sequence of its kind and scope ends from `since` (a second of leeway) to its last step."""
    ends: dict[tuple[str, str], list[int]] = {}
    for sequence, where, last_us in found[["sequence", scope, "last_us"]].itertuples(index=False):
        ends.setdefault((sequence, where), []).append(last_us)
    return [
        any(first - _LEEWAY_US <= at <= last + _LEEWAY_US for at in ends.get((sequence, where), ()))
        for sequence, where, first, last in planted[["sequence", scope, since, "last_us"]].itertuples(index=False)
    ]


def _timed(run: RunFolder, matches: pd.DataFrame) -> pd.DataFrame:
    """Matches with `last_us`, when their last event happened or their ticket was opened."""
    run.connection.con.register("told_match", matches)
    return run.query("""
        SELECT sequence, account_id, coalesce(at_us, created_us) AS last_us FROM told_match
        LEFT JOIN true_step ON record = 'event ' || true_event_no
        LEFT JOIN (SELECT ticket_id, created_us FROM desk_ticket) ON record = 'ticket ' || ticket_id
        WHERE coalesce(at_us, created_us) IS NOT NULL
    """)
