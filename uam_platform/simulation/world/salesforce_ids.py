"""Record ids of the CRM: 15 base-62 characters and the 3-character case checksum.

Belongs here: the id format. Does not belong here: records (``crm``).
"""

from functools import lru_cache

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_INSTANCE = "5e0"
PREFIXES = {
    "Account": "001", "Contact": "003", "User": "005", "Opportunity": "006", "Contract": "800",
    "AccountHistory": "017", "ContractHistory": "07C",
}  # fmt: skip


@lru_cache(maxsize=1 << 18)
def record_id(kind: str, number: int) -> str:
    """Return the 18-character id of record ``number`` (0 upwards) of a kind listed in ``PREFIXES``."""
    rest, low = divmod(number + 62**3, 62**3)
    high, middle = divmod(rest, 62**3)
    stem = PREFIXES[kind] + _INSTANCE + _three(high) + _three(middle) + _three(low)
    return stem + checksum(stem)


def checksum(stem: str) -> str:
    """Return the 3 characters that make a 15-character id safe to compare without case (one bit per upper-case letter)."""
    return _check(stem[:5]) + _check(stem[5:10]) + _check(stem[10:])


@lru_cache(maxsize=62**3)
def _three(number: int) -> str:
    rest, last = divmod(number, 62)
    return _BASE62[rest // 62] + _BASE62[rest % 62] + _BASE62[last]


@lru_cache(maxsize=4096)
def _check(five: str) -> str:
    bits = sum(1 << place for place, letter in enumerate(five) if "A" <= letter <= "Z")
    return _CHECK[bits]
