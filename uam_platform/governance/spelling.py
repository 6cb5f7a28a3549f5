"""How alike two event names are by their words.

Here: one number between 0 and 1. Not here: how often they occur together (`synonyms`), reading one name
(`uam_platform.policy.event_names`).
"""

from difflib import SequenceMatcher
from typing import Final

from uam_platform.policy.event_names import base, is_past, normalise, stems, words

_NEAR: Final = 0.8
"""From here on two strings of letters are one with a slip; below it, sharing letters says nothing."""


def alike(one: str, other: str) -> float:
    """Share of the words that both have, or, where the letters are nearly the same, how near; 0 where they name different actions.

    Words are compared in their base form, so `Report Exported`, `exportReport` and `report_exported` are alike by 1.
    """
    mine, theirs = set(stems(one)), set(stems(other))
    if _actions(one) and _actions(other) and not _actions(one) & _actions(other):
        return 0.0
    shared = len(mine & theirs) / max(len(mine | theirs), 1)
    near = SequenceMatcher(None, normalise(one), normalise(other), autojunk=False).ratio()
    return round(max(shared, near if near >= _NEAR else 0.0), 2)


def _actions(name: str) -> set[str]:
    """Verbs in the past tense, or all verbs where none is: words such as import and report are things too."""
    told = [word for word in words(name) if base(word)]
    return {base(word) or word for word in [word for word in told if is_past(word)] or told}
