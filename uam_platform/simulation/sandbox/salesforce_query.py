"""Answers SOQL queries over the company's Salesforce objects.

Belongs here: objects, records as JSON, and paging by query locator. Does not belong here: the query language
(`salesforce_soql.py`) and HTTP (`salesforce.py`).
"""

import hashlib
import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from uam_platform.simulation.sandbox import salesforce_derived, salesforce_soql
from uam_platform.simulation.sandbox.company import Company, Row
from uam_platform.simulation.sandbox.salesforce_soql import Query, SoqlError

PAGE_SIZE: Final = 2000
SMALLEST_PAGE: Final = 200
TABLES: Final = {
    "User": "salesforce_user",
    "Account": "salesforce_account",
    "Contact": "salesforce_contact",
    "Opportunity": "salesforce_opportunity",
    "Contract": "salesforce_contract",
    "ContractHistory": "salesforce_contract_history",
    "AccountHistory": "salesforce_account_history",
}
_OBJECTS: Final = {name.lower(): name for name in (*TABLES, salesforce_derived.OPPORTUNITY_HISTORY)}


@dataclass(frozen=True)
class _Cursor:
    """An open result: rows already selected, and how to print them."""

    query: Query
    rows: list[Row]
    page_size: int


class SalesforceQueries:
    """Runs queries and keeps their open results.

    Args:
        company: What to query.
        now: Epoch seconds of the sandbox clock; younger rows are not there yet.
    """

    def __init__(self, company: Company, now: int) -> None:
        self._company = company
        self._now = datetime.fromtimestamp(now, UTC)
        self._lock = threading.Lock()
        self._loaded: dict[str, tuple[list[Row], dict[str, str]]] = {}
        self._cursors: dict[str, _Cursor] = {}

    def first_page(
        self,
        text: str,
        version: str,
        page_size: int,
        *,
        has_deleted: bool,
        is_stalled: bool,
    ) -> Row:
        """Run a query and return its first page.

        Raises:
            SoqlError: When Salesforce would refuse the query.
        """
        parsed = salesforce_soql.parse(text)
        name = _OBJECTS.get(parsed.object_name.lower())
        if name is None:
            raise SoqlError("INVALID_TYPE", f"sObject type '{parsed.object_name}' is not supported.")
        rows, kinds = self._load(name)
        query = salesforce_soql.check(parsed, kinds)
        visible = rows if has_deleted else [row for row in rows if not row.get("IsDeleted")]
        found = salesforce_soql.select(query, visible)
        if not parsed.fields:
            return {"totalSize": len(found), "done": True, "records": []}
        locator = _locator(f"{text}|{has_deleted}|{page_size}")
        with self._lock:
            self._cursors[locator] = _Cursor(query, found, page_size)
        return self._page(locator, 0, name, version, is_stalled=is_stalled)

    def next_page(self, locator: str, version: str, *, is_stalled: bool) -> Row:
        """Return the page a nextRecordsUrl points at.

        Raises:
            SoqlError: With code INVALID_QUERY_LOCATOR when the locator is unknown, as after two days or a restart.
        """
        base, _, start = locator.rpartition("-")
        if base not in self._cursors or not start.isdigit():
            raise SoqlError("INVALID_QUERY_LOCATOR", "invalid query locator")
        name = _OBJECTS[self._cursors[base].query.object_name.lower()]
        return self._page(base, int(start), name, version, is_stalled=is_stalled)

    def has_record(self, object_name: str, record_id: str) -> bool:
        """Tell whether a record with this id exists."""
        rows, _ = self._load(object_name)
        return any(row["Id"][: len(record_id)] == record_id for row in rows)

    def is_active_user(self, user_id: str) -> bool:
        """Tell whether a user may still own records."""
        rows, _ = self._load("User")
        return any(row["Id"][: len(user_id)] == user_id and row.get("IsActive", True) for row in rows)

    def account_of_product(self, account_id: str) -> str | None:
        """Return the id of the undeleted account with a product account id, None when there is none."""
        rows, _ = self._load("Account")
        found = (r["Id"] for r in rows if r.get("Product_Account_Id__c") == account_id and not r.get("IsDeleted"))
        return next(found, None)

    def _page(self, locator: str, start: int, name: str, version: str, *, is_stalled: bool) -> Row:
        cursor = self._cursors[locator]
        end = start if is_stalled else min(start + cursor.page_size, len(cursor.rows))
        _, kinds = self._load(name)
        records = [_record(row, name, cursor.query.fields, kinds, version) for row in cursor.rows[start:end]]
        body: Row = {"totalSize": len(cursor.rows), "done": end == len(cursor.rows) and not is_stalled}
        if not body["done"]:
            body["nextRecordsUrl"] = f"/services/data/{version}/query/{locator}-{end}"
        return {**body, "records": records}

    def _load(self, name: str) -> tuple[list[Row], dict[str, str]]:
        with self._lock:
            if name not in self._loaded:
                rows, kinds = salesforce_derived.rows_of(self._company, name, TABLES)
                stamp = "SystemModstamp" if "SystemModstamp" in kinds else "CreatedDate"
                self._loaded[name] = [row for row in rows if row[stamp] <= self._now], kinds
            return self._loaded[name]


def _record(row: Row, name: str, fields: tuple[str, ...], kinds: dict[str, str], version: str) -> Row:
    url = f"/services/data/{version}/sobjects/{name}/{row['Id']}"
    values = {field: printed(row[field], kinds[field]) for field in fields}
    return {"attributes": {"type": name, "url": url}, **values}


def printed(value: Any, kind: str) -> Any:
    """Print one value as Salesforce does: date-times in milliseconds with an offset that has no colon."""
    if value is None:
        return None
    if kind == "datetime" and isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03d}+0000"
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value


def _locator(text: str) -> str:
    return "0r8xx" + hashlib.sha256(text.encode()).hexdigest()[:13]
