"""Fields that clients write onto accounts in Salesforce.

Belongs here: writing by the product's account id, reading back, the durable record. Does not belong here: HTTP (`salesforce.py`),
tasks (`salesforce_tasks.py`). The organisation has the custom fields `Uam_...__c`; any other is refused as unknown.
"""

import threading
from collections.abc import Callable
from typing import Any, Final

from uam_platform.simulation.sandbox.received import Journal
from uam_platform.simulation.sandbox.salesforce_tasks import TaskError, Upserted

KEY: Final = "Product_Account_Id__c"
_PREFIX: Final = "Uam_"
_LONGEST: Final = 255

Fields = dict[str, Any]


class AccountContext:
    """What was written onto accounts, rebuilt from the journal at start.

    Args:
        journal: Where accepted writes are recorded.
        find: Salesforce id of the account with a product account id, None when there is none.
    """

    def __init__(self, journal: Journal, find: Callable[[str], str | None]) -> None:
        self._journal = journal
        self._find = find
        self._lock = threading.Lock()
        self._written: dict[str, Fields] = {}
        for entry in journal.entries():
            if entry["object"] == "Account":
                self._written.setdefault(entry["external_id"], {}).update(entry["fields"])

    def update(self, field: str, value: str, fields: Fields) -> Upserted:
        """Write fields onto the account with this external id.

        Raises:
            TaskError: When there is no such account or field, or a text is too long.
        """
        record_id = self._id(field, value)
        for name, text in fields.items():
            if not name.startswith(_PREFIX):
                raise TaskError("INVALID_FIELD", f"No such column '{name}' on sobject of type Account", name)
            if len(str(text or "")) > _LONGEST:
                raise TaskError("STRING_TOO_LONG", f"{name}: data value too large (max length={_LONGEST})", name)
        with self._lock:
            entry = {"object": "Account", "id": record_id, "external_id_field": field, "external_id": value}
            self._journal.append({**entry, "created": False, "fields": fields})
            self._written.setdefault(value, {}).update(fields)
        return Upserted(record_id, is_created=False)

    def get(self, field: str, value: str) -> Fields:
        """Return an account by its external id, with what was written onto it.

        Raises:
            TaskError: When there is no such account.
        """
        return {"Id": self._id(field, value), field: value, **self._written.get(value, {})}

    def _id(self, field: str, value: str) -> str:
        if field != KEY:
            said = f"Provided external ID field does not exist or is not accessible: {field}"
            raise TaskError("NOT_FOUND", said)
        record_id = self._find(value)
        if record_id is None:
            raise TaskError("NOT_FOUND", "The requested resource does not exist")
        return record_id
