"""The vocabulary's words on workflows that fail and on findings about several accounts.

Here: columns of the tables in `tables_alerts`. Not here: words that tables of several rooms share (`vocabulary`, which also joins
these to the whole).
"""

from uam_platform.contracts.model import Column, Purpose, Type

ALERT_COLUMNS: tuple[Column, ...] = (
    Column("use_count", Type.INT64, "Events of a workflow that are no failure.", "events", minimum=0),
    Column(
        "failure_count",
        Type.INT64,
        "Friction events of a workflow.",
        "events",
        purpose=Purpose.ISSUE_RESOLUTION,
        minimum=0,
    ),
    Column("first_date", Type.DATE, "First day an account's events carry the flag.", "UTC day"),
    Column("utc_hour", Type.INT16, "Hour of the day, UTC.", "h", minimum=0, maximum=23),
    Column("subject_kind", Type.STRING, "What a finding is about.", allowed=("account", "workflow", "workflow_error")),
    Column("subject_id", Type.STRING, "The account or workflow a finding is about."),
    Column(
        "affected_account_count",
        Type.INT64,
        "Accounts a finding is about; account_id is the one of them with most to save.",
        "accounts",
        minimum=1,
    ),
    Column(
        "confidence_ratio",
        Type.FLOAT64,
        "Share of such findings that are true, as measured; it ranks.",
        minimum=0,
        maximum=1,
    ),
)
