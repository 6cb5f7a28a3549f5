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

CONTRACTS_BEHAVIOR: tuple[Contract, ...] = (SEQUENCE_MATCHES, SEQUENCE_STEPS, JOURNEYS, TRANSITIONS)
