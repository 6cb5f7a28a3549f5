"""The vocabulary's words on the use of what is collected.

Here: columns of the tables in `tables_governance`. Not here: words that tables of several rooms share (`vocabulary`, `vocabulary_quality`).
"""

from uam_platform.contracts.model import Column, Purpose, Type

_AUDIT = Purpose.COMPLIANCE

GOVERNANCE_COLUMNS: tuple[Column, ...] = (
    Column("is_declared", Type.BOOL, "The taxonomy declares the event.", purpose=_AUDIT),
    Column("event_owner", Type.STRING, "Who answers for the meaning of the event.", purpose=_AUDIT),
    Column(
        "event_tier",
        Type.STRING,
        "What the taxonomy says the event is for, beside its marker.",
        purpose=_AUDIT,
        allowed=("core", "advanced", "context_only", "none"),
    ),
    Column(
        "window_event_count",
        Type.INT64,
        "Events in the days that the audit looks at.",
        "events",
        purpose=_AUDIT,
        minimum=0,
    ),
    Column(
        "stored_bytes",
        Type.INT64,
        "Share of the event's rows in the bytes of the event table on these days.",
        "bytes",
        purpose=_AUDIT,
        minimum=0,
    ),
    Column(
        "stored_ratio",
        Type.FLOAT64,
        "These bytes over those of all events.",
        "ratio",
        purpose=_AUDIT,
        minimum=0,
        maximum=1,
    ),
    Column("used_from_date", Type.DATE, "First event day with such an event.", "UTC day", purpose=_AUDIT),
    Column("used_until_date", Type.DATE, "Last event day with such an event.", "UTC day", purpose=_AUDIT),
    Column(
        "consumer_count",
        Type.INT64,
        "Features, scores, sequences, alerts and questions that stand on it.",
        purpose=_AUDIT,
        minimum=0,
    ),
    Column(
        "carried_count",
        Type.INT64,
        "Events of these days that carry what is counted by itself: a feature, money, an identity.",
        "events",
        purpose=_AUDIT,
        minimum=0,
    ),
    Column(
        "proposal",
        Type.STRING,
        "What the audit proposes; a person decides.",
        purpose=_AUDIT,
        allowed=(
            "keep",
            "keep_for_what_it_carries",
            "too_new",
            "remove_unused",
            "remove_never_seen",
            "remove_idle",
            "declare",
        ),
    ),
    Column("field_name", Type.STRING, "Field of a landed record, as the source calls it.", purpose=_AUDIT),
    Column(
        "value_count", Type.INT64, "Records in which the field held something.", "records", minimum=1, purpose=_AUDIT
    ),
)
