"""Queries over the files of the company for the analytics tools: what a second tool holds, as JSON lines.

Belongs here: SQL from the company's tables to the lines of Amplitude's and Mixpanel's exports. Does not belong here: HTTP, windows in
a vendor's words, packing (`amplitude.py`, `mixpanel.py`).

Amplitude holds what the world says it holds (`amplitude_events`). The world knows nothing of Mixpanel: it gets what Segment forwards of
every tenth workspace.
"""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from uam_platform.simulation.sandbox.company import Company

AMPLITUDE_APP: Final = 434735
UPLOAD_LAG_US: Final = 2_000_000
MIXPANEL_SHARE: Final = 10
_LATEST: Final = timedelta(days=24)  # receipt of an event after it happened: nine days late, replayed up to fourteen
_PROPERTIES: Final = "feature workflow workflow_id workflow_step workflow_state error_code duration_ms quantity".split()
_NULLS: Final = (
    "$insert_key $schema adid amplitude_attribution_ids amplitude_event_type city country device_brand device_carrier device_family "
    "device_manufacturer device_model device_type dma global_user_properties idfa ip_address is_attribution_event language location_lat "
    "location_lng os_name os_version partner_id paying region sample_rate start_version user_creation_time version_name"
).split()


def amplitude_lines(company: Company, start: datetime, end: datetime, *, is_changed: bool) -> list[tuple[str, str]]:
    """(upload hour as `YYYY-MM-DD_H`, line) of what was uploaded from `start` until before `end` (UTC), in order of upload."""
    days = [start.date() - timedelta(days=1) + timedelta(days=n) for n in range((end.date() - start.date()).days + 2)]
    paths = _paths(company.root / "amplitude_events", days)
    upload = f"epoch_us(server_received_time) + {UPLOAD_LAG_US}"
    query = f"""
        WITH held AS (
            SELECT *, {upload} AS upload_us, epoch_us(server_received_time) AS received_us,
                epoch_us(server_received_time) - (epoch_us(client_upload_time) - epoch_us(event_time)) AS true_us
            FROM read_parquet(?)
        )
        SELECT strftime(make_timestamp(upload_us), '%Y-%m-%d_') || extract(hour FROM make_timestamp(upload_us)) AS hour,
            {_amplitude_line(is_changed)} AS line
        FROM held WHERE upload_us >= ? AND upload_us < ? ORDER BY upload_us, insert_id, event_time
    """
    return _fetch(query, [paths, _us(start), _us(end)]) if paths else []


def amplitude_types(company: Company) -> list[tuple[str, int]]:
    """Event types and how often each occurs."""
    paths = sorted(str(path) for path in (company.root / "amplitude_events").glob("*.parquet"))
    return _fetch("SELECT event_type, count(*) FROM read_parquet(?) GROUP BY 1 ORDER BY 1", [paths]) if paths else []


def _amplitude_line(is_changed: bool) -> str:
    named = ", ".join(f"{name} := {name}" for name in _PROPERTIES if name != "duration_ms")
    duration = "duration_ms::VARCHAR" if is_changed else "duration_ms"
    fields = {
        **dict.fromkeys(_NULLS, "NULL"),
        "$insert_id": "insert_id",
        "amplitude_id": "(md5_number_lower(coalesce(user_id, device_id, 'nobody')) >> 24)::BIGINT",
        "app": str(AMPLITUDE_APP),
        "client_event_time": _stamp("epoch_us(event_time)"),
        "client_upload_time": _stamp("epoch_us(client_upload_time)"),
        "data": "struct_pack(path := '/2/httpapi', group_first_event := json('{}'), group_ids := json('{}'))",
        "data_type": "'event'",
        "device_id": "device_id",
        "event_id": "(md5_number_upper(insert_id) >> 34)::BIGINT",
        "event_properties": f"json_merge_patch('{{}}', to_json(struct_pack({named}, duration_ms := {duration})))",
        "event_time": _stamp("true_us"),
        "event_type": "event_type",
        "group_properties": "json('{}')",
        "groups": "CASE WHEN group_id IS NULL THEN json('{}') ELSE json_object('workspace', [group_id]) END",
        "library": "library",
        "plan": "json('{}')",
        "platform": "platform",
        "processed_time": _stamp("upload_us + 1914000"),
        "server_received_time": _stamp("received_us"),
        "server_upload_time": _stamp("upload_us"),
        "session_id": "session_id",
        "source_id": "''",
        "user_id": "user_id",
        "user_properties": "json('{}')",
        "uuid": "md5(insert_id || '/' || received_us)::UUID::VARCHAR",
    }
    if is_changed:
        fields["ingestion_route"] = "json('{\"hops\": 2}')"
    packed = ", ".join(f'"{name}" := {value}' for name, value in sorted(fields.items()))
    return f"to_json(struct_pack({packed}))::VARCHAR"


