"""Contract baseline: days to renewal x billing period, no behaviour.

Here: the hazard of each contract cell, shrunk, with its interval. It is the yardstick every behavioural score must beat, and the
score itself while few accounts have left. Not here: when it is used (`ladder`), behavioural models (`train`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from uam_platform.churn.calibration import shift_to, sigmoid
from uam_platform.churn.rules import NO_RENEWAL, believed_rate, contract_log_odds
from uam_platform.policy.churn import ChurnPolicy, ContractCells

INTERVAL = (0.10, 0.90)

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Hazard:
    """Share of churned account-weeks in a cell and how many accounts' worth of evidence it rests on."""

    probability: float
    accounts: float


@dataclass(frozen=True)
class ContractHazard:
    """Shrunk hazards: of all accounts, by billing period, by cell (keys as `cell_keys` writes them)."""

    overall: Hazard
    periods: dict[str, Hazard]
    cells: dict[str, Hazard]

    def look_up(self, key: str) -> Hazard:
        """Hazard of a cell; an unseen one takes its billing period's, then everybody's, worth no more than the prior."""
        return self.cells.get(key) or self.periods.get(key.split("|", 1)[0]) or self.overall


def cell_keys(rows: pd.DataFrame, rule: ContractCells) -> pd.Series:
    """Cell of each row, `billing_period|bucket`; the bucket is the index of the edge interval, `none` without a renewal date."""
    days = rows["days_to_renewal"].to_numpy(dtype="float64", na_value=np.nan)
    buckets = np.searchsorted(np.array(rule.renewal_edges_days, dtype=float), days, side="right")
    places = np.where(np.isnan(days), len(rule.renewal_edges_days) + 1, buckets)
    codes, periods = pd.factorize(rows["billing_period"].fillna(NO_RENEWAL).astype(str))
    names = _buckets(rule)
    keys = np.array([f"{period}|{name}" for period in periods for name in names], dtype=object)
    chosen = keys[codes * len(names) + places] if len(rows) else keys[:0]
    return pd.Series(chosen, index=rows.index, name="cell", dtype="str")


def fit_contract_hazard(rows: pd.DataFrame, policy: ChurnPolicy) -> ContractHazard:
    """Hazards from closed labels, each level shrunk towards what the level above it and the terms of contracts imply.

    A level's rate is the share of churned account-weeks; it counts with the number of distinct accounts behind it, because the weeks
    of one account are no independent draws: p = (accounts x rate + s x p_believed) / (accounts + s). What is believed of a cell is what
    its terms imply (`rules.believed_rate`), its log odds shifted so that the cells of a billing period agree with the period's hazard.

    Args:
        rows: account_id, days_to_renewal, billing_period, is_churned; may be empty.
        policy: cells, s, and what is believed without data.
    """
    rule, prior = policy.contract_cells, policy.base_rate
    keyed = rows.assign(cell=cell_keys(rows, rule), churned=rows["is_churned"].astype(float))
    keyed["period"] = keyed["cell"].str.split("|", n=1).str[0]
    believed = {key: _believed(key, policy) for key in sorted({*every_cell(policy), *keyed["cell"]})}
    odds = dict(zip(believed, contract_log_odds(np.array(list(believed.values()))), strict=True))
    overall = _shrunk(keyed, Hazard(prior.probability, prior.accounts), prior.accounts)
    level = _level(keyed, odds, overall.probability)
    periods, levels = {}, {}
    for period, group in keyed.groupby("period", sort=True):
        implied = float(sigmoid(group["cell"].map(odds).to_numpy() + level).mean())
        periods[str(period)] = _shrunk(group, Hazard(implied, overall.accounts), rule.shrink_accounts)
        levels[str(period)] = _level(group, odds, periods[str(period)].probability)
    seen = dict(iter(keyed.groupby("cell", sort=True)))
    cells = {}
    for key in believed:
        shift = levels.get(key.split("|", 1)[0], level)
        implied = float(sigmoid(np.array([odds[key] + shift]))[0])
        above = Hazard(implied, rule.shrink_accounts)
        cells[key] = _shrunk(seen[key], above, rule.shrink_accounts) if key in seen else above
    return ContractHazard(overall, periods, cells)


def every_cell(policy: ChurnPolicy) -> list[str]:
    """Keys of the cells of all billing periods that the rulebook names."""
    buckets = _buckets(policy.contract_cells)
    return [f"{period}|{bucket}" for period in policy.codes.billing_period for bucket in buckets]


def _buckets(rule: ContractCells) -> list[str]:
    """Names of the intervals between the edges, in their order, and of no renewal date."""
    return [*map(str, range(len(rule.renewal_edges_days) + 1)), NO_RENEWAL]


def _believed(key: str, policy: ChurnPolicy) -> float:
    period, bucket = key.split("|", 1)
    return believed_rate(period, bucket, policy)


def _level(rows: pd.DataFrame, odds: Mapping[str, float], probability: float) -> float:
    """Shift of the believed log odds with which the rows' mean is `probability`."""
    believed = np.array([odds[key] for key in rows["cell"]])
    return shift_to(believed, probability * len(rows)) if len(rows) else 0.0


def _shrunk(rows: pd.DataFrame, above: Hazard, strength: float) -> Hazard:
    accounts = float(rows["account_id"].nunique())
    churned = float(rows["churned"].mean()) * accounts if accounts else 0.0
    return Hazard((churned + strength * above.probability) / (accounts + strength), accounts + strength)


def look_up(hazard: ContractHazard, rows: pd.DataFrame, rule: ContractCells) -> tuple[Values, Values]:
    """Probability and evidence (accounts) of each row's cell."""
    codes, keys = pd.factorize(cell_keys(rows, rule))
    found = [hazard.look_up(key) for key in keys]
    return np.array([h.probability for h in found])[codes], np.array([h.accounts for h in found])[codes]


def starting_log_odds(hazard: ContractHazard, rows: pd.DataFrame, rule: ContractCells) -> Values:
    """Log odds of each row's cell: where trees start from, so that they need not learn the calendar of contracts."""
    probability, _ = look_up(hazard, rows, rule)
    return contract_log_odds(probability)


def beta_interval(probability: Values, accounts: Values) -> tuple[Values, Values]:
    """Central 80 % interval of a probability that rests on so many accounts (Beta with that mean and weight)."""
    from scipy.special import betaincinv

    a, b = probability * accounts, (1 - probability) * accounts
    low, high = betaincinv(a, b, INTERVAL[0]), betaincinv(a, b, INTERVAL[1])
    return np.minimum(low, probability), np.maximum(high, probability)
