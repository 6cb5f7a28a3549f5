"""The vocabulary's words on sequences, journeys, mined patterns and issues.

Here: columns of the tables in `tables_behavior`. Not here: words that tables of several rooms share (`vocabulary`, which also
joins these to the whole).
"""

from uam_platform.contracts.model import Column, Purpose, Type

_WEB = Purpose.PRODUCT_DECISIONS
_FIX = Purpose.ISSUE_RESOLUTION

BEHAVIOR_COLUMNS: tuple[Column, ...] = (
    Column("match_id", Type.STRING, "Identity of a completion: hash of the sequence and the rows it stands on."),
    Column("sequence_name", Type.STRING, "Declared sequence, as the rulebook names it."),
    Column("completed_at", Type.TIMESTAMP, "When the last step happened.", "UTC"),
    Column("completed_date", Type.DATE, "UTC day of completed_at.", "UTC day"),
    Column(
        "step_count",
        Type.INT64,
        "Steps of the sequence; of a mined pattern its actions, or its shifts, which may be one.",
        "steps",
        minimum=1,
    ),
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
    Column("issue", Type.STRING, "Failure and the workflow it happened in, in words.", purpose=_FIX),
    Column("week_date", Type.DATE, "First day of seven.", "UTC day"),
    *(
        Column(name, Type.INT64, meaning, unit, purpose=_FIX, minimum=0)
        for name, meaning, unit in (
            ("failure_28d_count", "Failures in the 28 days before the snapshot.", "events"),
            ("failure_prior_28d_count", "Failures in the 28 days before those.", "events"),
            ("failing_account_28d_count", "Accounts that failed in those 28 days.", "accounts"),
            ("failing_account_prior_28d_count", "Accounts that failed in the 28 days before those.", "accounts"),
            ("failing_person_28d_count", "People who failed, of those that can be told apart.", "people"),
            ("failing_account_count", "Accounts that failed.", "accounts"),
        )
    ),
    Column(
        "trend",
        Type.STRING,
        "How it changed; new: nobody failed in the 28 days before.",
        purpose=_FIX,
        allowed=("rising", "falling", "level", "new"),
    ),
    Column(
        "trend_surprise",
        Type.FLOAT64,
        "Change over its standard error, accounts being independent.",
        "standard errors",
        purpose=_FIX,
    ),
    Column(
        "previous_event_name",
        Type.STRING,
        "Most frequent action just before, in the session; null without.",
        purpose=_FIX,
    ),
    *(
        Column(name, Type.FLOAT64, meaning, "ratio", purpose=_FIX, minimum=0, maximum=1)
        for name, meaning in (
            ("previous_share_ratio", "Share of the failures that follow it."),
            ("next_share_ratio", "Share of the failures that the most frequent next action follows."),
            ("ended_session_ratio", "Share of the failures after which the session ends."),
            ("retried_ratio", "Share after which the same person goes on with the same workflow in the session."),
            ("ticket_ratio", "Share after which the same person opens a ticket within the policy's days."),
        )
    ),
    Column("outcome", Type.STRING, "What the pattern comes before.", allowed=("churn", "expansion")),
    Column(
        "pattern_kind",
        Type.STRING,
        "sequence: actions in order within a session; shift: changes of behaviour at once.",
        purpose=_WEB,
        allowed=("sequence", "shift"),
    ),
    Column("pattern", Type.STRING, "Actions in order, or shifts together, in words.", purpose=_WEB),
    Column("case_count", Type.INT64, "Accounts to which the outcome happened.", "accounts", minimum=0),
    Column("control_count", Type.INT64, "Accounts they are compared with.", "accounts", minimum=0),
    Column(
        "showing_case_count",
        Type.INT64,
        "Of those the outcome happened to: accounts with the pattern.",
        "accounts",
        minimum=0,
    ),
    Column(
        "showing_control_count", Type.INT64, "Of those compared with: accounts with the pattern.", "accounts", minimum=0
    ),
    Column(
        "pattern_lift_ratio",
        Type.FLOAT64,
        "Share of the one with the pattern over that of the others.",
        "ratio",
        minimum=0,
    ),
    Column(
        "pattern_lift_low_ratio",
        Type.FLOAT64,
        "Lower end of the 95 % interval of pattern_lift_ratio.",
        "ratio",
        minimum=0,
    ),
    Column(
        "pattern_lift_high_ratio",
        Type.FLOAT64,
        "Upper end of the 95 % interval of pattern_lift_ratio.",
        "ratio",
        minimum=0,
    ),
    Column(
        "pattern_chance_ratio",
        Type.FLOAT64,
        "Probability of at least so many, did the pattern not matter; of the earlier outcomes, on which it was found.",
        "probability",
        minimum=0,
        maximum=1,
    ),
    Column("later_lift_ratio", Type.FLOAT64, "Lift among the later outcomes; null if nobody shows it there.", "ratio"),
    Column(
        "later_chance_ratio",
        Type.FLOAT64,
        "pattern_chance_ratio of the later outcomes; null if nobody shows it there.",
        "probability",
        minimum=0,
        maximum=1,
    ),
    Column("is_replicated", Type.BOOL, "The later outcomes show it too, beyond chance."),
    Column("accounts", Type.STRING, "Accounts with the pattern before the outcome, largest first; the first few."),
    Column(
        "exposed_account_count",
        Type.INT64,
        "Accounts that show the pattern in the latest snapshot.",
        "accounts",
        minimum=0,
    ),
    Column("exposed_arr_usd_cents", Type.INT64, "Their annual recurring revenue.", "USD cents", minimum=0),
    Column("pointers", Type.STRING, "Rows it stands on: table:event_hi/event_lo, separated by spaces; the first few."),
)
