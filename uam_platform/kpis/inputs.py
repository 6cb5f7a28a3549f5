"""Inputs of the score formulas: one row per account and snapshot, null where not known.

Here: which accounts are scored, what is derived from features and other tables, and what counts as not known. Not here: formulas
(`rulebook/scores.yaml`), their arithmetic (`formulas`).

Missing is not zero: of an account that was never seen in the product nothing about its use is known; before the first ticket of any
account is known, no ticket source is connected; the same for the CRM's opportunities, and for named actions in a snapshot without any;
and for actions that only servers may tell, while no server does (`server_truth`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import numpy as np
import pandas as pd

from uam_platform.contracts.tables import ACCOUNT_ACTIONS, ACCOUNT_THEMES, JOURNEYS, OPPORTUNITIES
from uam_platform.kpis.server_truth import without_server_truth
from uam_platform.policy.scores import ScorePolicy

_SHRINK: Final = 5
_SPAN: Final = timedelta(days=56)
_QUARTER: Final = timedelta(days=84)
_KEYS: Final = ["account_id", "as_of"]
_TICKET_INPUTS: Final = (
    *(f"{what}_{w}d_count" for what in ("ticket", "escalation", "reopen") for w in (7, 28, 84)),
    "open_ticket_count",
    "tickets_per_person_84d",
)
_NOT_OF_USE: Final = {  # known without the product being used
    *_KEYS, *_TICKET_INPUTS, "decision_at", "tenure_days", "days_to_renewal", "term_count", "billing_period", "tier",
    "strategic_fit", "plan", "seat_count", "mrr_usd_cents", "arr_usd_cents", "is_eligible", "snapshot_version",
    "days_since_last_event", "days_since_escalation", "open_opportunity_count", "open_expansion_count",
    "stalled_journeys_56d", "failed_journeys_56d", "buying_signals_84d",
}  # fmt: skip
_FAILED: Final = ("onboarding_failed", "repeated_failure")


def _nothing(names: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame(columns=list(names))


@dataclass(frozen=True)
class Facts:
    """Tables that inputs are made of, as frames; of `features` the snapshots asked for, the others whole.

    Attributes:
        features: ACCOUNT_FEATURES.
        actions: ACCOUNT_ACTIONS of the same snapshots.
        opportunities: OPPORTUNITIES.
        journeys: JOURNEYS.
        themes: ACCOUNT_THEMES.
        first_ticket_date: day from which a ticket of any account was known; None without a ticket source.
        server_only: events of which only a server's word counts.
        told_sides: event_name, side, known_date: since when each side tells of those.
    """

    features: pd.DataFrame
    actions: pd.DataFrame = field(default_factory=lambda: _nothing(ACCOUNT_ACTIONS.column_names))
    opportunities: pd.DataFrame = field(default_factory=lambda: _nothing(OPPORTUNITIES.column_names))
    journeys: pd.DataFrame = field(default_factory=lambda: _nothing(JOURNEYS.column_names))
    themes: pd.DataFrame = field(default_factory=lambda: _nothing(ACCOUNT_THEMES.column_names))
    first_ticket_date: pd.Timestamp | None = None
    server_only: frozenset[str] = frozenset()
    told_sides: pd.DataFrame = field(default_factory=lambda: _nothing(("event_name", "side", "known_date")))


def score_inputs(facts: Facts, policy: ScorePolicy) -> pd.DataFrame:
    """Every input a line may name, for accounts with a contract, sorted by account and snapshot.

    Args:
        facts: see `Facts`; a fact counts only if it was known before the snapshot's decision.
        policy: groups of actions.
    """
    has_contract = (facts.features["arr_usd_cents"] > 0) | facts.features["is_eligible"]
    rows = facts.features.loc[has_contract].sort_values(_KEYS, ignore_index=True)
    rows = rows.assign(**_ratios(rows))
    rows = _with_actions(rows, facts.actions, policy)
    rows = rows.assign(
        **_opportunities(rows, facts.opportunities),
        **_journeys(rows, facts.journeys),
        buying_signals_84d=_buying_signals(rows, facts.themes),
    )
    rows = _unknown_where_no_source(rows, facts.first_ticket_date)
    return without_server_truth(rows, facts.told_sides, policy.server_groups(facts.server_only))


def _ratios(rows: pd.DataFrame) -> Mapping[str, pd.Series]:
    people = rows["active_person_28d_count"].astype(float)
    quarter = rows["active_person_84d_count"].astype(float)
    return {
        "core_per_person_28d": (rows["core_28d_count"] / people.where(people > 0)).fillna(0.0),
        "tickets_per_person_84d": rows["ticket_84d_count"] / quarter.where(quarter > 0),
        "friction_trend_ratio": (rows["friction_28d_count"] + _SHRINK) / (rows["friction_prior_28d_count"] + _SHRINK),
    }


def _with_actions(rows: pd.DataFrame, actions: pd.DataFrame, policy: ScorePolicy) -> pd.DataFrame:
    counted = {
        "28d": "action_28d_count",
        "prior_28d": "action_prior_28d_count",
        "84d": "action_84d_count",
        "people_84d": "acting_person_84d_count",
    }
    keyed, is_counted = rows[_KEYS], rows["as_of"].isin(actions["as_of"]).to_numpy()
    found = {}
    for group in policy.action_groups:
        own = actions.loc[actions["action_group"] == group].drop(columns="action_group")
        beside = keyed.merge(own, on=_KEYS, how="left", validate="1:1")
        for name, column in counted.items():
            found[f"{group}_{name}"] = beside[column].astype(float).fillna(0.0).where(is_counted).to_numpy()
    return rows.assign(**found)


def _opportunities(rows: pd.DataFrame, opportunities: pd.DataFrame) -> Mapping[str, pd.Series]:
    """Open ones: created before the snapshot, and not known as closed at its decision."""
    pairs = rows[[*_KEYS, "decision_at"]].merge(
        opportunities[["account_id", "opportunity_type", "is_closed", "created_at", "closed_at"]], on="account_id"
    )
    decided = pd.to_datetime(pairs["decision_at"])
    is_created = pd.to_datetime(pairs["created_at"]) < pd.to_datetime(pairs["as_of"])
    is_ended = pairs["is_closed"].astype(bool) & (pd.to_datetime(pairs["closed_at"]) < decided)
    pairs = pairs.loc[is_created & ~is_ended]
    first = pd.to_datetime(opportunities["created_at"]).min() if len(opportunities) else None
    expansions = pairs.loc[pairs["opportunity_type"] == "Expansion"]
    return {
        "open_opportunity_count": _known_since(_counts(rows, pairs), rows, first),
        "open_expansion_count": _known_since(_counts(rows, expansions), rows, first),
    }


def _journeys(rows: pd.DataFrame, journeys: pd.DataFrame) -> Mapping[str, pd.Series]:
    """Journeys that became known in the 56 days before the snapshot."""
    pairs = _known_within(_SPAN, rows, journeys, "journey_kind")
    first = pd.to_datetime(journeys["known_date"]).min() if len(journeys) else None
    stalled = pairs.loc[pairs["journey_kind"] == "stalled_workflow"]
    failed = pairs.loc[pairs["journey_kind"].isin(_FAILED)]
    return {
        "stalled_journeys_56d": _known_since(_counts(rows, stalled), rows, first),
        "failed_journeys_56d": _known_since(_counts(rows, failed), rows, first),
    }


def _buying_signals(rows: pd.DataFrame, themes: pd.DataFrame) -> pd.Series:
    """Statements with a sign of wanting more that became known in the twelve weeks before the snapshot."""
    inside = _known_within(_QUARTER, rows, themes, "buying_signal_count")
    counts = _beside(rows, inside.groupby(_KEYS)["buying_signal_count"].sum())
    first = pd.to_datetime(themes["known_date"]).min() if len(themes) else None
    return _known_since(counts, rows, first)


def _known_within(span: timedelta, rows: pd.DataFrame, facts: pd.DataFrame, column: str) -> pd.DataFrame:
    """Each snapshot beside the facts of its account that became known in the time before it."""
    pairs = rows[_KEYS].merge(facts[["account_id", "known_date", column]], on="account_id")
    day, known = pd.to_datetime(pairs["as_of"]), pd.to_datetime(pairs["known_date"])
    return pairs.loc[(known < day) & (known >= day - span)]


def _counts(rows: pd.DataFrame, facts: pd.DataFrame) -> pd.Series:
    return _beside(rows, facts.groupby(_KEYS).size())


def _beside(rows: pd.DataFrame, counted: pd.Series) -> pd.Series:
    """Counts by account and snapshot in the order of `rows`; none is 0."""
    found = counted.rename("count").reset_index()
    return rows[_KEYS].merge(found, on=_KEYS, how="left", validate="1:1")["count"].fillna(0).astype(float)


def _known_since(counts: pd.Series, rows: pd.DataFrame, first: pd.Timestamp | None) -> pd.Series:
    """`counts` from the day on which the source first said anything; null before."""
    if first is None or pd.isna(first):
        return pd.Series(np.nan, index=counts.index)
    return counts.where((pd.to_datetime(rows["as_of"]) > first).to_numpy())


def _unknown_where_no_source(rows: pd.DataFrame, first_ticket: pd.Timestamp | None) -> pd.DataFrame:
    was_seen = rows["days_since_last_event"].notna().to_numpy()
    of_use = [name for name in rows.columns if name not in _NOT_OF_USE]
    hidden = {name: rows[name].astype(float).where(was_seen) for name in of_use}
    tickets = {name: _known_since(rows[name].astype(float), rows, first_ticket) for name in _TICKET_INPUTS}
    words = {name: rows[name].where(rows[name] != "unknown") for name in ("tier", "strategic_fit")}
    return rows.assign(**hidden, **tickets, **words).copy()  # in one piece
