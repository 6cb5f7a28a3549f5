"""Events of PostHog's, Amplitude's and Mixpanel's clients in Segment's shape; pure.

Here: one function per kind of message. Not here: what all have in common (side, receipt, ids: `collected_events`), the HTTP
endpoints (`uam_platform.collector`).

Each returns type, event or name, userId and anonymousId, messageId, originalTimestamp, and properties, traits and context where there
are any. A device's id is anonymous; an id that a client calls identified is a user's.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

Shape = dict[str, Any]

_GROUP_TYPES: Final = ("workspace", "workspace_id", "company", "company_id", "organization", "account")
"""Which of several groups is the workspace, in this order; else the first one named."""
_MILLISECONDS_FROM: Final = 100_000_000_000  # as seconds this is the year 5138: larger numbers are milliseconds


def identifier(value: Any) -> str | None:
    """An id as text; None for what is none."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None


def posthog(body: Shape) -> Shape:
    """Legacy and v1 capture. https://posthog.com/docs/api/capture; fields that the SDKs send."""
    properties = _object(body.get("properties"))
    name = identifier(body.get("event"))
    distinct_id = _first(body.get("distinct_id"), body.get("$distinct_id"), properties.get("distinct_id"))
    device = identifier(properties.get("$device_id")) or identifier(properties.get("$anon_distinct_id"))
    is_anonymous = properties.get("$is_identified") is False or (distinct_id is not None and distinct_id == device)
    found: Shape = {
        "type": "track",
        "event": name,
        "userId": None if is_anonymous else distinct_id,
        "anonymousId": distinct_id if is_anonymous else device,
        "messageId": _first(body.get("uuid"), properties.get("$insert_id")),
        "originalTimestamp": _posthog_time(body, properties),
        "properties": properties,
        "context": _context(
            properties.get("$lib"),
            properties.get("$device_type"),
            properties.get("$groups"),
            properties.get("$session_id"),
        ),
    }
    if name in ("$pageview", "$screen"):
        title = _first(properties.get("$screen_name"), properties.get("$pathname"), properties.get("$current_url"))
        return {**found, "type": "page", "event": None, "name": title}
    if name in ("$create_alias", "$merge_dangerously"):
        return {**found, "event": None, "anonymousId": None, **_posthog_alias(properties, distinct_id, is_anonymous)}
    if name in ("$identify", "$set", "$groupidentify"):
        return {**found, "event": None, **_posthog_call(str(name), body, properties, distinct_id)}
    return found


def _posthog_alias(properties: Shape, distinct_id: str | None, is_anonymous: bool) -> Shape:
    """Which of the two ids stays: the clients disagree. Python and the browser call the new one `alias`, the others the old one."""
    other = identifier(properties.get("alias"))
    if is_anonymous or properties.get("$lib") in ("posthog-python", "web"):
        return {"type": "alias", "userId": other, "previousId": distinct_id}
    return {"type": "alias", "userId": distinct_id, "previousId": other}


def _posthog_call(name: str, body: Shape, properties: Shape, distinct_id: str | None) -> Shape:
    if name == "$groupidentify":
        # Servers send it for the group itself, under an id made of type and key: that is nobody who acts.
        made_up = f"${identifier(properties.get('$group_type'))}_{identifier(properties.get('$group_key'))}"
        actor = None if distinct_id == made_up else distinct_id
        traits = _object(properties.get("$group_set"))
        return {"type": "group", "userId": actor, "groupId": identifier(properties.get("$group_key")), "traits": traits}
    traits = {**_object(properties.get("$set_once")), **_object(properties.get("$set"))}
    traits = {**_object(body.get("$set_once")), **_object(body.get("$set")), **traits}
    traits["email"] = _first(traits.get("email"), traits.get("$email"))
    return {"type": "identify", "userId": distinct_id, "traits": traits}


def _posthog_time(body: Shape, properties: Shape) -> str | None:
    """Own time; browsers may give an age instead (`aged`)."""
    given = _first(body.get("timestamp"), properties.get("timestamp"))
    return given if given is not None else epoch_text(properties.get("$time"))


def amplitude(body: Shape) -> Shape:
    """HTTP V2 and batch. https://amplitude.com/docs/apis/analytics/http-v2."""
    properties = _object(body.get("event_properties"))
    name = identifier(body.get("event_type"))
    user, device = identifier(body.get("user_id")), identifier(body.get("device_id"))
    insert_id = identifier(body.get("insert_id"))
    groups = body.get("groups")
    found: Shape = {
        "type": "track",
        "event": name,
        "userId": user,
        "anonymousId": device,
        "messageId": f"{device or user}/{insert_id}" if insert_id else None,  # unique per device
        "originalTimestamp": epoch_text(body.get("time")),
        "properties": properties,
        "context": _context(body.get("library"), body.get("device_type"), groups, None),
    }
    operations = _object(body.get("user_properties"))
    if name == "$identify":
        plain = {key: value for key, value in operations.items() if not key.startswith("$")}
        traits = {**plain, **_object(operations.get("$setOnce")), **_object(operations.get("$set"))}
        return {**found, "type": "identify", "event": None, "traits": traits}
    if name == "$groupidentify":
        operations = _object(body.get("group_properties"))
        plain = {key: value for key, value in operations.items() if not key.startswith("$")}
        traits = {**plain, **_object(operations.get("$setOnce")), **_object(operations.get("$set"))}
        return {**found, "type": "group", "event": None, "groupId": _workspace(groups), "traits": traits}
    if name == "[Amplitude] Page Viewed":
        return {**found, "type": "page", "event": None, "name": identifier(properties.get("[Amplitude] Page Path"))}
    return found


