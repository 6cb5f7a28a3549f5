"""CRM accounts as history: which facts held when, as far as the CRM proves it.

Here: Account, AccountHistory and User records into ACCOUNTS, and the way from a Salesforce id to the product's account id. Not here:
contracts and opportunities (`crm_terms`), mapped exports (`mapped_records`).

A field with field history is cast back through its old values to the day the account was created. A field without is known
from the load that first showed it on; before, it is null or `unknown`. Name and industry are declared immutable: they are
labels, not facts that move with the account's fate.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from uam_platform.contracts.vocabulary import VOCABULARY
from uam_platform.staging.record_log import Record, RecordLog, latest
from uam_platform.staging.record_values import (
    UNKNOWN_ACCOUNT,
    RecordError,
    is_true,
    known_day,
    one_of,
    required,
    required_moment,
    text,
)
from uam_platform.staging.salesforce_ids import is_id, long_id

FACTS: Final = ("OwnerId", "ParentId", "Tier__c", "Strategic_Fit__c")
TRACKED: Final = frozenset(
    {"OwnerId", "ParentId", "Tier__c"}
)  # others count as tracked once they appear in the history
_SPELLINGS: Final = {"Owner": "OwnerId", "Parent": "ParentId"}  # the history names look-up fields without their suffix
_LOOKUPS: Final = frozenset({"OwnerId", "ParentId"})

Facts = dict[str, str | None]
Row = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """One field change from a history object."""

    parent_id: str
    field: str
    old: str | None
    new: str | None
    at: datetime


@dataclass(frozen=True)
class AccountIds:
    """Salesforce account id (18 characters) to the product's account id."""

    by_salesforce_id: Mapping[str, str]

    def product_id(self, payload: Mapping[str, Any]) -> str:
        """Account a record belongs to.

        Raises:
            RecordError: the record names no account, or one we have never seen.
        """
        account = long_id(required(payload, "AccountId")) or ""
        if account not in self.by_salesforce_id:
            raise RecordError(UNKNOWN_ACCOUNT, "AccountId is not among the accounts landed so far")
        return self.by_salesforce_id[account]


def changes(log: RecordLog, records: Iterable[Record], parent: str, known: Iterable[str]) -> dict[str, list[Change]]:
    """Field changes of a history object by parent id, oldest first.

    Args:
        log: takes what cannot be read.
        records: AccountHistory or ContractHistory.
        parent: field with the parent's id.
        known: parent ids that exist.
    """
    parents = set(known)

    def build(record: Record) -> Change:
        owner = long_id(required(record.payload, parent)) or ""
        if owner not in parents:
            raise RecordError(f"unknown_{parent[:-2].lower()}", f"{parent} is not among the records landed so far")
        name = required(record.payload, "Field")
        field = _SPELLINGS.get(name, name)
        old, new = text(record.payload, "OldValue"), text(record.payload, "NewValue")
        return Change(owner, field, old, new, required_moment(record.payload, "CreatedDate"))

    found: dict[str, list[Change]] = defaultdict(list)
    for _, change in latest(log.built(records, build)).values():
        is_name = change.field in _LOOKUPS and not all(v is None or is_id(v) for v in (change.old, change.new))
        if not is_name:  # look-ups are written twice, by id and by name
            found[change.parent_id].append(change)
    return {key: sorted(rows, key=lambda c: c.at) for key, rows in found.items()}


@dataclass(frozen=True)
class _Version:
    seen_at: datetime
    created_at: datetime
    facts: Facts


def accounts(log: RecordLog, by_object: Mapping[str, list[Record]], grace: timedelta) -> tuple[list[Row], AccountIds]:
    """Rows of ACCOUNTS and the id map.

    Args:
        log: takes what cannot be read.
        by_object: Salesforce records by object name.
        grace: decision_at - as_of.
    """
    versions: dict[str, list[tuple[Record, _Version]]] = defaultdict(list)
    for record, version in log.built(by_object.get("Account", ()), _version):
        versions[long_id(record.record_id) or ""].append((record, version))
    current = {key: max(found, key=lambda pair: pair[0].version) for key, found in versions.items()}
    ids = AccountIds({key: text(r.payload, "Product_Account_Id__c") or key for key, (r, _) in current.items()})
    history = changes(log, by_object.get("AccountHistory", ()), "AccountId", versions)
    seen = {change.field for rows in history.values() for change in rows}
    tracked = (TRACKED | seen) & set(FACTS) if history else frozenset()
    owners = _owners(log, by_object.get("User", ()))
    rows, taken = [], set()
    for key, (record, version) in sorted(current.items(), key=lambda item: (item[1][1].created_at, item[0])):
        account_id = ids.by_salesforce_id[key]
        if account_id in taken:  # two CRM records of one product account: the older one speaks for it
            continue
        taken.add(account_id)
        periods = _periods([v for _, v in versions[key]], version, history.get(key, []), tracked)
        ended = record.modified if is_true(record.payload, "IsDeleted") else None
        for period in _bounded(periods, ended):
            rows.append({**_labels(record, key, account_id, version, grace), **_dated(*period, ids, owners, grace)})
    return rows, ids


