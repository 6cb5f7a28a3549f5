"""The vocabulary's words on sequences, journeys and cohorts.

Here: columns of the tables in `tables_behavior`. Not here: words that tables of several rooms share (`vocabulary`, which also
joins these to the whole).
"""

from uam_platform.contracts.model import Column, Purpose, Type

_WEB = Purpose.PRODUCT_DECISIONS

BEHAVIOR_COLUMNS: tuple[Column, ...] = (
    Column("match_id", Type.STRING, "Identity of a completion: hash of the sequence and the rows it stands on."),
    Column("sequence_name", Type.STRING, "Declared sequence, as the rulebook names it."),
    Column("completed_at", Type.TIMESTAMP, "When the last step happened.", "UTC"),
    Column("completed_date", Type.DATE, "UTC day of completed_at.", "UTC day"),
    Column("step_count", Type.INT64, "Steps of the sequence.", "steps", minimum=2),
    Column("step_no", Type.INT64, "Position in the sequence, from 1.", minimum=1),
    Column(
        "source_table",
        Type.STRING,
        "Table that holds the row.",
        allowed=("staging/events", "staging/ticket_events", "behavior/actor_days"),
    ),
    Column("journey_id", Type.STRING, "Identity of a journey: hash of account, kind, subject and its first row."),
    Column(
        "journey_kind",
        Type.STRING,
        "What became of it.",
        purpose=_WEB,
        allowed=(
            "stalled_workflow",
            "abandoned_feature",
            "onboarding_failed",
            "onboarding_other_path",
            "repeated_failure",
        ),
    ),
    Column("journey_subject", Type.STRING, "Workflow, feature or setup the journey is about.", purpose=_WEB),
    Column("last_at", Type.TIMESTAMP, "Last thing that happened in it.", "UTC"),
    Column("occurrence_count", Type.INT64, "How often it happened within the journey.", "times", minimum=1),
    Column("person_count", Type.INT64, "Distinct people in it.", "people", minimum=0),
    Column("next_event_name", Type.STRING, "Canonical name of the action that followed.", purpose=_WEB),
    Column("transition_count", Type.INT64, "How often the one followed the other.", "times", purpose=_WEB, minimum=1),
    Column("actor_count", Type.INT64, "Distinct actors that did so.", "actors", purpose=_WEB, minimum=1),
    Column("pointers", Type.STRING, "Rows it stands on: table:event_hi/event_lo, separated by spaces; the first few."),
)
