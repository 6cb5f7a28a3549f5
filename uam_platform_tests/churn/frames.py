"""A small invented company as account_features, subscriptions and labels: who loses use leaves more often at renewal.

Here: frames for the churn and KPI tests. Not here: the simulated company that the whole platform is measured on.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from uam_platform.churn.labels import labels
from uam_platform.contracts.model import Type
from uam_platform.contracts.tables import ACCOUNT_FEATURES
from uam_platform.policy.churn import ChurnPolicy
from uam_platform.policy.load import load_section

START = pd.Timestamp(2025, 1, 6)


def shipped_policy(**changes) -> ChurnPolicy:
    return load_section(ChurnPolicy, "churn").model_copy(update=changes)


def blank_features(rows: pd.DataFrame) -> pd.DataFrame:
    """account_features with zeros and nulls wherever `rows` says nothing."""
    filled = {}
    for column in ACCOUNT_FEATURES.columns:
        name = column.name
        if name in rows:
            filled[name] = rows[name]
        elif name in ACCOUNT_FEATURES.nullable:
            filled[name] = np.nan if column.type in (Type.INT64, Type.FLOAT64) else None
        elif column.type is Type.STRING:
            filled[name] = "unknown"
        else:
            filled[name] = 0
    return pd.DataFrame(filled, index=rows.index)


@dataclass(frozen=True)
class Company:
    features: pd.DataFrame
    subscriptions: pd.DataFrame
    labels: pd.DataFrame
    policy: ChurnPolicy
    end: datetime


def company(
    accounts: int = 240, weeks: int = 52, seed: int = 7, harm_effect: float = 3.0, policy: ChurnPolicy | None = None
) -> Company:
    """Accounts with quarterly decisions; `harm_effect` 0 makes behaviour say nothing about leaving."""
    rng = np.random.default_rng(seed)
    policy = policy or shipped_policy()
    rows, terms = [], []
    for number in range(accounts):
        _run_account(f"acc_{number:05d}", weeks, harm_effect, rng, rows, terms)
    features = blank_features(pd.DataFrame(rows)).sort_values(["account_id", "as_of"], ignore_index=True)
    subscriptions = pd.DataFrame(terms)
    end = START + timedelta(weeks=weeks)
    nothing = pd.DataFrame({"account_id": [], "event_date": []})
    return Company(features, subscriptions, labels(features, subscriptions, nothing, policy, end), policy, end)


def _run_account(account: str, weeks: int, harm_effect: float, rng, rows: list, terms: list) -> None:
    is_monthly = rng.random() < 0.4
    length = 4 if is_monthly else 26
    size, harm = rng.lognormal(3, 0.8), 0.0
    harm_from = int(rng.integers(0, 4 * weeks))
    use: list[float] = []
    term_start = -int(rng.integers(1, length + 1)) if is_monthly else -int(rng.integers(1, 26))
    first_start, number, ended_week = term_start, 0, None
    for week in range(weeks):
        if week >= term_start + length:
            chance = (0.012 if is_monthly else 0.06) * np.exp(harm_effect * harm)
            is_leaving = rng.random() < min(chance, 0.95)
            terms.append(_term(account, number, term_start, length, is_monthly, is_leaving))
            if is_leaving:
                ended_week = week
                break
            term_start, number = term_start + length, number + 1
        harm = min(harm + 0.12, 1.0) if week >= harm_from else 0.0
        use.append(float(rng.poisson(size * (1 - 0.7 * harm))))
        if week >= 4:
            rows.append(
                _row(
                    account,
                    week,
                    use,
                    size,
                    harm,
                    term_start + length - week,
                    is_monthly,
                    week - first_start,
                    number + 1,
                    rng,
                )
            )
    if ended_week is None:
        terms.append(_term(account, number, term_start, length, is_monthly, False))


def _row(account, week, use, size, harm, weeks_to_renewal, is_monthly, tenure_weeks, term_count, rng) -> dict:
    as_of = START + timedelta(weeks=week)
    core = {w: int(sum(use[-w // 7 :])) for w in (7, 28, 84)}
    people = {w: max(1, int(size / 8 * (1 - 0.5 * harm) * (1 + w / 400))) for w in (7, 28, 84)}
    friction = int(rng.poisson(1 + 2 * harm))
    return {
        "account_id": account,
        "as_of": as_of,
        "decision_at": as_of + timedelta(hours=6),
        "is_eligible": True,
        **{f"core_{w}d_count": c for w, c in core.items()},
        **{f"event_{w}d_count": 3 * c for w, c in core.items()},
        **{f"active_person_{w}d_count": p for w, p in people.items()},
        "core_prior_28d_count": int(sum(use[-8:-4])),
        "active_person_prior_28d_count": people[28],
        "friction_28d_count": friction,
        "friction_84d_count": 3 * friction,
        "active_day_28d_count": int(min(28, core[28])),
        "active_day_84d_count": int(min(84, core[84])),
        "active_day_364d_count": int(min(364, sum(use))),
        "days_since_last_event": int(rng.integers(0, 4)),
        "tenure_days": 7 * tenure_weeks,
        "days_to_renewal": 7 * weeks_to_renewal,
        "term_count": term_count,
        "billing_period": "monthly" if is_monthly else "annual",
        "tier": "growth",
        "strategic_fit": "medium",
        "mrr_usd_cents": int(size * 10_000),
        "arr_usd_cents": int(size * 10_000) * 12,
        "seat_count": int(size),
    }


def _term(account, number, start_week, length, is_monthly, is_leaving) -> dict:
    started, ends = START + timedelta(weeks=start_week), START + timedelta(weeks=start_week + length)
    return term(
        account, started, ends, "monthly" if is_monthly else "annual", ended=ends if is_leaving else None, number=number
    )


def term(account, started, ends, period="annual", ended=None, reason=None, number=0) -> dict:
    """One subscription row."""
    return {
        "source": "files",
        "subscription_id": f"{account}-{number}",
        "account_id": account,
        "billing_period": period,
        "plan": None,
        "seat_count": 10,
        "mrr_usd_cents": 100_000,
        "started_at": started,
        "term_end_at": ends,
        "known_at": started,
        "notice_at": None,
        "ended_at": ended,
        "end_reason": reason,
        "load_id": "load-1",
    }
