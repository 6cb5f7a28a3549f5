"""CRM contract terms.

Here: Contract and ContractHistory records into SUBSCRIPTIONS. Not here: accounts (`crm_accounts`), opportunities (`crm_deals`),
mapped exports (`mapped_records`), churn labels (`uam_platform.churn`).

A term has one row, so it states what was signed: money, seats and plan are cast back through the contract's history to the day
the term was created, because a row known from that day on must not show what changed later. Notice and end carry the time they
were written down. A deleted term stays: it ran until it was deleted, for the reason `deleted`, so that no snapshot before loses it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from uam_platform.staging.crm_accounts import AccountIds, Change, Row, changes
from uam_platform.staging.record_log import Record, RecordLog, latest
from uam_platform.staging.record_values import (
    IMPOSSIBLE_TIME,
    RecordError,
    amount,
    is_true,
    moment,
    one_of,
    required_moment,
    text,
)
from uam_platform.staging.salesforce_ids import long_id

DELETED: Final = "deleted"
_PERIODS: Final = {
    "monthly": "monthly",
    "month": "monthly",
    "annual": "annual",
    "annually": "annual",
    "yearly": "annual",
    "year": "annual",
}


def billing_period(value: str | None) -> str:
    """How a term renews: monthly, annual or none, from the usual words for it."""
    return _PERIODS.get(one_of(value, tuple(_PERIODS), ""), "none")


def subscriptions(log: RecordLog, by_object: Mapping[str, list[Record]], ids: AccountIds) -> list[Row]:
    """Rows of SUBSCRIPTIONS.

    Args:
        log: takes what cannot be read.
        by_object: Salesforce records by object name.
        ids: accounts.
    """
    contracts = by_object.get("Contract", ())
    known = {long_id(record.record_id) or "" for record in contracts}
    history = changes(log, by_object.get("ContractHistory", ()), "ContractId", known)
    built = log.built(contracts, lambda r: _term(r, ids, history.get(long_id(r.record_id) or "", ())))
    return [_until_deleted(record, row) for record, row in latest(built).values()]


def _until_deleted(record: Record, row: Row) -> Row:
    """A term that the CRM deleted ends then, unless it had ended before: its change time is that of the deletion."""
    deleted = record.modified if is_true(record.payload, "IsDeleted") else None
    if deleted is None or (row["ended_at"] is not None and row["ended_at"] <= deleted):
        return row
    return row | {"ended_at": max(deleted, row["started_at"]), "end_reason": DELETED}


def _term(record: Record, ids: AccountIds, history: Sequence[Change]) -> Row:
    payload = record.payload
    started, term_end = required_moment(payload, "StartDate"), moment(payload, "EndDate")
    ended = _ended_at(record, history)
    for end, name in ((term_end, "EndDate"), (ended, "Ended_Date__c")):
        if end is not None and end < started:
            raise RecordError(IMPOSSIBLE_TIME, f"{name} is before StartDate")
    signed = {**payload, **_as_signed(history)}
    return {
        "source": record.load.source,
        "subscription_id": long_id(record.record_id),
        "account_id": ids.product_id(payload),
        "billing_period": billing_period(text(payload, "Billing_Period__c")),
        "plan": text(signed, "Plan__c"),
        "seat_count": amount(signed, "Seats__c"),
        "mrr_usd_cents": amount(signed, "MRR_USD__c", 100) or 0,
        "started_at": started,
        "term_end_at": term_end,
        "known_at": required_moment(payload, "CreatedDate"),
        "notice_at": _written_at(history, "Notice_Date__c", moment(payload, "Notice_Date__c")),
        "ended_at": ended,
        "end_reason": text(payload, "End_Reason__c"),
        "load_id": record.load.load_id,
    }


def _as_signed(history: Sequence[Change]) -> dict[str, str | None]:
    first: dict[str, str | None] = {}
    for change in history:
        first.setdefault(change.field, change.old)
    return {name: first[name] for name in ("Seats__c", "MRR_USD__c", "Plan__c") if first.get(name) is not None}


def _written_at(history: Sequence[Change], field: str, value: datetime | None) -> datetime | None:
    """When the present value of a field was written down; the value itself without history, null once it is withdrawn."""
    if value is None:
        return None
    written: datetime | None = None
    for change in history:
        if change.field == field:
            written = None if change.new is None else written or change.at
    return written or value


def _ended_at(record: Record, history: Sequence[Change]) -> datetime | None:
    """End of the relationship, no earlier than it was written down; cancelled contracts without a date end when cancelled."""
    payload = record.payload
    ended = moment(payload, "Ended_Date__c")
    if ended is not None:
        return max(ended, _written_at(history, "Ended_Date__c", ended) or ended)
    if (text(payload, "Status") or "").lower() != "cancelled":
        return None
    cancelled = [c.at for c in history if c.field == "Status" and (c.new or "").lower() == "cancelled"]
    return cancelled[-1] if cancelled else record.modified
