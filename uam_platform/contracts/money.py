"""Money as people read it.

Here: the one way in which stored cents are printed. Not here: arithmetic with money (`uam_platform.kpis.revenue`).
"""


def dollars(cents: int) -> str:
    """Whole dollars, half up, with thousands separators: 1234567 cents are `$12,346`."""
    return f"${(int(cents) + 50) // 100:,}"


def more_or_less(cents: int) -> str:
    """A step in whole dollars with its sign: `+$1,200`, `-$300`, `unchanged`."""
    whole = (abs(int(cents)) + 50) // 100
    return f"{'+' if cents > 0 else '-'}${whole:,}" if whole else "unchanged"
