"""Patterns that repeat before customers leave or grow, found in what they did (R106, R112).

Here: cases, patterns and tests put together into the table, with dollars and rows. Not here: each of these (`mining_cases`,
`mining_grams`, `mining_shifts`, `mining_chance`), sequences that people declare (`sequences`), the plot (`mining_plots`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import ibis.expr.types as ir
import pandas as pd

from uam_platform.behavior.mining_cases import CHURN, EXPANSION, FEATURE_COLUMNS, matched_sets
from uam_platform.behavior.mining_chance import discoveries, told_once
from uam_platform.behavior.mining_grams import ARROW, actions_of, of_patterns, runs, shown_by
from uam_platform.behavior.mining_shifts import AND, columns_of, shifts_of
from uam_platform.behavior.sequence_facts import Links
from uam_platform.contracts.tables import MINED_PATTERNS
from uam_platform.policy.mining import MiningPolicy
from uam_platform.policy.sessions import SessionRule

SEQUENCE: Final = "sequence"
SHIFT: Final = "shift"
_JOINTS: Final = {SEQUENCE: ARROW, SHIFT: AND}
_NAMED: Final = 5


@dataclass(frozen=True)
class Mined:
    """What is searched: sets of both outcomes, today's accounts, and who shows which pattern of which kind.

    Attributes:
        sets: `matched_sets` with `unit_no`.
        today: unit_no, account_id, arr_usd_cents of eligible accounts of the latest snapshot.
        shown: kind -> unit_no, pattern, of sets; patterns that enough units show.
        shown_today: kind -> the same of today's accounts.
        found: runs of actions of all units, for the rows they begin with.
    """

    sets: pd.DataFrame
    today: pd.DataFrame
    shown: Mapping[str, pd.DataFrame]
    shown_today: Mapping[str, pd.DataFrame]
    found: ir.Table


def needed_columns(policy: MiningPolicy) -> tuple[str, ...]:
    """Columns of ACCOUNT_FEATURES that are read."""
    return tuple(sorted({*FEATURE_COLUMNS, *columns_of(policy.shifts)}))


def search(
    events: ir.Table,
    links: Links,
    features: pd.DataFrame,
    labels: pd.DataFrame,
    opportunities: pd.DataFrame,
    policy: MiningPolicy,
    rule: SessionRule,
    until: date,
) -> Mined:
    """Everything the tests look at.

    Args:
        events: EVENTS.
        links: hierarchy, people, memberships.
        features: `needed_columns` of all snapshots.
        labels: LABELS.
        opportunities: OPPORTUNITIES.
        policy: what is looked for.
        rule: sessions of the product type.
        until: the latest snapshot.
    """
    days = pd.to_datetime(features["as_of"])
    sets = matched_sets(features.loc[days.dt.weekday == 0], labels, opportunities, policy)
    is_now = (days == pd.Timestamp(until)) & features["is_eligible"].astype(bool)
    now = features.loc[is_now, ["account_id", "as_of", "arr_usd_cents"]].sort_values("account_id", ignore_index=True)
    sets["unit_no"] = range(len(sets))
    today = now.assign(unit_no=range(len(sets), len(sets) + len(now)))
    named = ["unit_no", "account_id", "as_of"]
    units = pd.concat([sets[named], today[named].assign(as_of=pd.to_datetime(today["as_of"]))], ignore_index=True)
    if units.empty:  # nobody left, grew or is a customer now: an account that does not exist shows nothing
        units = pd.DataFrame({"unit_no": [-1], "account_id": [""], "as_of": [pd.Timestamp(until)]})
    acted = actions_of(events, links, units, policy.window_days, policy.steps, rule).cache()
    found = runs(acted, policy.steps)
    in_sets = found.filter(found.unit_no < len(sets))
    shown = shown_by(in_sets, policy.min_accounts)
    now_runs = of_patterns(found.filter(found.unit_no >= len(sets)), shown["pattern"].unique())
    shifts = shifts_of(features, units, policy.shifts)
    is_set = shifts["unit_no"] < len(sets)
    return Mined(
        sets,
        today,
        {SEQUENCE: shown, SHIFT: shifts.loc[is_set]},
        {SEQUENCE: now_runs.select("unit_no", "pattern").distinct().to_pandas(), SHIFT: shifts.loc[~is_set]},
        in_sets,
    )


def discovered(mined: Mined, policy: MiningPolicy) -> pd.DataFrame:
    """Findings of both outcomes and kinds, nested ones told once."""
    parts = []
    for outcome in (CHURN, EXPANSION):
        sets = mined.sets.loc[mined.sets["outcome"] == outcome]
        for kind, shown in mined.shown.items():
            found = told_once(discoveries(sets, shown, policy), _JOINTS[kind])
            parts.append(found.assign(outcome=outcome, pattern_kind=kind))
    return pd.concat(parts, ignore_index=True)


def mined_patterns(mined: Mined, policy: MiningPolicy) -> pd.DataFrame:
    """Rows of the MINED_PATTERNS contract."""
    found = discovered(mined, policy)
    rows = [{**row, **_money(mined, row), **_rows_of(mined, row)} for row in found.to_dict("records")]
    table = pd.DataFrame(rows, columns=list(MINED_PATTERNS.column_names))
    return table.sort_values(list(MINED_PATTERNS.key), ignore_index=True)


def _money(mined: Mined, row: Mapping[Any, Any]) -> dict[str, Any]:
    """Dollars of the accounts to which it happened, and of those that show the pattern today."""
    kind, outcome, pattern = str(row["pattern_kind"]), row["outcome"], row["pattern"]
    shown, now = mined.shown[kind], mined.shown_today[kind]
    units = set(shown.loc[shown["pattern"] == pattern, "unit_no"])
    cases = mined.sets.loc[mined.sets["is_case"] & (mined.sets["outcome"] == outcome)]
    hit = cases.loc[cases["unit_no"].isin(units)].sort_values(["arr_usd_cents", "account_id"], ascending=[False, True])
    exposed = mined.today.loc[mined.today["unit_no"].isin(set(now.loc[now["pattern"] == pattern, "unit_no"]))]
    return {
        "step_count": len(str(pattern).split(_JOINTS[kind])),
        "arr_usd_cents": int(hit["arr_usd_cents"].sum()),
        "accounts": " ".join(hit["account_id"].head(_NAMED)),
        "exposed_account_count": len(exposed),
        "exposed_arr_usd_cents": int(exposed["arr_usd_cents"].sum()),
    }


def _rows_of(mined: Mined, row: Mapping[Any, Any]) -> dict[str, Any]:
    """The rows that occurrences before the outcome begin with; a shift stands on the features of the snapshot."""
    cases = mined.sets.loc[mined.sets["is_case"] & (mined.sets["outcome"] == row["outcome"])]
    if row["pattern_kind"] == SHIFT:
        units = set(mined.shown[SHIFT].loc[mined.shown[SHIFT]["pattern"] == row["pattern"], "unit_no"])
        hit = cases.loc[cases["unit_no"].isin(units)].sort_values("account_id").head(_NAMED)
        keys = zip(hit["account_id"], hit["as_of"], strict=True)
        return {"pointers": " ".join(f"behavior/account_features:{account}/{day:%Y-%m-%d}" for account, day in keys)}
    begun = of_patterns(mined.found, [str(row["pattern"])])
    begun = begun.filter(begun.unit_no.isin([int(unit) for unit in cases["unit_no"]]))
    ordered = begun.order_by(["unit_no", "occurred_us", "event_hi", "event_lo"]).to_pandas()
    first = ordered.drop_duplicates("unit_no").head(_NAMED)
    ids = zip(first["event_hi"], first["event_lo"], strict=True)
    return {"pointers": " ".join(f"staging/events:{hi}/{lo}" for hi, lo in ids)}
