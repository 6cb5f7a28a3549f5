"""The event taxonomy: what each event means, what it is for, and until when its name is accepted.

Here: the typed model of `rulebook/taxonomy.yaml` and look-ups over it. Not here: how names are read (`event_names`), what is wrong with
a file that loads (`taxonomy_lint`), who uses an event (`consumers`), applying it to rows (`uam_platform.staging`).
"""

from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from uam_platform.policy.event_names import SNAKE, normalise, split
from uam_platform.policy.load import PolicyModel
from uam_platform.policy.patterns import check_compile
from uam_platform.policy.taxonomy_rules import ProposalRule, UsageRule

Marker = Literal["progress", "friction", "intent", "value", "none"]
Tier = Literal["core", "advanced", "context_only"]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")]

DEPRECATED_NAME: Final = "deprecated_name"
"""Reason for which events under a name are set aside from its `refused_from` on."""

_RENAMED: Final = {
    "is_core": "write `tier: core` instead of `is_core: true`",
    "deprecated": "write `deprecated_on: <date>`, and `deprecated_by` and `refused_from` with it, instead of `deprecated`",
    "layer": "write `side`",
}


class EventRule(PolicyModel):
    """One canonical event."""

    meaning: str = Field(description="what happened, for somebody who does not know the product")
    domain: Word | None = Field(None, description="part of the product, one of `domains`")
    object: Word | None = Field(None, description="what it is about; read off the name where absent")
    action: Word | None = Field(None, description="what happened to it; read off the name where absent")
    side: Literal["client", "server", "either"] = Field(
        "either", description="layer that tells it: client for experience, server for business state (R54, R59)"
    )
    marker: Marker = "none"
    workflow: Word | None = None
    step: int | None = Field(None, ge=1, description="place in the workflow; ways that part share a number")
    tier: Tier | None = Field(
        None,
        description="core: completes work that brings value; advanced: deeper use; context_only: is shown and never counts; "
        "absent: neither, its marker says what it is",
    )
    synonyms: tuple[str, ...] = ()
    owner: str | None = Field(
        None, min_length=2, description="who answers for the meaning; the file's owner where absent"
    )
    since: date | None = Field(None, description="day from which the definition holds; the file's where absent")
    deprecated_on: date | None = Field(None, description="event day from which the name counts as its successor")
    deprecated_by: str | None = Field(None, description="the successor, a canonical event")
    refused_from: date | None = Field(None, description="event day from which the name is set aside")

    @model_validator(mode="before")
    @classmethod
    def _says_what_became_of_old_keys(cls, given: Any) -> Any:
        for key in _RENAMED.keys() & given if isinstance(given, dict) else ():
            raise ValueError(f"{key}: {_RENAMED[key]}")
        return given

    @model_validator(mode="after")
    def _dates_are_in_order(self) -> "EventRule":
        if self.deprecated_on is None and (self.deprecated_by or self.refused_from):
            raise ValueError("deprecated_by and refused_from need deprecated_on: the event day from which they hold")
        if self.deprecated_on and self.refused_from and self.refused_from <= self.deprecated_on:
            raise ValueError(
                f"refused_from must lie after deprecated_on ({self.deprecated_on}): leave time to move over"
            )
        if self.step is not None and self.workflow is None:
            raise ValueError("step needs workflow: name the workflow it is a step of")
        return self

    @property
    def is_core(self) -> bool:
        """The event completes work that brings value."""
        return self.tier == "core"


