"""SQL that turns Segment deliveries into the JSON lines of Segment's S3 archive.

Belongs here: the exact shape of a line, including the lines the world wants spoilt. Does not belong here: files, names
and compression (`segment_archive.py`). Everything is one vectorised DuckDB expression per line: row dictionaries in
Python reach a tenth of the speed.

Shape follows Segment's common fields: https://segment.com/docs/connections/spec/common/.
"""

from pathlib import Path
from typing import Final, Literal

Side = Literal["client", "server"]

_PROPERTIES: Final = (
    "amount_usd_cents",
    "app_area",
    "duration_ms",
    "error_code",
    "feature",
    "feature_flag",
    "plan_tier",
    "quantity",
    "workflow",
    "workflow_id",
    "workflow_state",
    "workflow_step",
)

_CHROME: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)
_USER_AGENTS: Final = {
    "brave": _CHROME,
    "chrome": _CHROME,
    "edge": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
    "firefox": "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
    "safari": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
}


def lines_query(delivery_file: Path, side: Side) -> str:
    """Build the query for one day and source: one column `line` (ending in a newline), rows in delivery order."""
    path = str(delivery_file).replace("'", "''")
    return f"""
        WITH source AS (
            SELECT *, file_row_number AS row_no,
                epoch_us(original_at) // 1000 AS original_ms, epoch_us(sent_at) // 1000 AS sent_ms,
                epoch_us(received_at) // 1000 AS received_ms
            FROM read_parquet('{path}', file_row_number = true) WHERE side = '{side}'
        ), printed AS (SELECT *, {_times()} FROM source),
        spoilt AS (SELECT row_no, defect, message_id, {_line()} AS line FROM printed)
        SELECT {_spoil()} || chr(10) AS line FROM spoilt ORDER BY row_no
    """


def _times() -> str:
    corrected = "received_ms - (sent_ms - original_ms)"
    return f"""
        CASE defect WHEN 'far_future' THEN {_future("original_ms", "")} ELSE {_stamp("original_ms + tz_offset_min * 60000")} END
            || {_offset()} AS original_text,
        {_stamp("sent_ms")} || 'Z' AS sent_text,
        {_stamp("received_ms")} || 'Z' AS received_text,
        CASE defect WHEN 'bad_timestamp' THEN 'not-a-date' WHEN 'far_future' THEN {_future(corrected, "Z")}
            ELSE {_stamp(corrected)} || 'Z' END AS corrected_text
    """


def _stamp(milliseconds: str) -> str:
    """Print epoch milliseconds as ISO 8601 with milliseconds and without a zone."""
    return f"strftime(make_timestamp(({milliseconds}) * 1000), '%Y-%m-%dT%H:%M:%S.%g')"


def _future(milliseconds: str, zone: str) -> str:
    """Keep the time of day, put the date at the end of 2099 (a device clock that is far ahead)."""
    return f"'2099-12-31' || substr({_stamp(milliseconds)}, 11) || '{zone}'"


def _offset() -> str:
    """Print the device's offset: `Z` for UTC, else `+hh:mm` or `-hh:mm`."""
    return """CASE WHEN tz_offset_min = 0 THEN 'Z' ELSE concat(CASE WHEN tz_offset_min < 0 THEN '-' ELSE '+' END,
        lpad((abs(tz_offset_min) // 60)::VARCHAR, 2, '0'), ':', lpad((abs(tz_offset_min) % 60)::VARCHAR, 2, '0')) END"""


def _line() -> str:
    """Build the whole JSON object of a delivery; keys in alphabetical order as Segment's archive writes them."""
    is_event = "type IN ('track', 'page')"
    fields = (
        _always("anonymousId", "CASE WHEN defect = 'missing_ids' THEN NULL ELSE anonymous_id END"),
        _pair("channel", "side"),
        _object("context", _context()),
        f"CASE WHEN type = 'track' AND defect IS DISTINCT FROM 'missing_event' THEN {_pair('event', 'event')} END",
        f"CASE WHEN type = 'group' THEN {_pair('groupId', 'group_id')} END",
        "'\"integrations\":{}'",
        _pair("messageId", "message_id"),
        f"CASE WHEN type = 'page' THEN {_pair('name', 'name')} END",
        _pair("originalTimestamp", "original_text"),
        f"CASE WHEN type = 'alias' THEN {_pair('previousId', 'previous_id')} END",
        f"CASE WHEN {is_event} THEN {_object('properties', _properties())} END",
        _pair("receivedAt", "received_text"),
        _pair("sentAt", "sent_text"),
        _pair("timestamp", "corrected_text"),
        f"CASE WHEN type IN ('identify', 'group') THEN {_object('traits', _traits())} END",
        _pair("type", "type"),
        f"'\"userId\":' || {_user_id()}",
        "'\"version\":2'",
    )
    return f"'{{' || concat_ws(',', {', '.join(fields)}) || '}}'"


def _context() -> tuple[str, ...]:
    agents = " ".join(f"WHEN lower(browser) = '{name}' THEN '{agent}'" for name, agent in _USER_AGENTS.items())
    in_context = "type NOT IN ('identify', 'group') AND (role IS NOT NULL OR email IS NOT NULL)"
    return (
        f"CASE WHEN device_type IS NOT NULL THEN {_object('device', (_pair('type', 'device_type'),))} END",
        f"CASE WHEN type <> 'group' THEN {_pair('groupId', 'group_id')} END",
        _object("library", (_pair("name", "library"), _pair("version", "library_version"))),
        f"CASE WHEN {in_context} THEN {_object('traits', (_pair('email', 'email'), _pair('role', 'role')))} END",
        _pair("userAgent", f"CASE {agents} ELSE browser END"),
    )


def _properties() -> tuple[str, ...]:
    return (*(_pair(name, name) for name in _PROPERTIES), _pair("workspace_id", "group_id"))


def _traits() -> tuple[str, ...]:
    return (
        _pair("account_id", "account_id"),
        _pair("email", "email"),
        f"CASE WHEN type = 'group' THEN {_pair('plan', 'plan_tier')} END",
        _pair("role", "role"),
    )


def _user_id() -> str:
    digits = "coalesce(nullif(regexp_replace(user_id, '[^0-9]', '', 'g'), ''), '0')::HUGEINT::VARCHAR"
    return f"""CASE WHEN defect = 'user_id_number' AND user_id IS NOT NULL THEN {digits}
        WHEN user_id IS NULL OR defect = 'missing_ids' THEN 'null' ELSE to_json(user_id)::VARCHAR END"""


def _spoil() -> str:
    return """CASE defect WHEN 'truncated' THEN left(line, (length(line) // 2)::BIGINT)
        WHEN 'not_json' THEN 'upstream connect error or disconnect before headers, message ' || message_id ELSE line END"""


def _pair(key: str, value: str) -> str:
    """Print one key with its value, or NULL when the value is null, so that `concat_ws` leaves the key out."""
    return f"'\"{key}\":' || to_json({value})::VARCHAR"


def _always(key: str, value: str) -> str:
    return f"'\"{key}\":' || coalesce(to_json({value})::VARCHAR, 'null')"


def _object(key: str, fields: tuple[str, ...]) -> str:
    return f"'\"{key}\":{{' || concat_ws(',', {', '.join(fields)}) || '}}'"
