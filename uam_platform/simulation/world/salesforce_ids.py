"""Record ids of the CRM: 15 base-62 characters and the 3-character case checksum.

Belongs here: the id format. Does not belong here: records (``crm``).
"""

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_INSTANCE = "5e0"
PREFIXES = {
    "Account": "001", "Contact": "003", "User": "005", "Opportunity": "006", "Contract": "800",
    "AccountHistory": "017", "ContractHistory": "07C",
}  # fmt: skip


def record_id(kind: str, number: int) -> str:
    """Return the 18-character id of record ``number`` (0 upwards) of a kind listed in ``PREFIXES``."""
    digits = ""
    rest = number + 62**3
    for _ in range(9):
        rest, digit = divmod(rest, 62)
        digits = _BASE62[digit] + digits
    stem = PREFIXES[kind] + _INSTANCE + digits
    return stem + checksum(stem)


def checksum(stem: str) -> str:
    """Return the 3 characters that make a 15-character id safe to compare without case (one bit per upper-case letter)."""
    suffix = ""
    for begin in (0, 5, 10):
        bits = sum(1 << place for place, letter in enumerate(stem[begin : begin + 5]) if "A" <= letter <= "Z")
        suffix += _CHECK[bits]
    return suffix