class Taxonomy(PolicyModel):
    """All events a company agreed on, and the ordered feature list behind `feature_bits`."""

    owner: str
    version: int = Field(ge=1)
    since: date | None = Field(None, description="`since` of events without their own")
    product_type: str
    accept_unknown: bool = Field(
        False, description="take unknown names as they are (marker none) instead of setting them aside"
    )
    domains: dict[Word, str] = Field(
        default_factory=dict, description="parts of the product and what they hold; none: any word is one"
    )
    events: dict[str, EventRule]
    features: tuple[str, ...] = Field(max_length=62, description="append only: the position is the bit in feature_bits")
    rejected_patterns: tuple[str, ...] = Field((), description="names that say nothing about what happened (R62)")
    proposals: ProposalRule = ProposalRule()
    audit: UsageRule = UsageRule()

    @model_validator(mode="after")
    def _names_are_unambiguous(self) -> "Taxonomy":
        check_compile(self.rejected_patterns, "rejected_patterns")
        for name in self.events:
            if not SNAKE.fullmatch(name):
                raise ValueError(f"event {name!r}: write object_action in snake_case, e.g. report_exported")
        for name, rule in self.events.items():
            for synonym in rule.synonyms:
                if not normalise(synonym):
                    raise ValueError(
                        f"event {name}: synonym {synonym!r} has no letter from a to z and no digit to know it by"
                    )
        for spelling, first, second in shared_spellings({n: r.synonyms for n, r in self.events.items()}):
            raise ValueError(f"{spelling!r} stands under both {first} and {second}; keep one")
        return self

    @model_validator(mode="after")
    def _references_lead_somewhere(self) -> "Taxonomy":
        for name, rule in self.events.items():
            if self.domains and rule.domain and rule.domain not in self.domains:
                known = ", ".join(self.domains)
                raise ValueError(f"event {name}: domain {rule.domain!r} is not under domains; use one of {known}")
            if rule.deprecated_by is not None and rule.deprecated_by not in self.events:
                raise ValueError(f"event {name}: deprecated_by {rule.deprecated_by!r} is no event; declare it first")
            self.successors(name)
        return self

    def successors(self, name: str) -> list[str]:
        """The event and those that took its place, one after the other.

        Raises:
            ValueError: they go in a circle.
        """
        chain = [name]
        while (after := self.events[chain[-1]].deprecated_by) is not None:
            if after in chain:
                raise ValueError(f"event {name}: deprecated_by goes in a circle: {' -> '.join([*chain, after])}")
            chain.append(after)
        return chain

    def name_on(self, name: str, day: date) -> str:
        """The canonical name under which the event counts on an event day: its own, or its successor's from `deprecated_on` on."""
        for each in self.successors(name):
            rule = self.events[each]
            if rule.deprecated_on is None or rule.deprecated_by is None or day < rule.deprecated_on:
                return each
        raise AssertionError("the last of a chain has no successor")

    def is_refused(self, name: str, day: date) -> bool:
        """Whether what is delivered under this canonical name is set aside on an event day."""
        rule = self.events[name]
        return rule.refused_from is not None and day >= rule.refused_from

    def told_by_servers(self) -> frozenset[str]:
        """Events of which only a server's word counts: business state, which a client could invent (R54, R58)."""
        return frozenset(name for name, rule in self.events.items() if rule.side == "server")

    def canonical_names(self) -> dict[str, str]:
        """Normalised spelling -> canonical name, for canonical names and synonyms."""
        return {normalise(s): name for name, rule in self.events.items() for s in (name, *rule.synonyms)}

    def owner_of(self, name: str) -> str:
        """Who answers for the meaning of an event (R73)."""
        return self.events[name].owner or self.owner

    def since_of(self, name: str) -> date | None:
        """Day from which the definition of an event holds."""
        return self.events[name].since or self.since

    def object_action(self, name: str) -> tuple[str, str]:
        """What the event is about, and what happened to it."""
        rule = self.events[name]
        read_object, read_action = split(name)
        return rule.object or read_object, rule.action or read_action

    @property
    def is_dated(self) -> bool:
        """Whether what a name means depends on the event day."""
        return any(rule.deprecated_on for rule in self.events.values())


def shared_spellings(synonyms: dict[str, tuple[str, ...]]) -> list[tuple[str, str, str]]:
    """Spellings that stand under two events: (spelling, first event, second event).

    Args:
        synonyms: synonyms by canonical name.
    """
    seen: dict[str, str] = {}
    found = []
    for name, others in synonyms.items():
        for spelling in (name, *others):
            first = seen.setdefault(normalise(spelling), name)
            if first != name:
                found.append((spelling, first, name))
    return found
