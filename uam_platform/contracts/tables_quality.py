"""Contracts of data quality: client beside server, daily profiles, findings.

Here: the tables. Not here: what a column means (`vocabulary_quality`, `vocabulary`), how they are computed (`uam_platform.quality`).
"""

from uam_platform.contracts.model import Contract, Ordered
from uam_platform.contracts.vocabulary import columns

CLIENT_SERVER_DAYS = Contract(
    stage="quality",
    name="client_server_days",
    grain="one pair of client and server events, event day, browser, device class and app version",
    description="What clients told beside what servers told of the same runs (R54-R56): the under-count ratio with its interval. Only runs "
    "whose start no server told are compared. Counts are those of the day on which the event day was settled and never change later.",
    columns=columns(
        "twin event_date browser device_type app_version context_basis client_count server_count matched_count renamed_count "
        "actor_count undercount_ratio undercount_low_ratio undercount_high_ratio"
    ),
    key=("twin", "event_date", "browser", "device_type", "app_version", "context_basis"),
    nullable=frozenset({"undercount_ratio", "undercount_low_ratio", "undercount_high_ratio"}),
)
DAILY_PROFILES = Contract(
    stage="quality",
    name="daily_profiles",
    grain="one event day, source, side and counted subject",
    description="What each source delivered per event day, as known when the day was closed: rows, rows by name, rows without a field.",
    columns=columns("event_date source side profile_kind profile_subject profile_row_count profile_part_count"),
    key=("event_date", "source", "side", "profile_kind", "profile_subject"),
)
SOURCE_ORDER_DAYS = Contract(
    stage="quality",
    name="source_order_days",
    grain="one kind of order, event day and pair of sources",
    description="What two sources, or the two sides, say of the same runs: how far apart, how often in an order that cannot be, and how "
    "many of the times are exact (R96). A source whose clock or zone is off shows in the quartiles.",
    columns=columns(
        "order_kind event_date source other_source pair_count wrong_order_count exact_count apart_low_ms apart_ms apart_high_ms"
    ),
    key=("order_kind", "event_date", "source", "other_source"),
)
QUALITY_FINDINGS = Contract(
    stage="quality",
    name="quality_findings",
    grain="one finding on the data, from the day it could first be told until it is over",
    description="What is wrong or unusual about the data, since when, how much, and who answers for it (R76, R81, R93). Computed for each "
    "day from what was known then; a fingerprint names the same trouble whenever it comes back.",
    columns=columns(
        "finding_id fingerprint finding_kind source finding_subject finding_part since_date first_seen_date last_seen_date "
        "resolved_date severity affected_count size_ratio duty duty_owner consumers finding_text"
    ),
    key=("first_seen_date", "finding_id"),
    nullable=frozenset({"resolved_date"}),
    rules=(Ordered("first_seen_date", "last_seen_date"), Ordered("last_seen_date", "resolved_date")),
)

CONTRACTS_QUALITY: tuple[Contract, ...] = (CLIENT_SERVER_DAYS, DAILY_PROFILES, SOURCE_ORDER_DAYS, QUALITY_FINDINGS)
