"""Takes what identifies a person or opens a door out of free text (R170).

Here: addresses of e-mail and post, telephone and bank numbers, cards, network addresses, keys and passwords by their shape and the
words around them; names where they are known or announced. Not here: which texts are kept (the contracts), whose names are known
(`uam_platform.staging`). Order, ticket and tracking numbers, versions, dates and counts stay: they tell what a text is about.
"""

import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from uam_platform.policy.redaction_shapes import (
    CUE_OF_PHONE,
    IBAN_LENGTHS,
    PASSWORD,
    POSTAL,
    SECRET_PARAMETER,
    TOKEN,
    has_passed_luhn,
    has_passed_mod_97,
)

_EMAIL: Final = re.compile(r"[\w.+%'-]+@[\w-]+(?:\.[\w-]+)+")
_CARD: Final = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])")
_IBAN: Final = re.compile(r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}\b")
_IP: Final = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_IP6: Final = re.compile(r"(?<![\w:])(?:[0-9a-fA-F]{1,4}:){2,7}(?::?[0-9a-fA-F]{1,4}){1,7}(?![\w:])")
_PHONE: Final = re.compile(r"(?<![\w.#/-])(?:\+|00)?\(?\d[\d ().\-/]{5,}\d(?![\w%])")
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:?\d{0,2})?|\d{1,2}[./]\d{1,2}[./]\d{2,4}")
_OF_A_RELEASE: Final = re.compile(r"(?i)(?:\bv|\bversion|\brelease|\bbuild|\bclient(?: is)?|\bsdk|\bdriver)[ :=]*$")
_OF_A_PARCEL: Final = re.compile(r"(?i)\b(?:order|po|invoice|ticket|tracking|shipment|parcel)\b[\s:.#\w]{0,12}$")
_OF_A_CASE: Final = re.compile(
    r"(?i)(?:\b(?:order|orders|po|invoice|ticket|case|ref|reference|tracking|shipment|parcel|contract|batch|job|run|id|no|number)"
    r"\b[\s:.#\w]{0,12}|#\s?)$"
)
_CUE_DIGITS, _LOCAL_DIGITS, _MOST_DIGITS = 6, 9, 15
_CLOSING: Final = r"(?:best|regards|cheers|thanks|thank you|sincerely|greetings|yours|wishes|bye)"
_NAME: Final = r"[^\W\d_a-z][^\W\d_]*(?:['’-][^\W\d_]+)*"
_WORD: Final = re.compile(_NAME)
_LONGEST_NAME: Final = 4
_ANNOUNCED: Final = re.compile(
    r"(?P<cue>(?i:\bmy name is|\bname[sd]? is|\bask for|\bspeak to|\bspoke with|\bcolleague|\bon behalf of|\bc/o)\s+)"
    rf"(?P<name>{_NAME}(?:\s+{_NAME})?)"
)
_SIGNED: Final = re.compile(
    rf"(?P<cue>(?i:\b{_CLOSING}\b)[,!.]?[ \t]*\r?\n\s*)"
    rf"(?P<name>(?!(?i:{_CLOSING})\b){_NAME}(?:[ \t]+{_NAME}){{0,2}})\s*(?:$|\n)"
)
_GREETED: Final = re.compile(rf"(?P<cue>(?i:^|\n)\s*(?i:dear|hello|hi|hey)\s+)(?P<name>{_NAME})(?P<rest>\s*[,!])")
_NO_NAMES: Final = frozenset(
    {"Team", "All", "There", "Support", "Everyone", "Everybody", "Sir", "Madam", "Folks", "Both"}
)


@dataclass(frozen=True)
class Redacted:
    """A text without what was cut from it.

    Attributes:
        text: what is left; `[email]`, `[name]` and so on stand for what they hide.
        counts: places cut, by kind.
    """

    text: str
    counts: Mapping[str, int]

    @property
    def count(self) -> int:
        """Places cut."""
        return sum(self.counts.values())


