"""From account_features rows to the numbers a model sees.

Here: the definition of every model input and the id of a feature list. Not here: which inputs are used and how they are
worded (`uam_platform/policy/rulebook/churn.yaml`), the windows themselves (`uam_platform.behavior`).

Counts enter as logarithms, changes as logarithms of shrunk ratios of rates: +0.7 is a doubling, 0 no change, and a small count
cannot make a large change. Missing stays NaN, which LightGBM treats as a value of its own. Page views and sign-ins enter only
through rhythm (active days, recency) and the share of core actions; event and session counts are no inputs (R25, R115).
"""

import hashlib
import json
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from uam_platform.policy.churn import ChurnPolicy, Codes

DEFINITIONS_VERSION = 1  # raise when a definition below changes its meaning

Values = npt.NDArray[np.float64]
Definition = Callable[[pd.DataFrame], Values]


def _numbers(rows: pd.DataFrame, column: str) -> Values:
    return rows[column].to_numpy(dtype="float64", na_value=np.nan)


def _raw(column: str) -> Definition:
    return lambda rows: _numbers(rows, column)


def _log(column: str, unit: float = 1.0) -> Definition:
    return lambda rows: np.log1p(np.maximum(_numbers(rows, column), 0.0) / unit)


def _change(now: str, before: str, scale: float, shrink: float, unit: float = 1.0) -> Definition:
    """Log of `scale` x now over before, both raised by `shrink` so that small counts say little."""

    def definition(rows: pd.DataFrame) -> Values:
        recent = np.maximum(_numbers(rows, now), 0.0) / unit * scale
        earlier = np.maximum(_numbers(rows, before), 0.0) / unit
        return np.log((recent + shrink) / (earlier + shrink))

    return definition


def _rate(numerator: str, denominator: str, add_to_numerator: float, add_to_denominator: float) -> Definition:
    return lambda rows: np.log(
        (_numbers(rows, numerator) + add_to_numerator) / (_numbers(rows, denominator) + add_to_denominator)
    )


def _burden(troubles: str, base: str, shrink: float) -> Definition:
    """Log of one plus ten times troubles per unit of use: 0 without trouble, however little use there is."""
    return lambda rows: np.log1p(10 * _numbers(rows, troubles) / (_numbers(rows, base) + shrink))


def _difference(first: Definition, second: Definition) -> Definition:
    return lambda rows: first(rows) - second(rows)


def _share(numerator: str, denominator: str) -> Definition:
    return lambda rows: (_numbers(rows, numerator) + 1.0) / (_numbers(rows, denominator) + 2.0)


def _observed_days(rows: pd.DataFrame, window: int) -> Values:
    return np.clip(_numbers(rows, "tenure_days"), 1.0, float(window))


def _active_share(rows: pd.DataFrame) -> Values:
    return _numbers(rows, "active_day_364d_count") / _observed_days(rows, 364)


def _overdue(rows: pd.DataFrame) -> Values:
    """Log of the silence over the account's own mean gap between active days."""
    gap = (_observed_days(rows, 364) + 7.0) / (_numbers(rows, "active_day_364d_count") + 1.0)
    return np.log1p(_numbers(rows, "days_since_last_event")) - np.log1p(gap)


def _year_change(now: str, unit: float, shrink: float, year: str) -> Definition:
    """Log of the rate of twelve weeks over the rate of the year, or of the shorter time the account exists."""

    def definition(rows: pd.DataFrame) -> Values:
        recent = np.maximum(_numbers(rows, now), 0.0) / unit / _observed_days(rows, 84)
        yearly = np.maximum(_numbers(rows, year), 0.0) / unit / _observed_days(rows, 364)
        return np.log((recent + shrink / 84) / (yearly + shrink / 84))

    return definition


def _seat_use(rows: pd.DataFrame) -> Values:
    seats = _numbers(rows, "seat_count")
    return _numbers(rows, "active_person_28d_count") / np.where(seats > 0, seats, np.nan)


def _annual_renewal(rows: pd.DataFrame) -> Values:
    """Days to renewal of annual terms only: the weeks before a yearly decision are no weeks of a monthly one."""
    return np.where(rows["billing_period"] == "annual", _numbers(rows, "days_to_renewal"), np.nan)


