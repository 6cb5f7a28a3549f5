"""What Zendesk measures, asks and hears beside tickets: metric events, satisfaction ratings, chats.

Belongs here: their JSON objects and the pages of ratings and chats. Does not belong here: tickets (`zendesk_shapes.py`), the time
exports (`zendesk_export.py`), HTTP (`zendesk.py`). Keys follow what the APIs return. A fact after the sandbox's clock is not
there yet: a rating that is answered later is still only offered.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from uam_platform.simulation.sandbox.company import Company, Row
from uam_platform.simulation.sandbox.zendesk_shapes import epoch, iso

LISTED: Final = 100
_SENDERS: Final = {"end_user": "Visitor", "agent": "Agent", "bot": "Trigger"}


def rows_of(company: Company, table: str) -> list[Row]:
    """Return a table's rows; none where the company does not keep it."""
    return company.rows(table) if (company.root / f"{table}.parquet").is_file() else []


def metric_event(row: Row) -> dict[str, Any]:
    """Build one metric event."""
    return {
        **{name: row[name] for name in ("id", "ticket_id", "metric", "instance_id", "type")},
        "time": iso(row["time"]),
    }


def known_ratings(rows: Sequence[Row], now: int) -> list[Row]:
    """Return the ratings as they stand at epoch second `now`, in order of creation."""
    found = []
    for row in sorted(rows, key=lambda r: (r["created_at"], r["id"])):
        if epoch(row["created_at"]) <= now:
            is_answered = epoch(row["updated_at"]) <= now
            offered = {"score": "offered", "comment": None, "updated_at": row["created_at"]}
            found.append(row if is_answered else {**row, **offered})
    return found


def rating(row: Row, base_url: str) -> dict[str, Any]:
    """Build one satisfaction rating."""
    kept = ("id", "assignee_id", "group_id", "requester_id", "ticket_id", "score", "comment")
    return {
        "url": f"{base_url}/api/v2/satisfaction_ratings/{row['id']}.json",
        **{name: row[name] for name in kept},
        "reason": None,
        "created_at": iso(row["created_at"]),
        "updated_at": iso(row["updated_at"]),
    }


def listing(name: str, items: Sequence[Any], after: str, size: int, url: str) -> dict[str, Any]:
    """Build one page of a listing by `page[after]`; the cursor is the number of items before it.

    Raises:
        ValueError: When the cursor is not one of ours.
    """
    first = int(after or 0)
    last = min(first + size, len(items))
    has_more = last < len(items)
    following = f"{url}?page%5Bafter%5D={last}&page%5Bsize%5D={size}" if has_more else None
    meta = {"has_more": has_more, "after_cursor": str(last) if items else None, "before_cursor": None}
    return {name: list(items[first:last]), "meta": meta, "links": {"next": following, "prev": None}}


class Chats:
    """The chats of a company in the order of their last change.

    Args:
        company: The company to load.
        now: Epoch seconds of the sandbox clock; younger chats are not there yet.
        users: Users of the help desk by id.
        organizations: Organizations by id.
    """

    def __init__(self, company: Company, now: int, users: Mapping[int, Row], organizations: Mapping[int, Row]) -> None:
        self._users, self._organizations = users, organizations
        self._messages: dict[str, list[Row]] = {}
        for row in rows_of(company, "zendesk_conversation_messages"):
            self._messages.setdefault(row["conversation_id"], []).append(row)
        found = [r for r in rows_of(company, "zendesk_conversations") if epoch(r["updated_at"]) <= now]
        self._rows = sorted(found, key=_position)

    def page(self, start_time: int, start_id: str, limit: int, url: str) -> dict[str, Any]:
        """Build one page: from a second on, or after a chat of that second."""
        due = [r for r in self._rows if _position(r) > (start_time, start_id)]
        chats = due[:limit]
        end_time, end_id = _position(chats[-1]) if chats else (start_time, start_id)
        following = f"{url}?start_time={end_time}&start_id={end_id}&limit={limit}"
        items = [self._chat(row) for row in chats]
        return {"chats": items, "count": len(items), "end_time": end_time, "end_id": end_id, "next_page": following}

    def _chat(self, row: Row) -> dict[str, Any]:
        messages = sorted(self._messages.get(row["conversation_id"], []), key=lambda m: (m["sent_at"], m["message_id"]))
        user = self._users.get(row["requester_id"], {})
        organization = self._organizations.get(row["organization_id"], {})
        account = organization.get("external_id")
        return {
            "id": row["conversation_id"],
            "type": "chat",
            "timestamp": iso(row["created_at"]),
            "end_timestamp": iso(row["updated_at"]),
            "update_timestamp": iso(row["updated_at"]),
            "visitor": {
                "id": str(row["requester_id"]), "name": user.get("name", "Visitor"), "email": user.get("email", ""),
                "phone": "", "notes": "",
            },
            "zendesk_ticket_id": row["ticket_id"],
            "agent_ids": sorted({str(m["author_id"]) for m in messages if m["author_type"] == "agent"}),
            "history": [_message(m) for m in messages],
            "tags": [f"account:{account}"] if account else [],
            "count": {
                "visitor": sum(m["author_type"] == "end_user" for m in messages),
                "agent": sum(m["author_type"] == "agent" for m in messages),
                "total": len(messages),
            },
            "duration": int((row["updated_at"] - row["created_at"]).total_seconds()),
            "started_by": "visitor",
            "missed": False, "unread": False, "triggered": False, "rating": None, "comment": None,
            "department_id": None, "webpath": [], "conversions": [],
            "session": {"id": row["conversation_id"], "platform": row["channel"]},
        }  # fmt: skip


def _position(row: Row) -> tuple[int, str]:
    return epoch(row["updated_at"]), row["conversation_id"]


def _message(row: Row) -> dict[str, Any]:
    sender = _SENDERS.get(row["author_type"], "Visitor")
    nick = f"visitor:{row['author_id']}" if sender == "Visitor" else f"agent:{row['author_id']}"
    sent: datetime = row["sent_at"]
    return {
        "type": "chat.msg",
        "sender_type": sender,
        "nick": "agent:trigger" if sender == "Trigger" else nick,
        "name": sender,
        "msg": row["body"],
        "msg_id": row["message_id"],
        "timestamp": sent.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "channel": "#" + row["conversation_id"],
        "options": "",
    }
