"""How Amplitude's export writes an event, for `json_lines`.

Here: the keys of a line and what each means for the envelope. Not here: the export itself (`amplitude`), repeats (`uam_platform.staging`).
Shape of a line: https://amplitude.com/docs/apis/analytics/export

Times are UTC without a zone. What another tool passed on keeps that tool's message id and repaired time: it has no clock of its own to
repair. Other records are one per device and `$insert_id`, as Amplitude itself counts them, else per `uuid`.
"""

from typing import Final

from uam_platform.connectors.json_lines import PROPERTIES, TEXT, LineShape, first_value

_FORWARDED: Final = "starts_with(lower(coalesce(o.library, '')), 'segment')"
_OWN_ID: Final = "coalesce(o.device_id, o.user_id, '') || ':' || o.\"$insert_id\""
_SERVER_LIBRARIES: Final = "node|python|java/|java$|golang|go/|ruby|php|http/|batch|server|dotnet"
_TRAITS: Final = ("email", "role", "account_id", "accountId")
_PAGES: Final = ("[Amplitude] Page Viewed", "$pageview", "[Amplitude] Screen Viewed")


def line_shape(workspace_group: str) -> LineShape:
    """Shape of a line of one company.

    Args:
        workspace_group: group type whose value is the product's workspace id; its first value counts.
    """
    keys = {
        **dict.fromkeys(
            "$insert_id uuid event_type user_id device_id library platform os_name version_name".split(), TEXT
        ),
        **dict.fromkeys("client_event_time client_upload_time event_time server_received_time".split(), TEXT),
        "event_properties": dict.fromkeys(PROPERTIES, TEXT),
        "user_properties": dict.fromkeys(_TRAITS, TEXT),
        "groups": {workspace_group: TEXT},
    }
    group = 'o.groups."' + workspace_group.replace('"', '""') + '"'
    pages = ", ".join(f"'{name}'" for name in _PAGES)
    envelope = {
        **{name: f"o.event_properties.{name}" for name in PROPERTIES},
        "message_id": f'CASE WHEN {_FORWARDED} THEN coalesce(o."$insert_id", o.uuid) ELSE coalesce({_OWN_ID}, o.uuid) END',
        "kind": f"CASE WHEN o.event_type = '$identify' THEN 'identify' WHEN o.event_type IN ({pages}) THEN 'page' ELSE 'track' END",
        "event_name": "o.event_type",
        "user_id": "nullif(o.user_id, '')",
        "anonymous_id": "nullif(o.device_id, '')",
        "workspace_id": f"coalesce({first_value(group)}, o.event_properties.workspace_id)",
        "account_id": "coalesce(o.user_properties.account_id, o.user_properties.accountId)",
        "email": "o.user_properties.email",
        "role": "o.user_properties.role",
        "side": f"CASE WHEN lower(o.platform) = 'server' THEN 'server' WHEN o.platform IN ('Web', 'iOS', 'Android') THEN 'client' "
        f"WHEN regexp_matches(lower(o.library), '{_SERVER_LIBRARIES}') THEN 'server' ELSE 'client' END",
        "occurred_text": f"CASE WHEN {_FORWARDED} THEN coalesce(o.client_event_time, o.event_time) ELSE o.event_time END",
        "original_text": f"CASE WHEN NOT {_FORWARDED} THEN o.client_event_time END",
        "sent_text": f"CASE WHEN NOT {_FORWARDED} THEN o.client_upload_time END",
        "received_text": "o.server_received_time",
        "browser": "CASE WHEN o.platform = 'Web' THEN lower(o.os_name) END",  # of a web client os_name is the browser
        "app_version": "o.version_name",
        "device_type": "CASE WHEN o.platform IN ('iOS', 'Android') THEN 'mobile' WHEN o.platform = 'Web' THEN 'desktop' END",
    }
    return LineShape(keys, envelope)