DEFINITIONS: Mapping[str, Definition] = {
    "core_28d_log": _log("core_28d_count"),
    "core_change_28d": _change("core_28d_count", "core_prior_28d_count", 1, 5),
    "core_change_7d": _change("core_7d_count", "core_28d_count", 4, 8),
    "core_change_84d": _change("core_28d_count", "core_84d_count", 3, 10),
    "core_per_person_log": _rate("core_28d_count", "active_person_28d_count", 1, 1),
    "depth_change_28d": _difference(
        _rate("core_28d_count", "active_person_28d_count", 5, 1),
        _rate("core_prior_28d_count", "active_person_prior_28d_count", 5, 1),
    ),
    "core_share_ratio": _share("core_28d_count", "event_28d_count"),
    "active_person_28d_log": _log("active_person_28d_count"),
    "spread_change_28d": _change("active_person_28d_count", "active_person_prior_28d_count", 1, 1),
    "spread_change_7d": _change("active_person_7d_count", "active_person_28d_count", 1, 1),
    "spread_change_84d": _change("active_person_28d_count", "active_person_84d_count", 1, 1),
    "seat_use_ratio": _seat_use,
    "feature_28d_count": _raw("feature_28d_count"),
    "feature_change_28d": _change("feature_28d_count", "feature_prior_28d_count", 1, 1),
    "feature_change_84d": _change("feature_28d_count", "feature_84d_count", 1, 1),
    "active_day_28d_count": _raw("active_day_28d_count"),
    "active_day_change_84d": _change("active_day_28d_count", "active_day_84d_count", 3, 4),
    "active_day_change_364d": _year_change("active_day_84d_count", 1, 2, "active_day_364d_count"),
    "active_day_364d_share": _active_share,
    "days_since_last_event": _raw("days_since_last_event"),
    "overdue_log": _overdue,
    "active_admin_28d_count": _raw("active_admin_28d_count"),
    "admin_change_84d": _change("active_admin_28d_count", "active_admin_84d_count", 1, 1),
    "intent_28d_log": _log("intent_28d_count"),
    "intent_change_84d": _change("intent_28d_count", "intent_84d_count", 3, 4),
    "progress_28d_log": _log("progress_28d_count"),
    "progress_84d_log": _log("progress_84d_count"),
    "friction_28d_log": _log("friction_28d_count"),
    "friction_rate_log": _burden("friction_28d_count", "core_28d_count", 10),
    "friction_rate_7d_log": _burden("friction_7d_count", "core_7d_count", 10),
    "friction_rate_84d_log": _burden("friction_84d_count", "core_84d_count", 10),
    "friction_rate_change": _difference(
        _burden("friction_28d_count", "core_28d_count", 10),
        _burden("friction_prior_28d_count", "core_prior_28d_count", 10),
    ),
    "ticket_28d_log": _log("ticket_28d_count"),
    "ticket_84d_log": _log("ticket_84d_count"),
    "ticket_per_person_log": _burden("ticket_84d_count", "active_person_84d_count", 5),
    "escalation_84d_count": _raw("escalation_84d_count"),
    "reopen_84d_count": _raw("reopen_84d_count"),
    "open_ticket_count": _raw("open_ticket_count"),
    "days_since_escalation": _raw("days_since_escalation"),
    "revenue_84d_log": _log("revenue_84d_usd_cents", 100),
    "revenue_364d_log": _log("revenue_364d_usd_cents", 100),
    "revenue_change_84d": _change("revenue_28d_usd_cents", "revenue_84d_usd_cents", 3, 50, 100),
    "revenue_change_364d": _year_change("revenue_84d_usd_cents", 100, 50, "revenue_364d_usd_cents"),
    "event_28d_log": _log("event_28d_count"),
    "event_change_28d": _change("event_28d_count", "event_prior_28d_count", 1, 10),
    "session_28d_log": _log("session_28d_count"),
    "session_change_28d": _change("session_28d_count", "session_prior_28d_count", 1, 5),
    "days_to_renewal": _raw("days_to_renewal"),
    "annual_renewal_days": _annual_renewal,
    "tenure_log": _log("tenure_days"),
    "term_count": _raw("term_count"),
    "mrr_log": _log("mrr_usd_cents", 100),
    "seat_log": _log("seat_count"),
}
_CODED = {f"{column}_code": column for column in Codes.model_fields}


def matrix(rows: pd.DataFrame, names: tuple[str, ...], codes: Codes) -> pd.DataFrame:
    """The model inputs of account_features rows.

    Args:
        rows: account_features columns, one row per account and snapshot.
        names: inputs in the model's order.
        codes: order of the categories.

    Returns:
        float64 columns `names`, index of `rows`; NaN where a value is not known.

    Raises:
        KeyError: a name has no definition; the message lists those that have.
    """
    return pd.DataFrame({name: _define(name, codes)(rows) for name in names}, index=rows.index)


def _define(name: str, codes: Codes) -> Definition:
    if name in _CODED:
        column = _CODED[name]
        order = {value: float(i) for i, value in enumerate(getattr(codes, column))}
        return lambda rows: rows[column].map(order).to_numpy(dtype="float64", na_value=np.nan)
    if name not in DEFINITIONS:
        raise KeyError(f"no model input {name!r}; known: {', '.join(sorted([*DEFINITIONS, *_CODED]))}")
    return DEFINITIONS[name]


def feature_contract_id(names: tuple[str, ...], policy: ChurnPolicy) -> str:
    """Hash (16 hex digits) of what a model expects: names, order, directions, category codes, version of the definitions."""
    said = {
        "version": DEFINITIONS_VERSION,
        "features": [[name, policy.features[name].monotone] for name in names],
        "codes": policy.codes.model_dump(mode="json"),
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]
