"""Who is no customer: the vendor's staff, robots, test accounts, each declared with a reason (R91).

Here: the typed model of `rulebook/identity_exclusions.yaml`. Not here: values that identify nobody (`identity`), finding whom a rule
keeps out (`uam_platform.identity.exclusions`).
"""

import re
from collections import Counter
from enum import StrEnum
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, field_validator, model_validator

from uam_platform.policy.identity import Domain, Reason, Text
from uam_platform.policy.load import PolicyModel

_LISTS: Final = ("users", "emails", "domains", "stems", "accounts", "account_names")


class ExclusionKind(StrEnum):
    """Who is kept out."""

    EMPLOYEE = "employee"
    ROBOT = "robot"
    TEST = "test"


def _as_stem(value: object) -> object:
    if isinstance(value, str) and (value != value.lower() or value != value.rstrip("0123456789._-+") or "@" in value):
        raise ValueError("write a stem in small letters, without @ and without digits or separators at its end")
    return value


def _as_pattern(value: object) -> object:
    try:
        re.compile(str(value))
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from None
    return value


class ExclusionRule(PolicyModel):
    """Whom one rule keeps out.

    Attributes:
        kind: what they are.
        users: user ids as they are sent.
        emails: addresses.
        domains: of addresses.
        stems: of user ids, and of what precedes an address's @: without digits and separators at their end.
        accounts: account ids.
        account_names: regular expressions for whole names of accounts, any case.
        reason: why they are no customers.
    """

    kind: ExclusionKind
    users: tuple[Text, ...] = ()
    emails: tuple[Text, ...] = ()
    domains: tuple[Domain, ...] = ()
    stems: tuple[Annotated[Text, BeforeValidator(_as_stem)], ...] = ()
    accounts: tuple[Text, ...] = ()
    account_names: tuple[Annotated[Text, BeforeValidator(_as_pattern)], ...] = ()
    reason: Reason

    @model_validator(mode="after")
    def _names_somebody(self) -> "ExclusionRule":
        if not any(getattr(self, name) for name in _LISTS):
            raise ValueError(f"name somebody: one of {', '.join(_LISTS)}")
        return self


class MostRatio(PolicyModel):
    """At most so much, and why not more."""

    most: float = Field(gt=0, le=1)
    reason: Reason


class ExclusionPolicy(PolicyModel):
    """The rulebook's exclusions.

    Attributes:
        rules: by name, which stands in the tables; the order decides where several match.
        most_events_ratio: share of all events that may be kept out before a check warns.
    """

    rules: dict[str, ExclusionRule] = Field(default_factory=dict)
    most_events_ratio: MostRatio = MostRatio(most=1, reason="no limit was set")

    @field_validator("rules")
    @classmethod
    def _is_named_once(cls, rules: dict[str, ExclusionRule]) -> dict[str, ExclusionRule]:
        said = Counter((name, value) for rule in rules.values() for name in _LISTS for value in getattr(rule, name))
        twice = [f"{value} ({name})" for (name, value), count in said.items() if count > 1]
        if twice:
            raise ValueError(f"excluded twice: {', '.join(sorted(twice))}; one value, one reason")
        return rules


NO_EXCLUSIONS: Final = ExclusionPolicy()
"""Nobody is kept out."""
