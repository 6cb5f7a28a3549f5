"""Takes what identifies a person out of free text before it is stored (R170).

Here: e-mail addresses, telephone numbers and payment cards by their shape. Not here: names (no shape tells them from words), what
text is kept at all (the contracts).
"""

import re
from typing import Final

_EMAIL: Final = re.compile(r"[\w.+%'-]+@[\w-]+(?:\.[\w-]+)+")
_CARD: Final = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])")
_PHONE: Final = re.compile(r"(?<![\w.])(?:\+|00)?\(?\d[\d ().\-/]{5,}\d(?!\w)")
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:?\d{0,2})?")
_LOCAL_DIGITS: Final = 9  # without a country prefix, shorter numbers are order numbers more often than telephones
_FOREIGN_DIGITS: Final = 7


def redacted(text: str | None) -> str | None:
    """`text` with `[email]`, `[card]` and `[phone]` in place of what they hide; null stays null."""
    if text is None:
        return None
    text = _EMAIL.sub("[email]", text)
    text = _CARD.sub(lambda found: "[card]" if _passes_luhn(found[0]) else found[0], text)
    return _PHONE.sub(lambda found: "[phone]" if _is_phone(found[0]) else found[0], text)


def _is_phone(number: str) -> bool:
    if _DAY.fullmatch(number):
        return False
    is_foreign = number.startswith(("+", "00"))
    return sum(c.isdigit() for c in number) >= (_FOREIGN_DIGITS if is_foreign else _LOCAL_DIGITS)


def _passes_luhn(number: str) -> bool:
    """Check sum of payment cards, ISO/IEC 7812-1 annex B."""
    digits = [int(c) for c in reversed(number) if c.isdigit()]
    doubled = [d * 2 - 9 * (d > 4) for d in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
