"""Contracts of behavioural cohorts: members, profiles, frozen scalers.

Here: the tables of `uam_platform.behavior.cohorts`. Not here: features they are read from (`tables`), what a column means
(`vocabulary_cohorts`, `vocabulary`).
"""

from uam_platform.contracts.model import Contract, Ordered
from uam_platform.contracts.vocabulary import columns

COHORTS = Contract(
    stage="behavior",
    name="cohorts",
    grain="one account, snapshot and cohort it belongs to",
    description="Who behaves alike: three cohorts by declared rule and clusters by density, on behaviour only (R107 to R111). "
    "Unstable clusters are kept and marked; use rows with is_stable.",
    columns=columns("account_id as_of cohort cohort_name is_named is_stable membership_ratio stability_ratio"),
    key=("as_of", "cohort", "account_id"),
    nullable=frozenset({"stability_ratio"}),
)
COHORT_PROFILES = Contract(
    stage="behavior",
    name="cohort_profiles",
    grain="one cohort and snapshot",
    description="What makes a cohort different, how big it is, and how many of its earlier members left, as known then.",
    columns=columns(
        "as_of cohort cohort_name is_named is_stable account_count arr_usd_cents stability_ratio differences closed_member_count "
        "churned_member_count member_churn_ratio member_churn_low_ratio member_churn_high_ratio broken_member_count broken_churned_count"
    ),
    key=("as_of", "cohort"),
    nullable=frozenset({"stability_ratio", "member_churn_ratio", "member_churn_low_ratio", "member_churn_high_ratio"}),
)
COHORT_SCALERS = Contract(
    stage="behavior",
    name="cohort_scalers",
    grain="one input of one frozen scaler",
    description="Registry of scalers: fitted once per version of the cohort policy, never again.",
    columns=columns("scaler_id policy_version input_name centre_value spread_value fitted_from_date fitted_to_date"),
    key=("policy_version", "input_name"),
    rules=(Ordered("fitted_from_date", "fitted_to_date"),),
)

CONTRACTS_COHORTS: tuple[Contract, ...] = (COHORTS, COHORT_PROFILES, COHORT_SCALERS)
