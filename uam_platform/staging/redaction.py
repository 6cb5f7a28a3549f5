"""Redaction of what staging stores: the names that help desk, CRM and call recorder know, and the one call for a field.

Here: whose names are known. Not here: what is cut and how it is recognised (`uam_platform.policy.redaction`).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from uam_platform.policy.redaction import Redactor
from uam_platform.staging.record_log import Record
from uam_platform.staging.record_values import text

_NAME_FIELDS: Final = (("name",), ("Name",), ("FirstName", "LastName"), ("firstName", "lastName"))
SHAPES_ONLY: Final = Redactor()


def redacted(words: str | None, redactor: Redactor = SHAPES_ONLY) -> str | None:
    """`words` with `[email]`, `[card]`, `[name]` and so on in place of what they hide; null stays null."""
    return None if words is None else redactor.redact(words).text


def redactor_of(people: Iterable[Record], others: Iterable[str] = ()) -> Redactor:
    """A redactor that knows the names of these records (users of help desk, CRM and call recorder, contacts) and of `others`."""
    return Redactor(sorted({name for record in people for name in names_in(record.payload)} | set(others)))


def names_in(payload: Mapping[str, Any]) -> Iterator[str]:
    """Names that a record of a person holds."""
    for fields in _NAME_FIELDS:
        name = " ".join(filter(None, (text(payload, field) for field in fields)))
        if name:
            yield name
