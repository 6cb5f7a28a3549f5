"""Cohorts from the lake into the lake: members, profiles and frozen scalers, with their plots.

Here: reading, publishing. Not here: the computations (`cohorts` and the modules it names), when it happens (`assets`: beside
journeys).
"""

from typing import Any

import ibis.expr.types as ir
import pandas as pd

from uam_platform.behavior.cohort_facts import administrators, value_by_workflow
from uam_platform.behavior.cohort_inputs import FEATURE_COLUMNS, behaviour_inputs, extended_scalers, scaled
from uam_platform.behavior.cohort_plots import scatter, sizes
from uam_platform.behavior.cohorts import main_workflow_broke, memberships, profiles
from uam_platform.behavior.sequence_facts import Links
from uam_platform.contracts.model import Contract
from uam_platform.contracts.tables import COHORT_PROFILES, COHORT_SCALERS, COHORTS
from uam_platform.lake.io_manager import as_table, markdown_table
from uam_platform.lake.resource import Warehouse
from uam_platform.policy.cohorts import CohortPolicy

_SHOWN = [
    "cohort",
    "cohort_name",
    "account_count",
    "is_stable",
    "differences",
    "member_churn_ratio",
    "broken_member_count",
    "broken_churned_count",
]


def publish_cohorts(
    warehouse: Warehouse,
    features: ir.Table,
    labels: ir.Table,
    events: ir.Table,
    links: Links,
    policy: CohortPolicy,
    label_lag_days: int,
    journeys: pd.DataFrame,
) -> dict[str, Any]:
    """Publish COHORTS, COHORT_PROFILES and COHORT_SCALERS of all weekly snapshots.

    A snapshot's members come out the same in every later run: scalers are read before they are extended, and a week looks at
    itself and the weeks before only.

    Args:
        warehouse: lake and engine.
        features: ACCOUNT_FEATURES.
        labels: LABELS.
        events: EVENTS.
        links: hierarchy, people, memberships.
        policy: rules and parameters.
        label_lag_days: days after as_of at which a label is final.
        journeys: JOURNEYS, for the failures of the workflows that members depend on.

    Returns:
        Plots and the profiles of the latest snapshot, for people.
    """
    rows = _weekly(_dated(features.select(*FEATURE_COLUMNS, "arr_usd_cents").to_pandas()))
    inputs, days = behaviour_inputs(rows), [pd.Timestamp(day).date() for day in sorted(rows["as_of"].unique())]
    known = warehouse.lake.read(warehouse.connection, COHORT_SCALERS).to_pandas()
    scalers = extended_scalers(inputs, known, policy)
    values, admins = (_dated(find(events, links, days, policy)) for find in (value_by_workflow, administrators))
    members = memberships(inputs, values, admins, scalers, policy)
    outcomes = _dated(labels.select("account_id", "as_of", "is_churned", "is_label_closed").to_pandas())
    broken = main_workflow_broke(values, journeys, label_lag_days)
    told = profiles(members, inputs, rows, outcomes, label_lag_days, broken)
    for contract, found in ((COHORT_SCALERS, scalers), (COHORTS, members), (COHORT_PROFILES, told)):
        _publish(warehouse, contract, found)
    return _metadata(members, told, scaled(inputs, scalers, policy))


def _publish(warehouse: Warehouse, contract: Contract, rows: pd.DataFrame) -> None:
    warehouse.lake.publish(warehouse.connection, contract, as_table(rows, contract))


def _dated(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(as_of=pd.to_datetime(rows["as_of"]).astype("datetime64[us]"))


def _weekly(rows: pd.DataFrame) -> pd.DataFrame:
    """Snapshots whole weeks after the first: the latest ones are daily, and habits are told by the week."""
    return rows[(rows["as_of"] - rows["as_of"].min()).dt.days % 7 == 0]


def _metadata(members: pd.DataFrame, told: pd.DataFrame, points: pd.DataFrame) -> dict[str, Any]:
    if told.empty:
        return {"cohorts": 0}
    return {
        "accounts_by_behaviour": scatter(points, members),
        "cohort_sizes": sizes(told),
        "cohorts_latest": markdown_table(told.loc[told["as_of"] == told["as_of"].max(), _SHOWN]),
        "unstable_clusters_not_used": int((~told["is_stable"].astype(bool)).sum()),
    }
