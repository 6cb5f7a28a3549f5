"""Sentences of a text: the smallest piece that is judged and quoted.

Here: splitting, and which pieces say nothing. Not here: what they mean (`topics`, `tone`).
"""

import re
from collections.abc import Sequence
from typing import Final

_END: Final = re.compile(r"(?<=[.!?])\s+(?=[^\W\d_]|\[|\d)|\s*[\r\n]+\s*")
_ABBREVIATED: Final = re.compile(r"(?:\b(?:e\.g|i\.e|etc|approx|no|dr|mr|mrs|vs|incl))\.$", re.IGNORECASE)
_LONGEST: Final = 400


def sentences(text: str) -> list[str]:
    """Sentences in order, trimmed; lines end sentences too, abbreviations do not."""
    found: list[str] = []
    for piece in _END.split(text):
        if found and _ABBREVIATED.search(found[-1]):
            found[-1] = f"{found[-1]} {piece}"
        elif piece.strip():
            found.append(piece.strip())
    return found


def telling(pieces: Sequence[str], boilerplate: re.Pattern[str]) -> list[str]:
    """Sentences without greetings, signatures and set phrases; all of them where nothing else is left."""
    kept = [piece for piece in pieces if not boilerplate.search(piece.lower())]
    return kept or list(pieces)


def quotable(sentence: str) -> str:
    """A sentence as it is quoted; an endless one is cut at a word."""
    if len(sentence) <= _LONGEST:
        return sentence
    return sentence[:_LONGEST].rsplit(" ", 1)[0] + " …"
