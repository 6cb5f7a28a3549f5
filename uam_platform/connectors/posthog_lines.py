"""How PostHog writes an event, for `json_lines`.

Here: the keys of an event and what each means for the envelope. Not here: files and queries (`posthog_export`, `posthog_query`), what is
wrong with a value (`uam_platform.staging`). Properties: https://posthog.com/docs/data/events

A distinct id is a device's while nobody is identified: it equals `$device_id`, or `$is_identified` is false. Whatever else stands there is
the product's user id. What Segment passed on keeps Segment's message id.
"""

from typing import Final

from uam_platform.connectors.json_lines import PROPERTIES, TEXT, LineShape

SKIPPED_EVENTS: Final = ("$snapshot", "$snapshot_items", "$performance_event")
"""Screen recordings and timings: not actions, and megabytes each."""

_P: Final = "o.properties"
_READ: Final = (
    "$lib $is_server $device_id $is_identified $anon_distinct_id $insert_id $group_type $group_key $device_type $os $browser "
    "$app_version $lib_version $feature_flag $feature_flag_response"
).split()
_TRAITS: Final = dict.fromkeys(("email", "role", "account_id"), TEXT)
_DISTINCT: Final = "nullif(o.distinct_id, '')"
_IS_ALIAS: Final = "o.event IN ('$create_alias', '$merge_dangerously')"
_CLIENT_LIBRARIES: Final = "web|js|posthog-(ios|android|react-native|flutter|unity)"


def _property(name: str) -> str:
    return f'{_P}."{name}"'


_IS_DEVICE: Final = (
    f"(coalesce({_DISTINCT} = {_property('$device_id')}, false) "
    f"OR coalesce({_property('$is_identified')} = 'false', false))"
)
_IS_GROUP_ITSELF: Final = (  # what server libraries name as the actor when only a group is told
    f"coalesce(o.distinct_id = '$' || {_property('$group_type')} || '_' || {_property('$group_key')}, false)"
)


def line_shape(workspace_group: str, account_group: str) -> LineShape:
    """Shape of an event of one project.

    Args:
        workspace_group: group type whose key is the product's workspace id.
        account_group: group type whose key is the product's account id.
    """
    groups = {workspace_group: TEXT, account_group: TEXT}
    properties = {
        **dict.fromkeys([*_READ, *PROPERTIES, "alias", "email", "role", "account_id"], TEXT),
        "$groups": groups,
        "$set": _TRAITS,
        "$set_once": _TRAITS,
        "$group_set": _TRAITS,
    }
    keys = {
        **dict.fromkeys("uuid event distinct_id timestamp created_at _inserted_at".split(), TEXT),
        "properties": properties,
        "person_properties": {"email": TEXT},
    }
    return LineShape(keys, _envelope(workspace_group, account_group))


def _envelope(workspace_group: str, account_group: str) -> dict[str, str]:
    is_workspace, is_account = (f"{_property('$group_type')} = {_text(g)}" for g in (workspace_group, account_group))
    trait = {name: f"{_property('$set')}.{name}, {_property('$set_once')}.{name}" for name in _TRAITS}
    return {
        **{name: _property(name) for name in PROPERTIES},
        "message_id": f"CASE WHEN starts_with(lower(coalesce({_property('$lib')}, '')), 'segment') "
        f"THEN coalesce({_property('$insert_id')}, o.uuid) ELSE o.uuid END",
        "kind": f"CASE WHEN {_IS_ALIAS} THEN 'alias' WHEN o.event IN ('$identify', '$set') THEN 'identify' "
        "WHEN o.event = '$groupidentify' THEN 'group' WHEN o.event IN ('$pageview', '$screen') THEN 'page' ELSE 'track' END",
        "event_name": "o.event",
        "user_id": f"CASE WHEN {_IS_ALIAS} THEN {_property('alias')} WHEN {_IS_GROUP_ITSELF} THEN NULL "
        f"WHEN NOT {_IS_DEVICE} THEN {_DISTINCT} END",
        "anonymous_id": f"coalesce({_property('$anon_distinct_id')}, {_property('$device_id')}, "
        f"CASE WHEN {_IS_DEVICE} OR {_IS_GROUP_ITSELF} THEN {_DISTINCT} END)",
        "previous_id": f"CASE WHEN {_IS_ALIAS} THEN {_DISTINCT} END",
        "workspace_id": f"coalesce({_property('$groups')}.{_quoted(workspace_group)}, "
        f"CASE WHEN {is_workspace} THEN {_property('$group_key')} END, {_property('workspace_id')})",
        "account_id": f"coalesce({_property('$groups')}.{_quoted(account_group)}, {_property('$group_set')}.account_id, "
        f"CASE WHEN {is_account} THEN {_property('$group_key')} END, {trait['account_id']}, {_property('account_id')})",
        "email": f"coalesce({trait['email']}, {_property('email')}, o.person_properties.email)",
        "role": f"coalesce({trait['role']}, {_property('role')})",
        "side": f"CASE WHEN {_property('$is_server')} = 'true' THEN 'server' "
        f"WHEN regexp_full_match(lower({_property('$lib')}), '{_CLIENT_LIBRARIES}') THEN 'client' "
        f"WHEN starts_with(lower({_property('$lib')}), 'posthog-') THEN 'server' "
        f"WHEN {_property('$browser')} IS NOT NULL OR {_property('$device_id')} IS NOT NULL THEN 'client' ELSE 'server' END",
        "occurred_text": "o.timestamp",
        "received_text": "coalesce(o.created_at, o._inserted_at)",
        "device_type": f"lower({_property('$device_type')})",
        "browser": f"lower({_property('$browser')})",
        "app_version": f"coalesce({_property('$app_version')}, {_property('$lib_version')})",
        "feature_flag": f"CASE WHEN o.event = '$feature_flag_called' THEN concat_ws('=', {_property('$feature_flag')}, "
        f"{_property('$feature_flag_response')}) ELSE {_property('feature_flag')} END",
    }


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
