"""The envelope in which other tools and this platform tell each other signals: fields, limits, and what is wrong with one.

Here: version 1 of the form that `docs/exchange.md` describes, for whoever receives or sends it; data and one pure check. Not here:
signatures (`uam_platform.signatures`), who may send (`uam_platform.collector`), whose account it is about (`uam_platform.staging`).
"""

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

VERSION: Final = 1
SIGNAL: Final = "signal"
"""type of an envelope that tells us something, and source_object of its landed record."""
SUBJECT_KEYS: Final = ("account_id", "salesforce_id", "account_name", "user_id", "email")
"""What a signal may be about, strongest first."""
MOST_ITEMS: Final = 1000
"""Of one delivery."""
ID_LIMIT: Final = 200
TEXT_LIMIT: Final = 4000
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,79}")
_KEY_LIMIT: Final = 320


def problem(item: Any) -> tuple[str, str] | None:
    """Reason code and field of what is wrong with an envelope that brings a signal; None when nothing is. Values are not repeated."""
    if not isinstance(item, Mapping):
        return "not_json", "an envelope is a JSON object"
    if item.get("version") != VERSION or isinstance(item.get("version"), bool):
        return "unknown_version", f"version must be {VERSION}"
    if item.get("type") != SIGNAL:
        return "unknown_type", f"type must be {SIGNAL!r}"
    if own_id(item) is None:
        return "missing_id", f"id must be text of 1 to {ID_LIMIT} characters"
    if not _is_moment(item.get("occurred_at")):
        return "unreadable_time", "occurred_at must be ISO 8601 with an offset or Z"
    return _about_subject(item.get("subject")) or _about_signal(item.get("signal"))


def _about_subject(subject: Any) -> tuple[str, str] | None:
    if not isinstance(subject, Mapping) or not any(subject.get(key) is not None for key in SUBJECT_KEYS):
        return "missing_subject", f"subject must have one of {', '.join(SUBJECT_KEYS)}"
    wrong = [key for key in SUBJECT_KEYS if subject.get(key) is not None and not _is_text(subject[key], _KEY_LIMIT)]
    return ("wrong_type", f"subject.{wrong[0]} must be text of 1 to {_KEY_LIMIT} characters") if wrong else None


def _about_signal(signal: Any) -> tuple[str, str] | None:
    if not isinstance(signal, Mapping):
        return "missing_signal", "signal must be an object"
    name, value, confidence = (signal.get(key) for key in ("name", "value", "confidence"))
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        return "wrong_type", "signal.name must be 1 to 80 of a-z, 0-9, underscore, dot and hyphen"
    if value is not None and not _is_number(value):
        return "wrong_type", "signal.value must be a finite number"
    if confidence is not None and not (_is_number(confidence) and 0 <= confidence <= 1):
        return "wrong_type", "signal.confidence must be a number from 0 to 1"
    for key in ("text", "url"):
        if signal.get(key) is not None and not _is_text(signal[key], TEXT_LIMIT):
            return "wrong_type", f"signal.{key} must be text of 1 to {TEXT_LIMIT} characters"
    return None


def own_id(item: Mapping[str, Any]) -> str | None:
    """The sender's id of an envelope; None where there is none that can be used."""
    own = item.get("id")
    return str(own) if _is_text(own, ID_LIMIT) else None


def _is_text(value: Any, limit: int) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= limit


def _is_number(value: Any) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return abs(value) < 1e300 and math.isfinite(value)


def _is_moment(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def items(body: Any) -> list[Any]:
    """The envelopes of a delivery: one object, a list of them, or an object whose `items` is a list."""
    if isinstance(body, Mapping) and isinstance(body.get("items"), list):
        return list(body["items"])
    return list(body) if isinstance(body, list) else [body]
