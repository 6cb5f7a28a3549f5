"""Checks that several rulebook files share: regular expressions compile, kinds are known.

Here: the checks and their messages. Not here: what patterns mean (the model beside each file).
"""

import re
from collections.abc import Iterable, Mapping


def check_compile(patterns: Iterable[str], where: str = "") -> None:
    """Every pattern is a regular expression.

    Args:
        patterns: as written.
        where: what the message begins with.

    Raises:
        ValueError: one is none; the message names it.
    """
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            start = f"{where}: " if where else ""
            raise ValueError(f"{start}{pattern!r} is no regular expression ({error})") from None


def check_kinds(patterns: Mapping[str, Iterable[str]], known: tuple[str, ...]) -> None:
    """Every kind is one of `known`, and its patterns are regular expressions.

    Raises:
        ValueError: a kind or a pattern is wrong; the message names it.
    """
    for kind, found in patterns.items():
        if kind not in known:
            raise ValueError(f"{kind!r} is no kind; use one of {', '.join(known)}")
        check_compile(found, kind)
