"""Contracts of what people judge and decide about alerts: audit samples, accepted thresholds.

Here: the tables. Not here: verdicts on alerts (`tables`), what a column means (`vocabulary_reviews`, `vocabulary`).
"""

from uam_platform.contracts.model import Contract
from uam_platform.contracts.vocabulary import columns

AUDIT_SAMPLES = Contract(
    stage="reviews",
    name="audit_samples",
    grain="one account drawn for the audit of one month",
    description="Accounts that a person reviews each month, whether or not an alert was sent: drawn by a hash of month and account "
    "within what the alerts did about them, so that precision and recall can be estimated. Same snapshots, same sample.",
    columns=columns(
        "sample_id audit_month_date account_id stratum reason detector as_of owner_id is_treated stratum_account_count "
        "stratum_sampled_count"
    ),
    key=("audit_month_date", "sample_id"),
    nullable=frozenset({"reason", "detector", "owner_id"}),
)
ACCEPTED_THRESHOLDS = Contract(
    stage="staging",
    name="accepted_thresholds",
    grain="one threshold of a detector that a person accepted",
    description="Thresholds that replace those of the rulebook for snapshots decided after known_at; the last one known counts.",
    columns=columns("source threshold_id detector threshold_column threshold_value known_at load_id"),
    key=("threshold_id",),
)

CONTRACTS_REVIEWS: tuple[Contract, ...] = (AUDIT_SAMPLES, ACCEPTED_THRESHOLDS)
