"""Salesforce ids in one spelling.

Here: the 18-character form, which compares without regard to case, from the 15-character one. Not here: what an id points
at (`crm_accounts`, `crm_terms`).
"""

import re
from typing import Final

_ID: Final = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_SUFFIX: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def is_id(value: str | None) -> bool:
    """The value has the form of an id."""
    return value is not None and _ID.fullmatch(value) is not None


def long_id(value: str | None) -> str | None:
    """The 18-character form: one suffix letter per five characters tells which of them are capitals.

    Null stays null, and what is no id stays as it is.
    """
    if value is None or not is_id(value) or len(value) == 18:
        return value
    chunks = (value[i : i + 5] for i in (0, 5, 10))
    return value + "".join(_SUFFIX[sum(c.isupper() << place for place, c in enumerate(chunk))] for chunk in chunks)