def mixpanel(body: Shape) -> Shape:
    """/track and /import. https://developer.mixpanel.com/reference/import-events."""
    properties = _object(body.get("properties"))
    name = identifier(body.get("event"))
    user, device, distinct_id = _mixpanel_ids(properties)
    insert_id, time = identifier(properties.get("$insert_id")), properties.get("time")
    found: Shape = {
        "type": "track",
        "event": name,
        "userId": user,
        "anonymousId": device,
        # Mixpanel recognises a repeat by these four
        "messageId": f"{name}/{distinct_id}/{identifier(time)}/{insert_id}" if insert_id else None,
        "originalTimestamp": epoch_text(time),
        "properties": properties,
        "context": _context(
            properties.get("mp_lib"), properties.get("$device_type"), _mixpanel_groups(properties), None
        ),
    }
    if name == "$mp_web_page_view":
        return {**found, "type": "page", "event": None, "name": identifier(properties.get("current_url_path"))}
    if name in ("$create_alias", "$merge"):
        previous = identifier(properties.get("alias"))
        merged = properties.get("$distinct_ids")
        if previous is None and isinstance(merged, list) and len(merged) == 2:
            distinct_id, previous = identifier(merged[0]), identifier(merged[1])
        return {
            **found,
            "type": "alias",
            "event": None,
            "userId": distinct_id,
            "anonymousId": None,
            "previousId": previous,
        }
    if name == "$identify":
        identified = _first(properties.get("$identified_id"), user, distinct_id)
        return {
            **found,
            "type": "identify",
            "event": None,
            "userId": identified,
            "anonymousId": _first(properties.get("$anon_id"), device),
        }
    return found


def _mixpanel_ids(properties: Shape) -> tuple[str | None, str | None, str | None]:
    """User, device and distinct id of an event. https://docs.mixpanel.com/docs/tracking-methods/id-management."""
    distinct_id = identifier(properties.get("distinct_id"))
    user, device = identifier(properties.get("$user_id")), identifier(properties.get("$device_id"))
    if user is None and distinct_id is not None:
        bare = distinct_id.removeprefix("$device:")
        if bare != distinct_id or bare == device:
            return None, bare, distinct_id
        user = distinct_id
    return user, device, distinct_id


def _mixpanel_groups(properties: Shape) -> Shape:
    named: Shape = {name: properties[name] for name in _GROUP_TYPES if name in properties}
    return named or _object(properties.get("$groups"))


def mixpanel_profile(body: Shape) -> Shape:
    """/engage: what is said of a user. https://developer.mixpanel.com/reference/profile-set."""
    traits = {**_object(body.get("$set_once")), **_object(body.get("$set"))}
    traits["email"] = _first(traits.get("email"), traits.get("$email"))
    distinct_id = identifier(body.get("$distinct_id"))
    is_device = distinct_id is not None and distinct_id.startswith("$device:")
    return {
        "type": "identify",
        "userId": None if is_device else distinct_id,
        "anonymousId": distinct_id.removeprefix("$device:") if distinct_id and is_device else None,
        "originalTimestamp": epoch_text(body.get("$time")),
        "traits": traits,
    }


def mixpanel_group(body: Shape) -> Shape:
    """/groups: what is said of a group; nobody acts. https://developer.mixpanel.com/reference/group-set-property."""
    traits = {**_object(body.get("$set_once")), **_object(body.get("$set"))}
    return {"type": "group", "groupId": identifier(body.get("$group_id")), "traits": traits}


def epoch_text(value: Any) -> str | None:
    """Epoch seconds or milliseconds, also as text, as ISO 8601; other text is left for staging to judge."""
    if isinstance(value, str):
        if not value.strip().lstrip("-").replace(".", "", 1).isdecimal():
            return value or None
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    seconds = value / 1000 if abs(value) >= _MILLISECONDS_FROM else value
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=round(seconds * 1_000_000))
    except (OverflowError, ValueError):
        return str(value)  # no time: staging says so
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def aged(body: Shape, received_at: str) -> str | None:
    """Time of an event whose client says only how many milliseconds ago it was (`offset` of PostHog's browser client)."""
    age = body.get("offset")
    if isinstance(age, bool) or not isinstance(age, int | float) or not 0 <= age < _MILLISECONDS_FROM:
        return None
    moment = datetime.fromisoformat(received_at) - timedelta(milliseconds=age)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _context(library: Any, device_type: Any, groups: Any, session: Any) -> Shape:
    found: Shape = {"groupId": _workspace(groups)}
    if isinstance(library, str):
        found["library"] = {"name": library}
    if isinstance(device_type, str):
        found["device"] = {"type": device_type.lower()}
    if isinstance(session, str):
        found["sessionId"] = session
    return found


def _workspace(groups: Any) -> str | None:
    """The group that is the workspace; of a list of names the first."""
    if not isinstance(groups, Mapping):
        return None
    order = [name for name in _GROUP_TYPES if name in groups] or list(groups)[:1]
    for name in order:
        value = groups[name]
        if (found := identifier(value[0] if isinstance(value, list) and value else value)) is not None:
            return found
    return None


def _first(*values: Any) -> str | None:
    """The first that is an id."""
    return next((found for value in values if (found := identifier(value)) is not None), None)


def _object(value: Any) -> Shape:
    return value if isinstance(value, dict) else {}