def mixpanel_lines(
    company: Company, first: date, last: date, now: datetime, *, is_in_ms: bool, is_changed: bool
) -> list[str]:
    """Lines of the events that happened from day `first` to day `last` and were received before `now` (UTC)."""
    stretch = (last - first + _LATEST).days
    paths = _paths(company.root / "deliveries", [first + timedelta(days=n - 1) for n in range(stretch + 2)])
    query = f"""
        WITH held AS (
            SELECT *, epoch_us(received_at) AS received_us,
                (epoch_us(received_at) - (epoch_us(sent_at) - epoch_us(original_at))) // 1000 AS true_ms
            FROM read_parquet(?)
            WHERE type = 'track' AND defect IS NULL AND event IS NOT NULL AND coalesce(user_id, anonymous_id) IS NOT NULL
                AND group_id IS NOT NULL AND md5_number_lower(group_id) % {MIXPANEL_SHARE} = 0
        )
        SELECT {_mixpanel_line(is_in_ms, is_changed)} FROM held
        WHERE make_timestamp(true_ms * 1000)::DATE BETWEEN ? AND ? AND received_us <= ? ORDER BY true_ms, message_id, received_us
    """
    return [line for (line,) in _fetch(query, [paths, first, last, _us(now)])] if paths else []


def _mixpanel_line(is_in_ms: bool, is_changed: bool) -> str:
    fields = {
        "time": "true_ms" if is_in_ms else "true_ms // 1000",
        "distinct_id": "coalesce(user_id, '$device:' || anonymous_id)",
        "$insert_id": "message_id",
        "$user_id": "user_id",
        "$device_id": "anonymous_id",
        "$source": "'segment'",
        "$browser": "CASE WHEN side = 'client' THEN browser END",
        "mp_lib": "'Segment: ' || library",
        "mp_processing_time_ms": "received_us // 1000 + 1200",
        "workspace_id": "[group_id]",
        **{name: name for name in _PROPERTIES},
    }
    if is_changed:
        fields |= {"duration_ms": "duration_ms::VARCHAR", "ingestion_route": "json('{\"hops\": 2}')"}
    packed = ", ".join(f'"{name}" := {value}' for name, value in fields.items())
    line = f"json_merge_patch('{{}}', to_json(struct_pack({packed})))"
    return f"to_json(struct_pack(event := event, properties := {line}))::VARCHAR"


def mixpanel_profiles(company: Company) -> list[dict[str, Any]]:
    """Profiles of every fifth customer that support knows too."""
    query = """
        SELECT external_id, name, email, updated_at FROM read_parquet(?)
        WHERE external_id IS NOT NULL AND md5_number_lower(external_id) % 5 = 1 ORDER BY external_id
    """
    rows = _fetch(query, [[str(company.root / "zendesk_users.parquet")]])
    return [
        {
            "$distinct_id": user,
            "$properties": {"$name": name, "$email": email, "$last_seen": f"{seen:%Y-%m-%dT%H:%M:%S}"},
        }
        for user, name, email, seen in rows
    ]


def _stamp(microseconds: str) -> str:
    return f"strftime(make_timestamp({microseconds}), '%Y-%m-%d %H:%M:%S.%f')"


def _us(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000


def _paths(folder: Path, days: list[date]) -> list[str]:
    paths = [folder / f"received_date={day}.parquet" for day in days]
    return [str(path) for path in paths if path.exists()]


def _fetch(query: str, parameters: list[Any]) -> list[Any]:
    import duckdb

    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET TimeZone='UTC'")
        return connection.execute(query, parameters).fetchall()
