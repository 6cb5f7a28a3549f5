"""Zendesk's JSON objects, built from company rows.

Belongs here: the keys and formats of tickets, users, organizations, audits, ticket events and metric sets. Does not
belong here: paging (`zendesk_export.py`) and HTTP (`zendesk.py`). Keys follow what the API returns, including the many
that are null for a company that does not use a feature. Times have one-second resolution.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from uam_platform.simulation.sandbox.company import Row

AUDIT_ID_BASE: Final = 10**15
"""Audits get ids above all child events, for the company only numbers the child events."""

_BRAND_ID: Final = 46_406_158_162_001
_FORM_ID: Final = 46_406_146_302_001
_CHANNELS: Final = {"web": "Web form", "email": "Mail", "api": "Web service", "chat": "Chat", "system": "System"}
_NO_TIMES: Final = (
    "reply_time_in_minutes",
    "first_resolution_time_in_minutes",
    "full_resolution_time_in_minutes",
    "agent_wait_time_in_minutes",
    "requester_wait_time_in_minutes",
)


def iso(moment: datetime) -> str:
    """Print a UTC time as Zendesk does."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def epoch(moment: datetime) -> int:
    """Return whole epoch seconds, rounded down."""
    return int(moment.timestamp() // 1)


def ticket(row: Row, base_url: str) -> dict[str, Any]:
    """Build one ticket of an incremental export."""
    return {
        "url": f"{base_url}/api/v2/tickets/{row['ticket_id']}.json",
        "id": row["ticket_id"],
        "external_id": None,
        "via": _via(row["via_channel"]),
        "created_at": iso(row["created_at"]),
        "updated_at": iso(row["updated_at"]),
        "generated_timestamp": epoch(row["generated_at"]),
        "type": row["type"],
        "subject": row["subject"],
        "raw_subject": row["subject"],
        "description": row["description"],
        "priority": row["priority"],
        "status": row["status"],
        "recipient": None,
        "requester_id": row["requester_id"],
        "submitter_id": row["requester_id"],
        "assignee_id": row["assignee_id"],
        "organization_id": row["organization_id"],
        "group_id": row["group_id"],
        "tags": list(row["tags"] or []),
        **_unused_ticket_fields(row["ticket_id"]),
    }


def _unused_ticket_fields(ticket_id: int) -> dict[str, Any]:
    return {
        "collaborator_ids": [],
        "follower_ids": [],
        "email_cc_ids": [],
        "forum_topic_id": None,
        "problem_id": None,
        "has_incidents": False,
        "is_public": True,
        "due_at": None,
        "custom_fields": [],
        "satisfaction_rating": {"score": "unoffered"},
        "sharing_agreement_ids": [],
        "custom_status_id": None,
        "encoded_id": f"SBX{ticket_id:X}",
        "fields": [],
        "followup_ids": [],
        "ticket_form_id": _FORM_ID,
        "brand_id": _BRAND_ID,
        "allow_channelback": False,
        "allow_attachments": True,
        "from_messaging_channel": False,
        "support_type": "agent",
    }


def user(row: Row, base_url: str) -> dict[str, Any]:
    """Build one user."""
    is_staff = row["role"] != "end-user"
    nulls = ("phone", "shared_phone_number", "photo", "alias", "last_login_at", "two_factor_auth_enabled", "signature")
    more_nulls = ("details", "notes", "role_type", "custom_role_id", "is_billing_admin", "default_group_id")
    return {
        "id": row["zendesk_user_id"],
        "url": f"{base_url}/api/v2/users/{row['zendesk_user_id']}.json",
        "name": row["name"],
        "email": row["email"],
        "created_at": iso(row["created_at"]),
        "updated_at": iso(row["updated_at"]),
        "time_zone": "Etc/UTC",
        "iana_time_zone": "Etc/UTC",
        "locale_id": 1,
        "locale": "en-US",
        "organization_id": row["organization_id"],
        "role": row["role"],
        "verified": True,
        "external_id": row["external_id"],
        "tags": [],
        "active": True,
        "shared": False,
        "shared_agent": False,
        "moderator": is_staff,
        "ticket_restriction": None if is_staff else "requested",
        "only_private_comments": False,
        "restricted_agent": not is_staff,
        "suspended": False,
        "report_csv": False,
        "user_fields": {},
        "suspension_details": None,
        **dict.fromkeys((*nulls, *more_nulls)),
    }


def organization(row: Row, base_url: str) -> dict[str, Any]:
    """Build one organization."""
    return {
        "url": f"{base_url}/api/v2/organizations/{row['organization_id']}.json",
        "id": row["organization_id"],
        "name": row["name"],
        "shared_tickets": False,
        "shared_comments": False,
        "external_id": row["external_id"],
        "created_at": iso(row["created_at"]),
        "updated_at": iso(row["updated_at"]),
        "domain_names": [],
        "details": None,
        "notes": None,
        "group_id": None,
        "tags": [],
        "organization_fields": {},
        "deleted_at": None,
    }


def audit_id(events: Sequence[Row]) -> int:
    """Return the id of the audit that groups these child events."""
    return AUDIT_ID_BASE + int(min(event["event_id"] for event in events))


def audit(events: Sequence[Row]) -> dict[str, Any]:
    """Build one audit of `tickets/{id}/audits` from the child events that happened together."""
    first = events[0]
    return {
        "id": audit_id(events),
        "ticket_id": first["ticket_id"],
        "created_at": iso(first["occurred_at"]),
        "author_id": first["updater_id"],
        "metadata": {"system": {}, "custom": {}},
        "events": [_audit_event(event, audit_id(events)) for event in events],
        "via": _via(first["via"]),
    }


def _audit_event(event: Row, parent_id: int) -> dict[str, Any]:
    if event["field"] is None:
        return {"id": event["event_id"], "type": "Comment", **_comment(event, parent_id)}
    return {
        "id": event["event_id"],
        "type": "Create" if event["previous_value"] is None and event["field"] == "status" else "Change",
        "value": _value(event["field"], event["value"]),
        "field_name": event["field"],
        "previous_value": _value(event["field"], event["previous_value"]),
    }


def ticket_event(events: Sequence[Row], has_comments: bool) -> dict[str, Any]:
    """Build one item of the incremental ticket event export; comments only when they were asked for."""
    first = events[0]
    parent_id = audit_id(events)
    children = [_child_event(e, parent_id) for e in events if e["field"] is not None or has_comments]
    return {
        "id": parent_id,
        "ticket_id": first["ticket_id"],
        "timestamp": epoch(first["occurred_at"]),
        "created_at": iso(first["occurred_at"]),
        "updater_id": first["updater_id"],
        "via": _via_words(first["via"]),
        "system": {},
        "metadata": {},
        "event_type": "Audit",
        "child_events": children,
    }


def _child_event(event: Row, parent_id: int) -> dict[str, Any]:
    base = {"id": event["event_id"], "via": _via_words(event["via"]), "via_reference_id": None}
    if event["field"] is None:
        created = {"created_at": iso(event["occurred_at"])}
        return {**base, "event_type": "Comment", "type": "Comment", **_comment(event, parent_id), **created}
    is_first = event["previous_value"] is None
    return {
        **base,
        "event_type": "Create" if is_first and event["field"] == "status" else "Change",
        event["field"]: _value(event["field"], event["value"]),
        "previous_value": _value(event["field"], event["previous_value"]),
    }


def _comment(event: Row, parent_id: int) -> dict[str, Any]:
    body = event["comment_body"] or ""
    return {
        "author_id": event["updater_id"],
        "body": body,
        "html_body": f'<div class="zd-comment" dir="auto">{body}</div>',
        "plain_body": body,
        "public": bool(event["is_public"]),
        "attachments": [],
        "audit_id": parent_id,
    }


def metric_set(row: Row, events: Sequence[Row], base_url: str) -> dict[str, Any]:
    """Build the metrics of one ticket from its child events, oldest first."""
    solved = [e for e in events if e["field"] == "status" and e["value"] == "solved"]
    statuses = [e for e in events if e["field"] == "status"]
    comments = [e for e in events if e["field"] is None]
    assigned = [e for e in events if e["field"] == "assignee_id"]
    replies = [e for e in comments if e["is_public"] and e["updater_id"] != row["requester_id"]]
    ticket_id = row["ticket_id"]
    return {
        "url": f"{base_url}/api/v2/ticket_metrics/{ticket_id}.json",
        "id": ticket_id,
        "ticket_id": ticket_id,
        "created_at": iso(row["created_at"]),
        "updated_at": iso(row["updated_at"]),
        "group_stations": sum(e["field"] == "group_id" for e in events),
        "assignee_stations": len(assigned),
        "reopens": sum(e["previous_value"] == "solved" and e["value"] != "closed" for e in statuses),
        "replies": len(replies),
        "assignee_updated_at": None,
        "requester_updated_at": _last([e for e in comments if e["updater_id"] == row["requester_id"]]),
        "status_updated_at": _last(statuses),
        "initially_assigned_at": _last(assigned[:1]),
        "assigned_at": _last(assigned),
        "solved_at": _last(solved),
        "latest_comment_added_at": _last(comments),
        **{name: {"calendar": None, "business": None} for name in _NO_TIMES},
        "reply_time_in_minutes": _minutes(row["created_at"], replies[:1]),
        "first_resolution_time_in_minutes": _minutes(row["created_at"], solved[:1]),
        "full_resolution_time_in_minutes": _minutes(row["created_at"], solved[-1:]),
        "on_hold_time_in_minutes": {"calendar": 0, "business": 0},
        "custom_status_updated_at": None,
    }


def _last(events: Sequence[Row]) -> str | None:
    return iso(events[-1]["occurred_at"]) if events else None


def _minutes(start: datetime, events: Sequence[Row]) -> dict[str, int | None]:
    minutes = int((events[0]["occurred_at"] - start).total_seconds() // 60) if events else None
    return {"calendar": minutes, "business": minutes}


def _value(field: str, value: str | None) -> Any:
    """Give tags as the list Zendesk gives; the company holds them separated by commas or spaces."""
    if field != "tags" or value is None:
        return value
    return [tag for tag in value.replace(",", " ").split(" ") if tag]


def _via(channel: str | None) -> dict[str, Any]:
    return {"channel": channel or "web", "source": {"from": {}, "to": {}, "rel": None}}


def _via_words(channel: str | None) -> str:
    return _CHANNELS.get((channel or "web").lower(), channel or "Web form")
