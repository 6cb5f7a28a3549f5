"""Features and labels of a simulated company straight from its truth, without running the chain.

Here: enough of account_features to train the platform's models for the null tests; the rest is blank. Not here: what the platform makes of
deliveries (its own stages).
"""

from pathlib import Path

import duckdb
import pandas as pd

from uam_platform.churn.folds import account_folds
from uam_platform.contracts.tables import LABELS
from uam_platform.evaluation.churn_rows import population
from uam_platform.evaluation.truth import Truth
from uam_platform.policy.churn import ChurnPolicy
from uam_platform_tests.churn.frames import blank_features

CORE = ("workflow_completed", "report_generated", "project_created", "integration_connected")
_WINDOWS = ((7, 0, "7d"), (28, 0, "28d"), (84, 0, "84d"), (364, 0, "364d"), (56, 28, "prior_28d"))


def world_frames(world: Path, policy: ChurnPolicy) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """account_features, labels, and account_id, as_of, p_oracle of every account-week of the population."""
    truth = Truth(world)
    weeks = population(truth)
    end = pd.Timestamp(truth.world()["end"]).tz_localize(None)
    weeks = weeks[weeks["as_of"] >= weeks["as_of"].min() + pd.Timedelta(days=28)].astype({"account_id": object})
    features = weeks.merge(_behaviour(truth, weeks), on=["account_id", "as_of"], how="left").fillna(0)
    features = features.merge(_contracts(world, weeks), on=["account_id", "as_of"], how="inner", validate="1:1")
    features = features.sort_values(["account_id", "as_of"], ignore_index=True)
    return _blank(features), _labels(features, end, policy), features[["account_id", "as_of", "p_oracle"]]


def _behaviour(truth: Truth, weeks: pd.DataFrame) -> pd.DataFrame:
    core, names = ", ".join(f"'{name}'" for name in CORE), ", ".join(_windowed())
    return duckdb.sql(f"""
        WITH days AS (
            SELECT true_account_id AS account_id, true_occurred_at::TIMESTAMP::DATE AS day, true_person_id AS person, count(*) AS events,
                count(*) FILTER (true_event_name IN ({core})) AS core, count(*) FILTER (true_event_name LIKE '%failed%') AS failed
            FROM read_parquet('{truth.path("deliveries")}') WHERE NOT is_duplicate AND true_account_id IS NOT NULL GROUP BY ALL)
        SELECT weeks.account_id, as_of, {names}, date_diff('day', max(day), as_of) AS days_since_last_event
        FROM weeks JOIN days ON weeks.account_id = days.account_id AND day < as_of AND day >= as_of - INTERVAL 364 DAY
        GROUP BY weeks.account_id, as_of
    """).df()  # fmt: skip


def _windowed() -> list[str]:
    found = []
    for first, last, name in _WINDOWS:
        within = f"FILTER (day >= as_of - INTERVAL {first} DAY AND day < as_of - INTERVAL {last} DAY)"
        found += [
            f"coalesce(sum(events) {within}, 0) AS event_{name}_count", f"coalesce(sum(core) {within}, 0) AS core_{name}_count",
            f"coalesce(sum(failed) {within}, 0) AS friction_{name}_count", f"count(DISTINCT person) {within} AS active_person_{name}_count",
            f"count(DISTINCT day) {within} AS active_day_{name}_count",
        ]  # fmt: skip
    return found


def _contracts(world: Path, weeks: pd.DataFrame) -> pd.DataFrame:
    contract, account = (f"read_parquet('{world}/company/salesforce_{n}.parquet')" for n in ("contract", "account"))
    return duckdb.sql(f"""
        SELECT w.account_id, as_of, date_diff('day', as_of, c.EndDate) AS days_to_renewal, c.Billing_Period__c AS billing_period,
            date_diff('day', min(c.StartDate) OVER (PARTITION BY w.account_id), as_of) AS tenure_days, c.Seats__c AS seat_count,
            (c.MRR_USD__c * 100)::BIGINT AS mrr_usd_cents
        FROM weeks w JOIN {account} a ON a.Product_Account_Id__c = w.account_id JOIN {contract} c ON c.AccountId = a.Id
        WHERE c.StartDate <= as_of AND as_of < c.EndDate
        QUALIFY row_number() OVER (PARTITION BY w.account_id, as_of ORDER BY c.StartDate DESC) = 1
    """).df()


def _blank(rows: pd.DataFrame) -> pd.DataFrame:
    known = rows.assign(is_eligible=True, decision_at=rows["as_of"] + pd.Timedelta(hours=6))
    known["as_of"] = pd.to_datetime(known["as_of"]).astype("datetime64[us]")
    return blank_features(known)


def _labels(rows: pd.DataFrame, end: pd.Timestamp, policy: ChurnPolicy) -> pd.DataFrame:
    is_closed = rows["as_of"] + pd.Timedelta(days=policy.label_lag_days) <= end
    is_censored = rows["is_censored"].astype(bool) & is_closed
    labels = pd.DataFrame(
        {
            "account_id": rows["account_id"],
            "as_of": pd.to_datetime(rows["as_of"]).astype("datetime64[us]"),
            "is_churned": rows["is_churned"].astype("boolean").where(is_closed & ~is_censored),
            "is_label_closed": is_closed,
            "is_censored": is_censored,
            "fold": account_folds(rows["account_id"], policy.folds),
        }
    )
    missing = {c.name: None for c in LABELS.columns if c.name not in labels}
    return labels.assign(**missing)[list(LABELS.column_names)]