def _version(record: Record) -> _Version:
    created = required_moment(record.payload, "CreatedDate")
    return _Version(record.load.loaded_time, created, {name: text(record.payload, name) for name in FACTS})


def _owners(log: RecordLog, records: Iterable[Record]) -> dict[str, tuple[str | None, str | None]]:
    built = log.built(records, lambda r: (text(r.payload, "Name"), text(r.payload, "Email")))
    return {long_id(key) or key: names for key, (_, names) in latest(built).items()}


def _periods(
    versions: Sequence[_Version], current: _Version, history: Sequence[Change], tracked: Iterable[str]
) -> list[tuple[datetime, Facts]]:
    """Start of each period and the facts that held in it; neighbours differ."""
    start, proven = current.created_at, set(tracked)
    observed = sorted(versions, key=lambda v: v.seen_at)
    times = {start, *(c.at for c in history if c.field in proven), *(v.seen_at for v in observed)}
    periods: list[tuple[datetime, Facts]] = []
    for at in sorted(t for t in times if t >= start):
        facts = {
            name: _proven(name, at, current, history) if name in proven else _observed(name, at, observed)
            for name in FACTS
        }
        if not periods or periods[-1][1] != facts:
            periods.append((at, facts))
    return periods


def _proven(name: str, at: datetime, current: _Version, history: Sequence[Change]) -> str | None:
    own = [change for change in history if change.field == name]
    later = [change for change in own if change.at > at]
    return later[0].old if later else current.facts[name]


def _observed(name: str, at: datetime, versions: Sequence[_Version]) -> str | None:
    seen = [version.facts[name] for version in versions if version.seen_at <= at]
    return seen[-1] if seen else None


def _bounded(
    periods: Sequence[tuple[datetime, Facts]], ended: datetime | None
) -> list[tuple[datetime, datetime | None, Facts]]:
    ends = [*(start for start, _ in periods[1:]), None]
    found = [(start, _earlier(end, ended), facts) for (start, facts), end in zip(periods, ends, strict=True)]
    return [period for period in found if period[1] is None or period[0] < period[1]]


def _earlier(a: datetime | None, b: datetime | None) -> datetime | None:
    return min((t for t in (a, b) if t is not None), default=None)


def _labels(record: Record, salesforce_id: str, account_id: str, version: _Version, grace: timedelta) -> Row:
    return {
        "source": record.load.source,
        "account_id": account_id,
        "account_id_salesforce": salesforce_id,
        "account_name": text(record.payload, "Name"),
        "industry": text(record.payload, "Industry"),
        "created_at": version.created_at,
        "load_id": record.load.load_id,
    }


def _dated(
    start: datetime,
    end: datetime | None,
    facts: Facts,
    ids: AccountIds,
    owners: Mapping[str, tuple[str | None, str | None]],
    grace: timedelta,
) -> Row:
    owner, parent = long_id(facts["OwnerId"]), long_id(facts["ParentId"])
    name, email = owners.get(owner or "", (None, None))
    return {
        "parent_account_id": ids.by_salesforce_id.get(parent, parent) if parent else None,
        "tier": one_of(facts["Tier__c"], VOCABULARY["tier"].allowed, "unknown"),
        "strategic_fit": one_of(facts["Strategic_Fit__c"], VOCABULARY["strategic_fit"].allowed, "unknown"),
        "owner_id": owner,
        "owner_name": name,
        "owner_email": email,
        "valid_from_at": start,
        "valid_to_at": end,
        "known_at": start,  # the CRM's server writes the change when it is made
        "known_date": known_day(start, start, grace),
    }
