"""Contracts of what findings stand on beside features: use and failures of workflows, first sight of a flag, hours of work.

Here: the tables that alerts read beside features and scores. Not here: the table of findings (`tables`), what a column means
(`vocabulary_alerts`, `vocabulary`).
"""

from uam_platform.contracts.model import Contract, Ordered
from uam_platform.contracts.vocabulary import columns

WORKFLOW_DAYS = Contract(
    stage="behavior",
    name="workflow_days",
    grain="one account, workflow, side, error and day, as long as it was known so",
    description="How often accounts used each workflow and how often it failed, with which error. A snapshot sees the rows with "
    "known_date < as_of <= known_to_date; null error_code: uses, and failures that name none.",
    columns=columns("account_id workflow side error_code event_date known_date known_to_date use_count failure_count"),
    key=("account_id", "workflow", "side", "error_code", "event_date", "known_date", "known_to_date"),
    nullable=frozenset({"error_code"}),
    rules=(Ordered("event_date", "known_date"), Ordered("known_date", "known_to_date")),
)
FLAG_STARTS = Contract(
    stage="behavior",
    name="flag_starts",
    grain="one account and feature flag, as long as its first day was known so",
    description="Since when an account sees a feature flag: the start of a rollout for it. A snapshot sees the rows with "
    "known_date < as_of <= known_to_date; the smallest first_date of them counts.",
    columns=columns("account_id feature_flag first_date known_date known_to_date"),
    key=("account_id", "feature_flag", "first_date", "known_date", "known_to_date"),
    rules=(Ordered("first_date", "known_date"), Ordered("known_date", "known_to_date")),
)
WORKING_HOURS = Contract(
    stage="behavior",
    name="working_hours",
    grain="one account, hour of the day and week in which it was known, as long as it was known so",
    description="At which hours of UTC people of an account act in the product: it tells in which region's calendar they live. Counted by "
    "week, of client events in the account's workspaces; nobody's own hours are kept. A snapshot sees the rows with "
    "known_date < as_of <= known_to_date.",
    columns=columns("account_id utc_hour known_date known_to_date event_count"),
    key=("account_id", "utc_hour", "known_date", "known_to_date"),
    rules=(Ordered("known_date", "known_to_date"),),
)

CONTRACTS_ALERTS: tuple[Contract, ...] = (WORKFLOW_DAYS, FLAG_STARTS, WORKING_HOURS)
