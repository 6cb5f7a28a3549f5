"""What a connector lands: the neutral envelope of an event delivery, and of a small API record.

Here: the two shapes that every connector writes and staging reads. Values stay text as received, so that staging, not the
connector, decides what is wrong with them. Not here: canonical tables (`tables`), the load manifest (`uam_platform.lake.loads`).
"""

from typing import Final

DELIVERY_COLUMNS: Final[tuple[tuple[str, str], ...]] = (
    ("message_id", "the vendor's id of the record; null if it has none (then the content is hashed)"),
    ("kind", "track | page | identify | group | alias"),
    ("event_name", "event name as delivered"),
    ("user_id", "product user id"),
    ("anonymous_id", "device or cookie id"),
    ("previous_id", "identifier that an alias call replaces"),
    ("workspace_id", "workspace (group) the record names"),
    ("account_id", "account the record claims for its workspace"),
    ("email", "e-mail trait; staging stores only its hash"),
    ("role", "role trait"),
    ("side", "client | server"),
    ("occurred_text", "event time as the vendor computed it"),
    ("original_text", "event time by the device's clock"),
    ("sent_text", "sending time by the device's clock"),
    ("received_text", "receipt time by the vendor's clock"),
    ("feature", "product feature"),
    ("workflow", "workflow"),
    ("workflow_id", "one run of a workflow"),
    ("workflow_step", "step"),
    ("workflow_state", "state"),
    ("error_code", "error"),
    ("app_area", "area of the product"),
    ("device_type", "device class"),
    ("browser", "browser of the acting person, also where a server tells it for them"),
    ("app_version", "version of the app that acted, else of the tracking library in it"),
    ("plan_tier", "plan on the record"),
    ("feature_flag", "flag variant"),
    ("duration_ms", "length in milliseconds"),
    ("quantity", "units"),
    ("amount_usd_cents", "money in cents"),
    ("parse_error", "reason code when the line is no record: not_json, truncated, too_large, invalid, wrong_side"),
    ("raw_line", "the bytes of such a line"),
)
"""Event envelope: every column VARCHAR and nullable; beside them `row_no` BIGINT, the position in the load, from 0."""

RECORD_COLUMNS: Final[tuple[tuple[str, str], ...]] = (
    ("source_object", "vendor's name for the kind of record, e.g. ticket, Contract"),
    ("record_id", "the vendor's id"),
    ("modified_text", "the vendor's own change time (cursor field) as text"),
    ("payload", "the vendor's record whole, as JSON text"),
)
"""Small API record: every column VARCHAR; beside them `row_no` BIGINT."""
