"""What Zendesk's metric events add to the history of a ticket: first replies, broken promises, and turns that no audit tells.

Here: ticket_metric_event records into rows of TICKET_EVENTS. Not here: audits (`ticket_changes`), the tickets themselves (`tickets`).

A reply or a breach is told by nothing else. That a ticket was solved or reopened is told by its audits as well: such a
measurement counts only where no audit of the same ticket says the same within a minute, as before the first import of audits. A
retracted measurement (`deleted`) counts for nothing.
https://developer.zendesk.com/documentation/ticketing/reference-guides/ticket-metric-event-types-reference/
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from uam_platform.staging.record_log import Record, RecordLog, latest
from uam_platform.staging.record_values import is_true, number, required, required_moment, text
from uam_platform.staging.tickets import Row, event_row

SAME: Final = timedelta(minutes=1)
_REPLY, _RESOLUTION = "reply_time", "resolution_time"
_SOLVED, _REOPENED = "solved", "reopened"
_STATUS: Final = {_SOLVED: "solved", _REOPENED: "open"}


def measured_events(log: RecordLog, records: Iterable[Record], told: Iterable[Row], grace: timedelta) -> list[Row]:
    """Rows of TICKET_EVENTS that metric events add.

    Args:
        log: takes what cannot be read.
        records: ticket_metric_event records.
        told: TICKET_EVENTS from audits.
        grace: decision_at - as_of.
    """
    times: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for row in told:
        if row["change"] in _STATUS:
            times[row["ticket_id"], row["change"]].append(row["occurred_at"])
    built = latest(log.built(records, _measured)).values()
    rows = [_row(record, *found, grace) for record, found in built if found is not None]
    return [row for row in rows if not _is_told(row, times)]


def _measured(record: Record) -> tuple[str, str, datetime] | None:
    """Ticket, change and time; None for a measurement that says nothing here."""
    payload = record.payload
    ticket = f"{record.load.source}:{required(payload, 'ticket_id')}"
    at = required_moment(payload, "time")
    change = None if is_true(payload, "deleted") else _change(payload)
    return None if change is None else (ticket, change, at)


def _change(payload: Mapping[str, object]) -> str | None:
    metric, kind = text(payload, "metric"), text(payload, "type")
    if kind == "breach":
        return "breached"
    if (metric, kind) == (_REPLY, "fulfill"):
        return "replied"
    if (metric, kind) == (_RESOLUTION, "fulfill"):
        return _SOLVED
    is_again = (number(payload, "instance_id") or 0) > 1  # the first instance begins when the ticket is opened
    return _REOPENED if (metric, kind) == (_RESOLUTION, "activate") and is_again else None


def _row(record: Record, ticket_id: str, change: str, at: datetime, grace: timedelta) -> Row:
    load_id, status = record.load.load_id, _STATUS.get(change)
    return event_row(ticket_id, change, at, at, grace, load_id=load_id, row_no=record.row_no, status=status)


def _is_told(row: Row, times: Mapping[tuple[str, str], list[datetime]]) -> bool:
    return any(abs(row["occurred_at"] - at) <= SAME for at in times.get((row["ticket_id"], row["change"]), ()))
