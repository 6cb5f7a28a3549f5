"""Contracts of governance: what collected events are used for, and what was kept out for lack of a purpose.

Here: the tables. Not here: what a column means (`vocabulary_governance`, `vocabulary`).
"""

from uam_platform.contracts.model import Contract
from uam_platform.contracts.vocabulary import columns

EVENT_USAGE = Contract(
    stage="governance",
    name="event_usage",
    grain="one event name, declared or stored",
    description="What each event costs and who uses it; events that no feature, score, alert, sequence or question stands on are proposed "
    "for removal, with volume, bytes and when they were seen (R71, R81).",
    columns=columns(
        "event_name is_declared event_owner event_tier marker window_event_count stored_bytes stored_ratio used_from_date "
        "used_until_date consumer_count consumers carried_count proposal"
    ),
    key=("event_name",),
    nullable=frozenset({"event_owner", "used_from_date", "used_until_date"}),
)
REFUSED_FIELDS = Contract(
    stage="staging",
    name="refused_fields",
    grain="one field of one kind of record that was kept out of one load",
    description="Fields without question, reason or owner in the source map (R26): counted, not staged. Their values stay in the landed "
    "record, so a replay brings them in once they have a purpose.",
    columns=columns("source source_object load_id field_name value_count"),
    key=("load_id", "source_object", "field_name"),
    partition="load_id",
)

CONTRACTS_GOVERNANCE: tuple[Contract, ...] = (EVENT_USAGE, REFUSED_FIELDS)
