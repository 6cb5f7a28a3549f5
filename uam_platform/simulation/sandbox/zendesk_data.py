"""The Zendesk side of a company, in memory and in export order.

Belongs here: loading and grouping. Does not belong here: JSON objects (`zendesk_shapes.py`, `zendesk_feedback.py`), paging arithmetic
(`zendesk_export.py`), HTTP (`zendesk.py`).
"""

from itertools import groupby
from operator import itemgetter
from typing import Any

from uam_platform.simulation.sandbox import zendesk_feedback
from uam_platform.simulation.sandbox.company import Company, Row
from uam_platform.simulation.sandbox.zendesk_export import Export, Position
from uam_platform.simulation.sandbox.zendesk_shapes import audit_id, epoch

AuditRows = list[Row]
"""Child events that one updater made on one ticket at one moment."""


class ZendeskData:
    """Tickets, audits, metric events, ratings, chats, users and organizations of one company.

    Args:
        company: The company to load.
        now: Epoch seconds of the sandbox clock; younger rows are withheld.
    """

    def __init__(self, company: Company, now: int) -> None:
        audits = _audits(company.rows("zendesk_ticket_events"))
        tickets, users = company.rows("zendesk_tickets"), company.rows("zendesk_users")
        organizations = company.rows("zendesk_organizations")
        self.tickets = Export(tickets, _position("generated_at", "ticket_id"), now)
        self.users = Export(users, _position("updated_at", "zendesk_user_id"), now)
        self.organizations = Export(organizations, _position("updated_at", "organization_id"), now)
        self.audits = Export(audits, lambda rows: (epoch(rows[0]["occurred_at"]), audit_id(rows)), now)
        self.ticket_by_id = {row["ticket_id"]: row for row in tickets}
        self.user_by_id = {row["zendesk_user_id"]: row for row in users}
        self.organization_by_id = {row["organization_id"]: row for row in organizations}
        measured = zendesk_feedback.rows_of(company, "zendesk_ticket_metric_events")
        self.metric_events = Export(measured, _position("time", "id"), now)
        self.ratings = zendesk_feedback.known_ratings(
            zendesk_feedback.rows_of(company, "zendesk_satisfaction_ratings"), now
        )
        self.chats = zendesk_feedback.Chats(company, now, self.user_by_id, self.organization_by_id)
        self.audits_by_ticket: dict[int, list[AuditRows]] = {}
        for rows in audits:
            self.audits_by_ticket.setdefault(rows[0]["ticket_id"], []).append(rows)

    def events_of(self, ticket_id: int) -> list[Row]:
        """List the child events of a ticket, oldest first."""
        return [event for rows in self.audits_by_ticket.get(ticket_id, []) for event in rows]


def _position(time_column: str, id_column: str) -> Any:
    def position(row: Row) -> Position:
        return epoch(row[time_column]), int(row[id_column])

    return position


def _audits(events: list[Row]) -> list[AuditRows]:
    key = itemgetter("ticket_id", "occurred_at", "updater_id")
    ordered = sorted(events, key=lambda row: (*key(row), row["event_id"]))
    return [list(rows) for _, rows in groupby(ordered, key=key)]
