"""Identifiers as people type them: `user:u_17`, `device:3f-a2`, `email:ann@acme.com`, or `user:#1a2b…` as commands print them.

Here: finding the hash in the id spaces in which it was seen, and naming keys for people. Not here: what is told of them
(`identity_story`). The lake holds hashes only, so what nobody typed is shown as its hash.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ibis.backends.duckdb import Backend

from uam_platform.contracts.tables import AMBIGUOUS_IDENTIFIERS, IDENTITY_EVIDENCE, PEOPLE
from uam_platform.lake.store import Lake
from uam_platform.temporal.keys import anonymous_key, email_key, user_key

KINDS: Final = {"user": "user", "device": "anonymous", "email": "email"}
_WORDS: Final = {stored: typed for typed, stored in KINDS.items()}
_COLUMNS: Final = {
    "user": ("actor_key", "linked_user_key"),
    "anonymous": ("device_key", "linked_actor_key", "actor_key"),
    "email": ("email_key",),
}


class Named(NamedTuple):
    """An identifier: kind as stored (user, anonymous, email) and key."""

    kind: str
    key: int


@dataclass
class Names:
    """What keys are called: as the person typed them, else by their hash."""

    typed: dict[Named, str] = field(default_factory=dict)

    def of(self, kind: str, key: int) -> str:
        """`device 3f-a2` as typed, else `device #1a2b3c4d5e6f7a8b`."""
        return f"{_WORDS.get(kind, kind)} {self.typed.get(Named(kind, key), f'#{key:016x}')}"


def find(typed: str, lake: Lake, connection: Backend, id_spaces: Iterable[str], names: Names) -> Named:
    """The identifier that a person means; `names` learns what they call it.

    Args:
        typed: kind, colon, value.
        lake: holds people and evidence.
        connection: engine.
        id_spaces: id spaces of the sources.
        names: takes the name.

    Raises:
        ValueError: no such kind, an identifier that was never seen, or one that was seen in several id spaces.
    """
    word, _, value = typed.partition(":")
    kind, value = KINDS.get(word.strip().lower()), value.strip()
    if kind is None or not value:
        raise ValueError(f"{typed!r}: write user:ID, device:ID or email:ADDRESS, or #HASH in the place of the value")
    candidates = _candidates(kind, value, id_spaces)
    seen = _seen(kind, set(candidates.values()), lake, connection)
    found = {space: key for space, key in candidates.items() if key in seen}
    if not found:
        spaces = "" if kind == "email" or value.startswith("#") else f" in {', '.join(sorted(candidates))}"
        raise ValueError(
            f"{typed}: never seen{spaces}; check spelling and kind (capital letters count in user and device ids)"
        )
    if len(set(found.values())) > 1:
        hashes = ", ".join(f"{word}:#{key:016x} ({space})" for space, key in sorted(found.items()))
        raise ValueError(f"{typed} was seen in several id spaces; name one by its hash: {hashes}")
    named = Named(kind, next(iter(found.values())))
    if not value.startswith("#"):
        names.typed[named] = value
    return named


def _candidates(kind: str, value: str, id_spaces: Iterable[str]) -> dict[str, int]:
    if value.startswith("#"):
        try:
            return {"its hash": int(value[1:], 16)}
        except ValueError:
            raise ValueError(f"{value}: a hash is # and 16 hexadecimal digits, as the commands print it") from None
    if kind == "email":
        return {"any": email_key(value)}
    hashed = user_key if kind == "user" else anonymous_key
    return {space: hashed(space, value) for space in id_spaces}


def _seen(kind: str, keys: Collection[int], lake: Lake, connection: Backend) -> set[int]:
    found: set[int] = set()
    for contract in (PEOPLE, AMBIGUOUS_IDENTIFIERS):
        rows = lake.read(connection, contract)
        own = rows.filter(rows.identifier_kind == kind, rows.identifier_key.isin(sorted(keys)))
        found |= set(own.select("identifier_key").distinct().to_pandas()["identifier_key"])
    if found != set(keys):
        evidence = lake.read(connection, IDENTITY_EVIDENCE)
        for column in _COLUMNS[kind]:
            own = evidence.filter(evidence[column].isin(sorted(keys)))
            own = own.filter(own.actor_kind != "user") if (kind, column) == ("anonymous", "actor_key") else own
            found |= set(own.select(key=own[column]).distinct().to_pandas()["key"])
    return {int(key) for key in found}
