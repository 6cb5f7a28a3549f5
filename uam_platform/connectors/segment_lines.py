"""How Segment writes an event, for `json_lines`.

Here: the keys of a line and what each means for the envelope. Not here: splitting and reading lines (`json_lines`), files and stores
(`segment`), what is wrong with a value (`uam_platform.staging`). Shape of a line: https://segment.com/docs/connections/spec/common/
"""

from typing import Final

import duckdb
import pyarrow as pa

from uam_platform.connectors.json_lines import PROPERTIES, TEXT, LineShape
from uam_platform.connectors.user_agents import browser_of

_TRAITS: Final = dict.fromkeys(("email", "role", "account_id", "accountId"), TEXT)
_KEYS: Final = {
    **dict.fromkeys("type event name userId anonymousId previousId groupId messageId channel".split(), TEXT),
    **dict.fromkeys("originalTimestamp sentAt receivedAt timestamp".split(), TEXT),
    "context": {
        "groupId": TEXT,
        "device": {"type": TEXT},
        "library": {"name": TEXT, "version": TEXT},
        "app": {"version": TEXT},
        "userAgent": TEXT,
        "traits": _TRAITS,
    },
    "traits": _TRAITS,
    "properties": dict.fromkeys(PROPERTIES, TEXT),
}

_CLIENT_LIBRARIES: Final = (
    "analytics.js|analytics-ios|analytics-android|analytics-swift|analytics-kotlin|react|flutter|xamarin"
)

_ENVELOPE: Final = {
    **{name: f"o.properties.{name}" for name in PROPERTIES},
    "message_id": "o.messageId",
    "kind": "CASE o.type WHEN 'screen' THEN 'page' ELSE o.type END",  # a screen is the page of a mobile app
    "event_name": "coalesce(o.event, o.name)",
    "user_id": "o.userId",
    "anonymous_id": "o.anonymousId",
    "previous_id": "o.previousId",
    "workspace_id": "coalesce(o.groupId, o.context.groupId, o.properties.workspace_id)",
    "account_id": "coalesce(o.traits.account_id, o.traits.accountId)",
    "email": "coalesce(o.traits.email, o.context.traits.email)",
    "role": "coalesce(o.traits.role, o.context.traits.role)",
    "side": f"CASE WHEN o.channel IN ('client', 'server') THEN o.channel WHEN o.context.library.name IS NULL THEN NULL "
    f"WHEN regexp_matches(o.context.library.name, '{_CLIENT_LIBRARIES}') THEN 'client' ELSE 'server' END",
    "occurred_text": "o.timestamp",
    "original_text": "o.originalTimestamp",
    "sent_text": "o.sentAt",
    "received_text": "o.receivedAt",
    "device_type": "o.context.device.type",
    "browser": browser_of("o.context.userAgent"),
    "app_version": "coalesce(o.context.app.version, o.context.library.version)",
}

_LINES: Final = LineShape(_KEYS, _ENVELOPE)


def decode(connection: duckdb.DuckDBPyConnection, lines: pa.Array, first_row: int) -> pa.Table:
    """The envelope of a batch of Segment's lines; see `LineShape.decode`."""
    return _LINES.decode(connection, lines, first_row)
