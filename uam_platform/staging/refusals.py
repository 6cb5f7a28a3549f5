"""Why a record is set aside and what would let it in: one entry per reason code.

Here: words for people. Not here: the rules (`split`, `taxonomy_names`, the module of each kind of record), counting (`set_aside`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Refusal:
    """A reason in words.

    Attributes:
        rule: what the record breaks.
        accepts: what would let it in; a replay finds it once that is so.
        is_replayable: a rule of ours can be changed. Otherwise the sender must deliver it again.
    """

    rule: str
    accepts: str
    is_replayable: bool


def _sender(rule: str, accepts: str) -> Refusal:
    return Refusal(rule, accepts, is_replayable=False)


def _ours(rule: str, accepts: str) -> Refusal:
    return Refusal(rule, accepts, is_replayable=True)


_UNREADABLE: Final = "repair it at the sender and deliver it again; no rule can read it"
_LATER: Final = "it comes in by itself once what it refers to has been loaded"

REFUSALS: Final[Mapping[str, Refusal]] = {
    "not_json": _sender("the line or payload is no JSON object", _UNREADABLE),
    "truncated": _sender("the line is cut off", _UNREADABLE),
    "not_csv": _sender("the line does not have the columns of its file", _UNREADABLE),
    "too_large": _sender("it is larger than the connector takes", "deliver it in parts"),
    "invalid": _sender("the vendor's own rules refuse it", _UNREADABLE),
    "wrong_side": _sender("a client key was used where the endpoint wants a server key", "send it with a server key"),
    "unreadable_file": _sender("the dropped file could not be read", _UNREADABLE),
    "unknown_kind": _ours(
        "kind is none of track, page, identify, group, alias, or no module reads this kind of record",
        "teach staging to read the kind, or stop loading it",
    ),
    "missing_event_name": _sender(
        "a track call without an event name", "name the event at the sender and deliver it again"
    ),
    "missing_actor": _sender("neither user_id nor anonymous_id", "send the identifier and deliver it again"),
    "missing_id": _sender(
        "the field that identifies the record is empty", "fill it in at the source; the next load brings it"
    ),
    "missing_time": _sender("no time that can be used", "send the time and deliver it again"),
    "unreadable_time": _sender("a time is not ISO 8601", "write times as 2025-01-06T12:00:00Z and deliver it again"),
    "impossible_time": _ours(
        "no such day, too far after its receipt, or too long before it",
        "correct the clock at the sender; the bounds are max_clock_ahead_hours and max_event_age_days in time.yaml",
    ),
    "before_first_day": _ours(
        "the event lies before the first day of the event tables", "set UAM_FIRST_DAY to an earlier day, then replay"
    ),
    "wrong_type": _sender(
        "a number is no whole number, or negative where it cannot be", "send the number and deliver it again"
    ),
    "unknown_name": _ours(
        "the taxonomy does not know the event's name",
        "add the event, or the name as a synonym of one, to taxonomy.yaml, then replay",
    ),
    "rejected_name": _ours(
        "the name describes the interface, not what happened (rejected_patterns in taxonomy.yaml)",
        "rename it at the sender; or list it as a synonym of the event it stands for, then replay",
    ),
    "unknown_account": _ours("the account it names is not known", _LATER),
    "unknown_opportunity": _ours("the opportunity it names is not known", _LATER),
    "unknown_contract": _ours("the contract it names is not known", _LATER),
    "unknown_call": _ours("the call it names is not known", _LATER),
    "repeated_id": _sender("another record claims the same id", "give each its own id"),
    "conflicting_repeat": _sender("the sender said something else under this id before", "send it under a new id"),
    "contradictory_subject": _sender("it names more than one account", "name one account"),
}
"""By reason code; files that could not be read may carry further codes of their format."""


def refusal(reason: str) -> Refusal:
    """What is known about a reason code, also of one that only a file's format has."""
    spoken = reason.replace("_", " ")
    return REFUSALS.get(reason, _sender(f"the file could not be read: {spoken}", _UNREADABLE))
