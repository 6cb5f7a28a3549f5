"""The vocabulary's words on data quality: tellings of the two sides, daily profiles, findings, order of sources.

Here: columns of the tables in `tables_quality`. Not here: words that tables of several rooms share (`vocabulary`, which also joins
these to the whole).
"""

from uam_platform.contracts.model import Column, Purpose, Type

_AUDIT = Purpose.COMPLIANCE
_S, _I, _F, _D = Type.STRING, Type.INT64, Type.FLOAT64, Type.DATE


def _count(name: str, meaning: str, unit: str = "events") -> Column:
    return Column(name, _I, meaning, unit, purpose=_AUDIT, minimum=0)


def _share(name: str, meaning: str) -> Column:
    return Column(name, _F, meaning, "ratio", purpose=_AUDIT, minimum=0, maximum=1)


QUALITY_COLUMNS: tuple[Column, ...] = (
    Column("browser", _S, "Browser family of the acting person.", purpose=Purpose.ISSUE_RESOLUTION),
    Column(
        "app_version",
        _S,
        "Version of the app that acted, else of its tracking library.",
        purpose=Purpose.ISSUE_RESOLUTION,
    ),
    Column(
        "twin",
        _S,
        "Pair of client and server events that tell of one run, by its name in the rulebook.",
        purpose=_AUDIT,
    ),
    Column(
        "context_basis",
        _S,
        "Whose record names browser, device and version: the server's own, the client's telling of the run, the nearest client event "
        "of the actor, or nobody's: no client event of the actor is near.",
        purpose=_AUDIT,
        allowed=("server", "twin", "actor", "unseen"),
    ),
    _count("client_count", "Client events of the pair, also of runs whose end the server never told."),
    _count("server_count", "Runs that the server told of."),
    _count("matched_count", "Of these, runs that a client told of too, in time."),
    _count("renamed_count", "Of those without a client telling, runs that a client told of under a name nobody knows."),
    _share("undercount_ratio", "Share of the server's runs that no client told of."),
    _share("undercount_low_ratio", "Lower end of its 95 % interval (Wilson)."),
    _share("undercount_high_ratio", "Upper end of its 95 % interval (Wilson)."),
    Column(
        "profile_kind",
        _S,
        "What a row of a daily profile counts.",
        purpose=_AUDIT,
        allowed=("volume", "name", "missing"),
    ),
    Column("profile_subject", _S, "Event name as delivered, or field; empty for volume.", purpose=_AUDIT),
    _count("profile_row_count", "Rows of the subject that were known when their day was closed.", "rows"),
    _count("profile_part_count", "Of these, rows without the field.", "rows"),
    Column(
        "order_kind",
        _S,
        "What is beside each other: start and end of a run, or the last event of a run as two sources tell it.",
        purpose=_AUDIT,
        allowed=("start_to_end", "two_sources"),
    ),
    Column("other_source", _S, "Connector of the later event of a pair, or the second of two sources.", purpose=_AUDIT),
    _count("pair_count", "Runs of which both events are known.", "runs"),
    _count(
        "wrong_order_count", "Of these, in an order that cannot be, or further apart than clocks may differ.", "runs"
    ),
    _count("exact_count", "Of these, with both times as sent: not repaired, clamped or days alone.", "runs"),
    Column("apart_low_ms", _I, "First quartile of the time from the first to the other event.", "ms", purpose=_AUDIT),
    Column("apart_ms", _I, "Median of the time from the first to the other event.", "ms", purpose=_AUDIT),
    Column("apart_high_ms", _I, "Third quartile of the time from the first to the other event.", "ms", purpose=_AUDIT),
    Column("finding_id", _S, "One finding from its opening to its end.", purpose=_AUDIT),
    Column(
        "finding_kind",
        _S,
        "What a finding is about.",
        purpose=_AUDIT,
        allowed=(
            "blocked_tracking",
            "front_end_drift",
            "volume",
            "silent_source",
            "missing_values",
            "new_event_name",
            "vanished_event_name",
            "field_changed",
            "wrong_type",
            "source_order",
        ),
    ),
    Column(
        "finding_subject",
        _S,
        "Event or field that a finding is about; empty where it is the whole source.",
        purpose=_AUDIT,
    ),
    Column(
        "finding_part",
        _S,
        "Browser, app version, side or other source it is about; empty where it is all.",
        purpose=_AUDIT,
    ),
    Column("since_date", _D, "Event day from which what was found holds.", "UTC day", purpose=_AUDIT),
    Column("first_seen_date", _D, "Snapshot day on which it could first be told.", "UTC day", purpose=_AUDIT),
    Column("last_seen_date", _D, "Last snapshot day on which it stood out.", "UTC day", purpose=_AUDIT),
    Column(
        "resolved_date", _D, "Snapshot day on which it counted as over; null while open.", "UTC day", purpose=_AUDIT
    ),
    Column("severity", _S, "How much it matters.", purpose=_AUDIT, allowed=("serious", "notable")),
    _count("affected_count", "Events, runs or records it touches in the judged days.", "rows"),
    Column(
        "size_ratio",
        _F,
        "How large it is: missing share, deviation from the expected, or change of a share.",
        "ratio",
        purpose=_AUDIT,
    ),
    Column("duty", _S, "Duty whose owner is told.", purpose=_AUDIT),
    Column("duty_owner", _S, "Who answers for the duty: a team, never a person's address.", purpose=_AUDIT),
    Column("consumers", _S, "What reads the event: features, scores, sequences, alerts and the like.", purpose=_AUDIT),
    Column("finding_text", _S, "What was found and what to do, in one sentence or two.", purpose=_AUDIT),
)
