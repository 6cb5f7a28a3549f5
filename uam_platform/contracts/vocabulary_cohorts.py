"""The vocabulary's words on cohorts.

Here: columns of the tables in `tables_cohorts`. Not here: words that tables of several rooms share (`vocabulary`, which also
joins these to the whole).
"""

from uam_platform.contracts.model import Column, Type

COHORT_COLUMNS: tuple[Column, ...] = (
    Column("cohort", Type.STRING, "Cohort: C1 to C3 by declared rule, K01 and on by density."),
    Column("cohort_name", Type.STRING, "What the cohort is called; of a cluster, what sets it apart."),
    Column("is_named", Type.BOOL, "By a declared rule, not by clustering."),
    Column("is_stable", Type.BOOL, "Found again in resamples often enough to be used; rules are by nature."),
    Column(
        "membership_ratio",
        Type.FLOAT64,
        "How firmly the account belongs: share of the last weeks in which the rule held, or HDBSCAN's strength.",
        minimum=0,
        maximum=1,
    ),
    Column("stability_ratio", Type.FLOAT64, "Mean Jaccard overlap of the cohort with resamples.", minimum=0, maximum=1),
    Column("account_count", Type.INT64, "Members at the snapshot.", "accounts", minimum=0),
    Column("differences", Type.STRING, "What sets members apart: median of the strongest inputs beside the others'."),
    Column("closed_member_count", Type.INT64, "Earlier members whose outcome was known.", "accounts", minimum=0),
    Column("churned_member_count", Type.INT64, "Of them, those that left within the horizon.", "accounts", minimum=0),
    Column(
        "broken_member_count",
        Type.INT64,
        "Of the earlier members with a known outcome, those whose main workflow failed repeatedly around then.",
        "accounts",
        minimum=0,
    ),
    Column(
        "broken_churned_count", Type.INT64, "Of those, the ones that left within the horizon.", "accounts", minimum=0
    ),
    Column("member_churn_ratio", Type.FLOAT64, "Share of earlier members that left.", minimum=0, maximum=1),
    Column("member_churn_low_ratio", Type.FLOAT64, "Lower end, Wilson 95 %.", minimum=0, maximum=1),
    Column("member_churn_high_ratio", Type.FLOAT64, "Upper end, Wilson 95 %.", minimum=0, maximum=1),
    Column("scaler_id", Type.STRING, "Content hash of a frozen scaler."),
    Column("centre_value", Type.FLOAT64, "Median of the logarithm of one plus the input."),
    Column("spread_value", Type.FLOAT64, "Interquartile range of the same."),
    Column("fitted_from_date", Type.DATE, "First snapshot the scaler was fitted on.", "UTC day"),
    Column("fitted_to_date", Type.DATE, "Last snapshot the scaler was fitted on.", "UTC day"),
)
