"""Contracts of what accounts went through: declared sequences, journeys, cohorts.

Here: the tables of behaviour that say how users moved. Not here: daily activity and features (`tables`), what a column means
(`vocabulary_behavior`, `vocabulary`).
"""

from uam_platform.contracts.model import Contract, Ordered
from uam_platform.contracts.vocabulary import columns

SEQUENCE_MATCHES = Contract(
    stage="behavior",
    name="sequence_matches",
    grain="one completion of one declared sequence by an account or person, as long as it was known so",
    description="Declared sequences that were completed in order and in time, across events and tickets (R101 to R105). "
    "The event or ticket of the last row is named. A snapshot sees the rows with known_date < as_of <= known_to_date.",
    columns=columns(
        "match_id sequence_name account_id person_key started_at completed_at completed_date known_date known_to_date step_count "
        "event_hi event_lo ticket_id"
    ),
    key=("sequence_name", "account_id", "completed_at", "match_id", "known_date"),
    nullable=frozenset({"person_key", "event_hi", "event_lo", "ticket_id"}),
    rules=(Ordered("started_at", "completed_at"), Ordered("completed_date", "known_date")),
)
SEQUENCE_STEPS = Contract(
    stage="behavior",
    name="sequence_steps",
    grain="one row of a source table that a step of a match stands on",
    description="The rows each match stands on: an event by its id, a ticket change by ticket, load and row number.",
    columns=columns(
        "match_id step_no source_table event_hi event_lo ticket_id load_id row_no event_name occurred_at event_date known_date"
    ),
    key=(
        "match_id",
        "step_no",
        "source_table",
        "occurred_at",
        "event_hi",
        "event_lo",
        "ticket_id",
        "load_id",
        "row_no",
    ),
    nullable=frozenset({"event_hi", "event_lo", "ticket_id", "load_id", "row_no"}),
)
JOURNEYS = Contract(
    stage="behavior",
    name="journeys",
    grain="one workflow, feature or onboarding of an account that went a way worth knowing, per occurrence",
    description="Stalled workflows, features tried once then abandoned, onboarding that failed or merely took another path, "
    "workflows that failed repeatedly (R4, R5, R12).",
    columns=columns(
        "journey_id account_id journey_kind journey_subject started_at last_at event_date known_date occurrence_count "
        "person_count pointers"
    ),
    key=("account_id", "journey_kind", "journey_subject", "started_at", "journey_id"),
    rules=(Ordered("started_at", "last_at"), Ordered("event_date", "known_date")),
)
TRANSITIONS = Contract(
    stage="behavior",
    name="transitions",
    grain="one ordered pair of actions that followed each other within a session",
    description="How users move: which action follows which, in the sessions of the last thirteen closed weeks (R106).",
    columns=columns("event_name next_event_name transition_count actor_count"),
    key=("event_name", "next_event_name"),
)
MINED_PATTERNS = Contract(
    stage="behavior",
    name="mined_patterns",
    grain="one outcome and pattern that comes before it more often than chance",
    description="Runs of actions and small shifts that repeat before customers leave or grow, against matched accounts, at a declared "
    "false discovery rate, tested again on later outcomes (R106, R112).",
    columns=columns(
        "outcome pattern_kind pattern step_count case_count control_count showing_case_count showing_control_count "
        "pattern_lift_ratio pattern_lift_low_ratio pattern_lift_high_ratio pattern_chance_ratio later_lift_ratio later_chance_ratio "
        "is_replicated arr_usd_cents accounts exposed_account_count exposed_arr_usd_cents pointers"
    ),
    key=("outcome", "pattern_kind", "pattern"),
    nullable=frozenset({"later_lift_ratio", "later_chance_ratio"}),
)
ISSUES = Contract(
    stage="behavior",
    name="issues",
    grain="one failure and workflow that somebody met in the eight weeks before the latest snapshot",
    description="Every issue with its frequency, its sequence and its change over time: how often and where, what comes before and "
    "after it, whether it is tried again or asked about, and whether it rises or falls (R9).",
    columns=columns(
        "issue event_name workflow failure_28d_count failure_prior_28d_count failing_account_28d_count "
        "failing_account_prior_28d_count failing_person_28d_count trend trend_surprise previous_event_name previous_share_ratio "
        "next_event_name next_share_ratio ended_session_ratio retried_ratio ticket_ratio arr_usd_cents pointers"
    ),
    key=("issue",),
    nullable=frozenset(
        {"workflow", "previous_event_name", "previous_share_ratio", "next_event_name", "next_share_ratio"}
    ),
)
ISSUE_WEEKS = Contract(
    stage="behavior",
    name="issue_weeks",
    grain="one issue and week before the latest snapshot",
    description="How often each issue was met by week (R9).",
    columns=columns("issue week_date failure_count failing_account_count"),
    key=("issue", "week_date"),
)

CONTRACTS_BEHAVIOR: tuple[Contract, ...] = (
    SEQUENCE_MATCHES,
    SEQUENCE_STEPS,
    JOURNEYS,
    TRANSITIONS,
    MINED_PATTERNS,
    ISSUES,
    ISSUE_WEEKS,
)
