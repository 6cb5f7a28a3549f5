"""What releases, flags and announcements stand for: the words by which their kinds are told.

Here: the typed model of `rulebook/changes.yaml` and look-ups over it. Not here: applying it to records (`uam_platform.staging`).
"""

import re
from collections.abc import Mapping

from pydantic import Field, field_validator

from uam_platform.contracts.vocabulary_changes import ANNOUNCED_KINDS, FLAG_KINDS
from uam_platform.policy.load import PolicyModel
from uam_platform.policy.patterns import check_kinds

RELEASE_KINDS = ("feature", "fix", "migration", "deprecation", "other")
_KNOWN = {"flag_kinds": FLAG_KINDS, "release_kinds": RELEASE_KINDS, "announced_kinds": ANNOUNCED_KINDS}

Patterns = dict[str, tuple[str, ...]]


class ChangePolicy(PolicyModel):
    """Kinds by pattern; the first kind with a pattern that is found counts. A record's own kind comes before any pattern."""

    flag_kinds: Patterns = Field(default={}, description="patterns on key and name of a flag")
    release_kinds: Patterns = Field(default={}, description="patterns on title, tag and notes of a release")
    announced_kinds: Patterns = Field(default={}, description="patterns on kind and title of an announcement")
    account_properties: tuple[str, ...] = Field(
        default=("account_id",), description="properties and groups of a flag system that hold the product's account id"
    )
    off_variants: tuple[str, ...] = Field(
        default=("off", "false", "none"), description="variants that switch nothing on"
    )

    @field_validator("flag_kinds", "release_kinds", "announced_kinds")
    @classmethod
    def _kinds_are_known_and_patterns_compile(cls, value: Patterns, info: object) -> Patterns:
        check_kinds(value, _KNOWN[getattr(info, "field_name", "")])
        return value

    def flag_kind(self, own: str | None, *words: str | None) -> str:
        """Kind of a flag: its own word where that is a kind, else by pattern, else other."""
        return _kind(self.flag_kinds, FLAG_KINDS, own, words)

    def release_kind(self, own: str | None, *words: str | None) -> str:
        """Kind of a release."""
        return _kind(self.release_kinds, RELEASE_KINDS, own, words)

    def announced_kind(self, own: str | None, *words: str | None) -> str:
        """Kind of an announcement."""
        return _kind(self.announced_kinds, ANNOUNCED_KINDS, own, (own, *words))

    def is_off(self, variant: str) -> bool:
        """Whether a variant switches nothing on."""
        return variant.strip().lower() in self.off_variants


def _kind(
    patterns: Mapping[str, tuple[str, ...]], known: tuple[str, ...], own: str | None, words: tuple[str | None, ...]
) -> str:
    spelled = (own or "").strip().lower().replace(" ", "_").replace("-", "_")
    if spelled in known and spelled != "other":
        return spelled
    text = " ".join(word for word in words if word)
    return next((kind for kind, found in patterns.items() if any(re.search(p, text) for p in found)), "other")
