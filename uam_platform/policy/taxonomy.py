"""The event taxonomy: canonical names, synonyms, markers and what is refused.

Here: the typed model of `rulebook/taxonomy.yaml` and look-ups over it. Not here: applying it to rows (`uam_platform.staging`).
"""

import re
from typing import Literal

from pydantic import Field, model_validator

from uam_platform.policy.load import PolicyModel

Marker = Literal["progress", "friction", "intent", "value", "none"]


class EventRule(PolicyModel):
    """One canonical event."""

    meaning: str
    marker: Marker = "none"
    is_core: bool = False
    side: Literal["client", "server", "either"] = "either"
    synonyms: tuple[str, ...] = ()
    deprecated: bool = False


class Taxonomy(PolicyModel):
    """All events a company agreed on, and the ordered feature list behind `feature_bits`."""

    owner: str
    version: int = Field(ge=1)
    product_type: str
    accept_unknown: bool = Field(
        False, description="take unknown names as they are (marker none) instead of setting them aside"
    )
    events: dict[str, EventRule]
    features: tuple[str, ...] = Field(max_length=62, description="append only: the position is the bit in feature_bits")
    rejected_patterns: tuple[str, ...] = Field((), description="names that say nothing about what happened (R62)")

    @model_validator(mode="after")
    def _names_are_unambiguous(self) -> "Taxonomy":
        seen: dict[str, str] = {}
        for name, rule in self.events.items():
            if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)+", name):
                raise ValueError(f"event {name!r}: write object_action in snake_case, e.g. report_exported")
            for spelling in (name, *rule.synonyms):
                other = seen.setdefault(normalise(spelling), name)
                if other != name:
                    raise ValueError(f"{spelling!r} stands under both {other} and {name}; keep one")
        return self

    def canonical_names(self) -> dict[str, str]:
        """Normalised spelling -> canonical name, for canonical names and synonyms."""
        return {normalise(s): name for name, rule in self.events.items() for s in (name, *rule.synonyms)}


def normalise(name: str) -> str:
    """Spelling-free form of an event name: lower case letters and digits only, so `Report Generated` = `reportGenerated`."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
