"""Tasks that clients write into Salesforce.

Belongs here: upsert by external id, its validation and its durable record. Does not belong here: HTTP
(`salesforce.py`), fields of accounts (`salesforce_context.py`). A task is keyed by (external id field, value): writing the
same key twice updates the first record, which is what makes a retry harmless.
"""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from uam_platform.simulation.sandbox.received import Journal

Fields = dict[str, Any]

_LENGTHS: Final = {"Subject": 255, "Description": 32_000}
_FIELDS: Final = frozenset("WhoId WhatId OwnerId Subject Description Status Priority ActivityDate Type".split())
_READ_ONLY: Final = ("AccountId", "CreatedDate", "SystemModstamp", "LastModifiedDate", "Id")
_WHO_PREFIXES: Final = ("003", "00Q")
_WHAT_PREFIXES: Final = ("001", "006", "500", "800")


class TaskError(ValueError):
    """A write that Salesforce would refuse with HTTP 400."""

    def __init__(self, code: str, message: str, *fields: str) -> None:
        super().__init__(message)
        self.code = code
        self.fields = list(fields)


@dataclass(frozen=True)
class Upserted:
    """Outcome of an upsert."""

    record_id: str
    is_created: bool


class Tasks:
    """All tasks, rebuilt from the journal at start.

    Args:
        journal: Where accepted writes are recorded.
        exists: Tells whether a record id is known to the company.
        is_active: Tells whether a user may still own anything.
    """

    def __init__(
        self,
        journal: Journal,
        exists: Callable[[str], bool],
        is_active: Callable[[str], bool] = lambda user_id: True,
    ) -> None:
        self._journal = journal
        self._exists = exists
        self._is_active = is_active
        self._lock = threading.Lock()
        self._tasks: dict[tuple[str, str], Fields] = {}
        for entry in journal.entries():
            if entry["object"] != "Task":
                continue
            key = entry["external_id_field"], entry["external_id"]
            self._tasks[key] = {**self._tasks.get(key, {}), **entry["fields"]}

    def upsert(self, field: str, value: str, fields: Fields) -> Upserted:
        """Create or update the task with this external id.

        Raises:
            TaskError: When the external id field or a value is not acceptable.
        """
        _check(field, fields)
        for name in ("WhoId", "WhatId", "OwnerId"):
            if fields.get(name) and not self._exists(fields[name]):
                raise TaskError("INVALID_CROSS_REFERENCE_KEY", f"invalid cross reference id: {fields[name]}", name)
        if fields.get("OwnerId") and not self._is_active(fields["OwnerId"]):
            said = f"operation performed with inactive user [{fields['OwnerId']}] as owner of task"
            raise TaskError("INACTIVE_OWNER_OR_USER", said)
        with self._lock:
            is_created = (field, value) not in self._tasks
            record_id = _record_id(field, value)
            stored = {**self._tasks.get((field, value), {}), **fields}
            self._journal.append(
                {
                    "object": "Task",
                    "id": record_id,
                    "external_id_field": field,
                    "external_id": value,
                    "created": is_created,
                    "fields": fields,
                }
            )
            self._tasks[field, value] = stored
        return Upserted(record_id, is_created)

    def get(self, field: str, value: str) -> Fields | None:
        """Return a task by its external id, as a GET shows it."""
        stored = self._tasks.get((field, value))
        if stored is None:
            return None
        return {"Id": _record_id(field, value), field: value, **stored}


def _check(field: str, fields: Fields) -> None:
    if not field.endswith("__c"):
        raise TaskError("NOT_FOUND", f"Provided external ID field does not exist or is not accessible: {field}")
    for name in (*_READ_ONLY, field):
        if name in fields:
            raise TaskError("INVALID_FIELD_FOR_INSERT_UPDATE", f"Unable to create/update fields: {name}", name)
    for name in fields:
        if name not in _FIELDS and not name.endswith("__c"):
            raise TaskError("INVALID_FIELD", f"No such column '{name}' on sobject of type Task", name)
    for name, limit in _LENGTHS.items():
        if len(str(fields.get(name) or "")) > limit:
            raise TaskError("STRING_TOO_LONG", f"{name}: data value too large (max length={limit})", name)
    _check_reference(fields, "WhoId", _WHO_PREFIXES)
    _check_reference(fields, "WhatId", _WHAT_PREFIXES)


def _check_reference(fields: Fields, name: str, prefixes: tuple[str, ...]) -> None:
    value = fields.get(name)
    if value is None:
        return
    if not isinstance(value, str) or len(value) not in (15, 18):
        raise TaskError("MALFORMED_ID", f"{name}: id value of incorrect type: {value}", name)
    if not value.startswith(prefixes):
        raise TaskError("FIELD_INTEGRITY_EXCEPTION", f"{name}: id value of incorrect type: {value}", name)


def _record_id(field: str, value: str) -> str:
    """Derive a well-formed 18-character Task id from the external id."""
    number = int.from_bytes(hashlib.sha256(f"{field}/{value}".encode()).digest()[:8], "big")
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    body = ""
    for _ in range(12):
        number, digit = divmod(number, len(digits))
        body += digits[digit]
    short = "00T" + body
    groups = (short[start : start + 5] for start in (0, 5, 10))
    suffix = "".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[_capitals(group)] for group in groups)
    return short + suffix


def _capitals(group: str) -> int:
    """Return the bits of the capitals in five characters, the checksum of an 18-character id."""
    return sum(1 << index for index, letter in enumerate(group) if letter.isascii() and letter.isupper())