class Redactor:
    """Cuts texts; knows the names it was given.

    A full name is cut wherever it stands. A single word of it is cut only where it stands like a name: written large inside a
    sentence, or in a greeting or signature, for many names are words too.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        parts = [tuple(w for w in _WORD.findall(name) if len(w) > 1) for name in names]
        self._full = {tuple(w.casefold() for w in words) for words in parts if len(words) > 1}
        self._single = {w.casefold() for words in parts for w in words if len(w) > 2}

    def redact(self, text: str) -> Redacted:
        """`text` without what identifies a person or opens a door."""
        counts: dict[str, int] = {}
        for kind, pattern, is_meant in _STEPS:
            text = _cut(text, kind, pattern, is_meant, counts)
        text = self._announced(text, counts)
        return Redacted(self._known(text, counts), counts)

    def _announced(self, text: str, counts: dict[str, int]) -> str:
        def cut(found: re.Match[str]) -> str:
            if found["name"] in _NO_NAMES:
                return found[0]
            counts["name"] = counts.get("name", 0) + 1
            start, end = found.span("name")
            return found.string[found.start() : start] + "[name]" + found.string[end : found.end()]

        for pattern in (_ANNOUNCED, _SIGNED, _GREETED):
            text = pattern.sub(cut, text)
        return text

    def _known(self, text: str, counts: dict[str, int]) -> str:
        if not self._single:
            return text
        kept, end, words = [], 0, list(_WORD.finditer(text))
        number = 0
        while number < len(words):
            length = self._length_at(text, words, number)
            if length:
                counts["name"] = counts.get("name", 0) + 1
                kept += [text[end : words[number].start()], "[name]"]
                end = words[number + length - 1].end()
            number += max(length, 1)
        return "".join([*kept, text[end:]])

    def _length_at(self, text: str, words: list[re.Match[str]], number: int) -> int:
        """How many words from here on are one known name; 0 where none."""
        run = _touching(text, words[number : number + _LONGEST_NAME])
        for length in range(len(run), 1, -1):
            if tuple(w.casefold() for w in run[:length]) in self._full:
                return length
        if run[0].casefold() not in self._single:
            return 0
        if len(run) > 1 and run[1].casefold() in self._single:
            return 2
        return 0 if _starts_sentence(text, words[number].start()) else 1


def _touching(text: str, words: list[re.Match[str]]) -> list[str]:
    run = [words[0][0]]
    for before, word in itertools.pairwise(words):
        if text[before.end() : word.start()] not in (" ", "\u00a0"):
            break
        run.append(word[0])
    return run


def _starts_sentence(text: str, at: int) -> bool:
    before = text[:at].rstrip(" \t\"'(")
    return not before or before[-1] in ".!?:"


def _cut(
    text: str, kind: str, pattern: re.Pattern[str], is_meant: Callable[[re.Match[str]], bool], counts: dict[str, int]
) -> str:
    def replace(found: re.Match[str]) -> str:
        if not is_meant(found):
            return found[0]
        counts[kind] = counts.get(kind, 0) + 1
        kept = found.groupdict().get("kept") or ""
        return f"{kept}[{kind}]"

    return pattern.sub(replace, text)


def _before(found: re.Match[str]) -> str:
    return found.string[max(0, found.start() - 28) : found.start()]


def _is_card(found: re.Match[str]) -> bool:
    digits = re.sub(r"\D", "", found[0])
    return digits[0] in "23456" and not _OF_A_PARCEL.search(_before(found)) and has_passed_luhn(digits)


def _is_iban(found: re.Match[str]) -> bool:
    plain = re.sub(r"[ -]", "", found[0])
    is_long_enough = len(plain) == IBAN_LENGTHS.get(plain[:2], -1)
    return is_long_enough or (
        len(plain) >= 15 and has_passed_mod_97(plain)
    )  # a mistyped one is an account all the same


def _is_ip(found: re.Match[str]) -> bool:
    return all(int(part) < 256 for part in found[0].split(".")) and not _OF_A_RELEASE.search(_before(found))


def _is_ip6(found: re.Match[str]) -> bool:
    return found[0].count(":") >= 4 or "::" in found[0]


def _is_phone(found: re.Match[str]) -> bool:
    number, before = found[0], _before(found)
    digits = sum(c.isdigit() for c in number)
    if _DAY.fullmatch(number) or digits > _MOST_DIGITS:
        return False
    if number.startswith("+") or CUE_OF_PHONE.search(before):
        return digits >= _CUE_DIGITS
    return (
        not _OF_A_CASE.search(before)
        and digits >= _LOCAL_DIGITS
        and (number.startswith(("0", "(")) or _is_grouped_like_a_phone(number))
    )


def _is_grouped_like_a_phone(number: str) -> bool:
    """Groups as telephones are written; thousands (123 456 789) and cards or parcels (four by four) are not."""
    groups = re.split(r"[^\d]+", number)
    sizes = [len(g) for g in groups]
    is_thousands = 1 <= sizes[0] <= 3 and all(size == 3 for size in sizes[1:])
    return 2 < len(sizes) < 6 and not is_thousands and any(size != 4 for size in sizes[:-1])


def _always(_: re.Match[str]) -> bool:
    return True


_STEPS: Final = (
    ("secret", SECRET_PARAMETER, _always),
    ("email", _EMAIL, _always),
    ("secret", PASSWORD, _always),
    ("key", TOKEN, lambda found: any(c.isdigit() for c in found[0]) or len(found[0]) > 40),
    ("iban", _IBAN, _is_iban),
    ("card", _CARD, _is_card),
    ("ip", _IP, _is_ip),
    ("ip", _IP6, _is_ip6),
    ("address", POSTAL, _always),
    ("phone", _PHONE, _is_phone),
)
_PATTERNS_THAT_MUST_NOT_SURVIVE: Final = _STEPS


def survivors(text: str) -> tuple[str, ...]:
    """Kinds of personal data, names apart, that a text still holds by their shape."""
    return tuple(
        sorted(
            {
                kind
                for kind, pattern, is_meant in _PATTERNS_THAT_MUST_NOT_SURVIVE
                for f in pattern.finditer(text)
                if is_meant(f)
            }
        )
    )
