"""Stable 63-bit keys of identifiers, in Python and in DuckDB SQL, equal bit for bit.

Here: how a source id becomes the integer that tables join and sort on. Not here: which person a key belongs to
(`uam_platform.identity`), when an event happened (`uam_platform.staging.split`). Keys are MD5 halves without their lowest
bit, so they are never negative; 0 stands for "no identifier" and is never the key of one in practice (1 in 2**63).
"""

import hashlib
from typing import Final

NO_KEY: Final = 0

USER: Final = "user"
ANONYMOUS: Final = "anon"
WORKSPACE: Final = "workspace"
_TAIL: Final = "0123456789._-+"
"""What numbers an identifier, at its end."""


def key63(text: str) -> int:
    """Key of a text: the upper eight digest bytes of MD5, little endian, without the lowest bit."""
    return int.from_bytes(_digest(text)[8:], "little") >> 1


def key63_upper(text: str) -> int:
    """Second, independent key of the same text: the other eight digest bytes. Both together are an event id."""
    return int.from_bytes(_digest(text)[:8], "little") >> 1


def _digest(text: str) -> bytes:
    return hashlib.md5(text.encode(), usedforsecurity=False).digest()


def user_key(id_space: str, user_id: str | None) -> int:
    """actor_key of a product user; 0 without an id."""
    return _identifier_key(id_space, USER, user_id)


def anonymous_key(id_space: str, anonymous_id: str | None) -> int:
    """actor_key or device_key of a device or cookie id; 0 without an id."""
    return _identifier_key(id_space, ANONYMOUS, anonymous_id)


def workspace_key(id_space: str, workspace_id: str | None) -> int:
    """Key of a workspace; 0 without an id."""
    return _identifier_key(id_space, WORKSPACE, workspace_id)


def email_key(email: str | None) -> int:
    """Key of an e-mail address, case and surrounding blanks ignored; 0 without an address."""
    address = (email or "").strip(" ").lower()
    return key63(f"email:{address}") if address else NO_KEY


def email_domain_key(email: str | None) -> int | None:
    """Key of an address's domain, or of a domain itself; None without one."""
    domain = (email or "").strip(" ").lower().rpartition("@")[2]
    return key63(f"domain:{domain}") if domain else None


def stem_key(name: str | None) -> int | None:
    """Key of what stays of a user id, or of an address before its @, without digits and separators at its end; None if nothing.

    `svc_monitor_000123` and `Svc_Monitor` have one stem, `svc-monitor` has another.
    """
    text = (name or "").strip(" ").lower()
    stem = (text.rpartition("@")[0] if "@" in text else text).rstrip(_TAIL)
    return key63(f"stem:{stem}") if stem else None


def _identifier_key(id_space: str, kind: str, identifier: str | None) -> int:
    return key63(f"{id_space}:{kind}:{identifier}") if identifier else NO_KEY


def sql_key63(expression: str) -> str:
    """DuckDB SQL for `key63` of a text expression; null stays null."""
    return f"(md5_number_lower({expression}) >> 1)::BIGINT"


def sql_key63_upper(expression: str) -> str:
    """DuckDB SQL for `key63_upper` of a text expression; null stays null."""
    return f"(md5_number_upper({expression}) >> 1)::BIGINT"


def sql_identifier_key(id_space: str, kind: str, column: str) -> str:
    """DuckDB SQL for `user_key`, `anonymous_key` or `workspace_key` of a text column; 0 where it is null or empty.

    Args:
        id_space: id space of the source.
        kind: USER, ANONYMOUS or WORKSPACE.
        column: text expression with the source's id.
    """
    prefix = f"{id_space}:{kind}:".replace("'", "''")
    key = sql_key63(f"'{prefix}' || nullif({column}, '')")
    return f"coalesce({key}, {NO_KEY})"


def sql_email_key(column: str) -> str:
    """DuckDB SQL for `email_key` of a text column; 0 where it is null or blank."""
    key = sql_key63(f"'email:' || nullif(lower(trim({column})), '')")
    return f"coalesce({key}, {NO_KEY})"


def sql_email_domain_key(column: str) -> str:
    """DuckDB SQL for `email_domain_key` of a text column; null where it is null or blank."""
    return sql_key63(f"'domain:' || nullif(regexp_replace(lower(trim({column})), '^.*@', ''), '')")


def sql_stem_key(column: str) -> str:
    """DuckDB SQL for `stem_key` of a text column; null where nothing stays."""
    stem = f"rtrim(regexp_replace(lower(trim({column})), '@[^@]*$', ''), '{_TAIL}')"
    return sql_key63(f"'stem:' || nullif({stem}, '')")
