"""CRM opportunities.

Here: Opportunity and OpportunityHistory records into OPPORTUNITIES. Not here: accounts (`crm_accounts`), contract terms
(`crm_terms`).

A row states the latest state. When an opportunity was closed is taken from its history, because a later correction of a closed
one must not move its end; without history it is the last change. A deleted opportunity is over since its deletion at the latest.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from uam_platform.staging.crm_accounts import AccountIds, Row
from uam_platform.staging.record_log import Record, RecordLog, latest
from uam_platform.staging.record_values import (
    RecordError,
    amount,
    is_true,
    moment,
    required,
    required_moment,
    text,
)
from uam_platform.staging.salesforce_ids import long_id

_CLOSED: Final = "closed"


@dataclass(frozen=True)
class _Stage:
    opportunity_id: str
    at: datetime
    is_closed: bool


def opportunities(log: RecordLog, by_object: Mapping[str, list[Record]], ids: AccountIds) -> list[Row]:
    """Rows of OPPORTUNITIES.

    Args:
        log: takes what cannot be read.
        by_object: Salesforce records by object name.
        ids: accounts.
    """
    deals = by_object.get("Opportunity", ())
    stages = _stages(
        log, by_object.get("OpportunityHistory", ()), {long_id(record.record_id) or "" for record in deals}
    )
    built = log.built(deals, lambda r: _opportunity(r, ids, stages.get(long_id(r.record_id) or "", ())))
    return [row for _, row in latest(built).values()]


def _stages(log: RecordLog, records: Sequence[Record], known: set[str]) -> dict[str, list[_Stage]]:
    """Stages of each opportunity, oldest first."""

    def build(record: Record) -> _Stage:
        deal = long_id(required(record.payload, "OpportunityId")) or ""
        if deal not in known:
            raise RecordError("unknown_opportunity", "OpportunityId is not among the records landed so far")
        stage = required(record.payload, "StageName")
        return _Stage(deal, required_moment(record.payload, "CreatedDate"), _says_closed(stage))

    found: dict[str, list[_Stage]] = defaultdict(list)
    for _, stage in latest(log.built(records, build)).values():
        found[stage.opportunity_id].append(stage)
    return {key: sorted(own, key=lambda s: s.at) for key, own in found.items()}


def _says_closed(stage: str | None) -> bool:
    return (stage or "").lower().startswith(_CLOSED)


def _opportunity(record: Record, ids: AccountIds, stages: Sequence[_Stage]) -> Row:
    payload = record.payload
    created = required_moment(payload, "CreatedDate")
    updated = max(record.modified or created, created)
    close, stage = moment(payload, "CloseDate"), text(payload, "StageName")
    deleted = updated if is_true(payload, "IsDeleted") else None
    is_closed = is_true(payload, "IsClosed") or _says_closed(stage)
    ends = [deleted, _closed_at(stages) or updated if is_closed else None]
    return {
        "source": record.load.source,
        "opportunity_id": long_id(record.record_id),
        "account_id": ids.product_id(payload),
        "opportunity_type": text(payload, "Type"),
        "stage": stage,
        "amount_usd_cents": amount(payload, "Amount", 100),
        "close_date": close.date() if close else None,
        "is_closed": is_closed or deleted is not None,
        "is_won": is_true(payload, "IsWon") and is_closed,
        "created_at": created,
        "updated_at": updated,
        "closed_at": min((end for end in ends if end is not None), default=None),
        "deleted_at": deleted,
        "known_at": updated,
        "load_id": record.load.load_id,
    }


def _closed_at(stages: Sequence[_Stage]) -> datetime | None:
    """Since when it has been closed without a break; None while its history does not end closed."""
    since: datetime | None = None
    for stage in stages:
        since = (since or stage.at) if stage.is_closed else None
    return since
