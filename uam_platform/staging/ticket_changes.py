"""What happened to a support ticket: opened, escalated, reopened, solved, commented or merely changed (R45).

Here: replaying a ticket's audits in order, rebuilding the state before each from our own sequence, because the export does not
promise the previous value. Not here: reading the records and their account (`tickets`).

Escalated: the priority is raised to high or urgent, the tag `escalated` is added, or a ticket with that tag changes group.
Reopened: a solved ticket goes back to any state but closed. Source of the signals: Zendesk's ticket events,
https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/#incremental-ticket-event-export
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

OPENED: Final = "opened"
_RANK: Final = {None: 0, "low": 1, "normal": 2, "high": 3, "urgent": 4}
_RAISED: Final = 3
_FIELDS: Final = ("status", "priority", "group_id", "tags")
_ESCALATED_TAG: Final = "escalated"


@dataclass(frozen=True)
class Audit:
    """Child events that happened together on one ticket.

    Attributes:
        at: when, naive UTC.
        order: breaks ties between audits of the same second (the vendor's ascending id).
        load_id: load that landed it.
        row_no: position in that load.
        children: the vendor's child events.
    """

    at: datetime
    order: int
    load_id: str
    row_no: int
    children: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class TicketChange:
    """One change, with status and priority after it."""

    audit: Audit
    change: str
    status: str | None
    priority: str | None


@dataclass(frozen=True)
class _State:
    status: str | None = None
    priority: str | None = None
    group_id: str | None = None
    tags: frozenset[str] = frozenset()


def replay(audits: Sequence[Audit]) -> list[TicketChange]:
    """Changes of one ticket, oldest first; an audit may be several (escalated and reopened), at least one."""
    state = _State()
    found = []
    for audit in sorted(audits, key=lambda a: (a.at, a.order)):
        before, state = _before(state, audit), _after(state, audit)
        if any(child.get("event_type") == "Create" for child in audit.children):
            kinds = [OPENED]
        else:
            kinds = list(_kinds(before, state)) or [_minor(audit)]
        found += [TicketChange(audit, kind, state.status, state.priority) for kind in kinds]
    return found


def _kinds(before: _State, after: _State) -> Iterator[str]:
    if before.status == "solved" and after.status not in ("solved", "closed"):
        yield "reopened"
    if _is_escalated(before, after):
        yield "escalated"
    if after.status == "solved" and before.status != "solved":
        yield "solved"


def _is_escalated(before: _State, after: _State) -> bool:
    is_raised = _RANK.get(after.priority, 0) >= _RAISED and _RANK.get(after.priority, 0) > _RANK.get(before.priority, 0)
    is_tagged = _ESCALATED_TAG in after.tags
    return is_raised or (is_tagged and (_ESCALATED_TAG not in before.tags or after.group_id != before.group_id))


def _minor(audit: Audit) -> str:
    return "commented" if any(child.get("event_type") == "Comment" for child in audit.children) else "changed"


def _after(state: _State, audit: Audit) -> _State:
    return _with(
        state, {f: c[f] for c in audit.children for f in _FIELDS if f in c and c.get("event_type") != "Comment"}
    )


def _before(state: _State, audit: Audit) -> _State:
    """Our own state; where our sequence starts late, what the audit says about the value before."""
    named = {f: c.get("previous_value") for c in audit.children for f in _FIELDS if f in c and "previous_value" in c}
    return _with(state, {f: value for f, value in named.items() if value is not None and not getattr(state, f)})


def _with(state: _State, values: Mapping[str, Any]) -> _State:
    tags = values.get("tags", state.tags)
    group = values.get("group_id", state.group_id)
    return _State(
        status=_word(values.get("status", state.status)),
        priority=_word(values.get("priority", state.priority)),
        group_id=None if group is None else str(group),
        tags=frozenset(tags.replace(",", " ").split() if isinstance(tags, str) else tags or ()),
    )


def _word(value: Any) -> str | None:
    return str(value).lower() if value else None
