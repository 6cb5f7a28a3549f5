"""Identity rules: which evidence makes identifiers one person, and what no evidence may do (R82-R91).

Here: the typed model of `rulebook/identity.yaml`. Not here: the resolution itself (`uam_platform.identity`).
"""

from collections import Counter
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator, model_validator

from uam_platform.policy.load import PolicyModel


class DeviceEvidence(StrEnum):
    """Calls that tie a device's anonymous id to a user, strongest first; an alias always does."""

    IDENTIFY = "identify"
    LOGIN = "login"


class SharedDevices(StrEnum):
    """What becomes of a device that several people use."""

    BY_TURN = "by_turn"  # as by_day; a day of several is one person's too where all done without signing in was in one's visits
    BY_DAY = "by_day"  # a day on which exactly one of them was seen is theirs; other days stay anonymous
    ANONYMOUS = "anonymous"  # nothing done without signing in is attributed


class Identifier(StrEnum):
    """Types of identifiers; an alias is the previous id that the product's alias call names."""

    USER = "user"
    ALIAS = "alias"
    EMAIL = "email"
    DEVICE = "device"


def _as_text(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        raise ValueError("YAML reads it as no text; put it in quotes")
    return value


def _as_domain(value: Any) -> Any:
    if isinstance(value, str) and ("@" in value or "." not in value or value != value.strip().lower()):
        raise ValueError("write the domain alone, in lower case, e.g. example.com")
    return value


Reason = Annotated[str, Field(min_length=10)]
Text = Annotated[str, BeforeValidator(_as_text), Field(min_length=1)]
Domain = Annotated[str, BeforeValidator(_as_domain)]


class Limit(PolicyModel):
    """At most so many, and why not more."""

    most: int = Field(ge=1)
    reason: Reason


class IdentifierRule(PolicyModel):
    """What is asked of identifiers of one type.

    Attributes:
        priority: of edges known on one day that compete for a person's last places, the least number comes first.
        most_users: on more user ids an identifier is nobody's from the day on which that is known.
        most_per_person: an edge that would give a person more is refused.
    """

    priority: int = Field(ge=1)
    most_users: Limit | None = None
    most_per_person: Limit | None = None


class Blocked(PolicyModel):
    """Values that identify nobody, whatever sends them.

    Attributes:
        values: as they are sent; small, capital and Capitalised letters count as one.
        domains: of e-mail addresses.
        identifiers: types to which `values` apply.
        reason: why they identify nobody.
    """

    values: tuple[Text, ...] = ()
    domains: tuple[Domain, ...] = ()
    identifiers: tuple[Identifier, ...] = tuple(Identifier)
    reason: Reason

    @model_validator(mode="after")
    def _names_something(self) -> "Blocked":
        if not self.values and not self.domains:
            raise ValueError("name values, domains or both")
        return self


class IdentityPolicy(PolicyModel):
    """The rulebook's identity rules.

    Attributes:
        quiet_in_account_days: longer silence in an account ends the membership if its second half was spent in another;
            None: none ever ends so.
        accounts_of_a_mover: of persons in more accounts no membership ends so.
    """

    device_evidence: tuple[DeviceEvidence, ...] = Field(min_length=1)
    shared_devices: SharedDevices = SharedDevices.BY_TURN
    visit_minutes: int = Field(30, ge=1)
    aliased_users_are_one_person: bool = True
    same_email_in_account_is_one_person: bool = True
    same_email_in_account_within_days: int = Field(36_500, ge=0)
    same_email_elsewhere_within_days: int | None = Field(None, ge=0)
    directory_memberships: bool = True
    quiet_in_account_days: Limit | None = None
    accounts_of_a_mover: Limit = Limit(most=5, reason="whoever works in more accounts serves them")
    identifiers: dict[Identifier, IdentifierRule]
    most_identifiers_per_person: Limit
    most_edges_in_memory: Limit
    blocked: dict[str, Blocked] = Field(default_factory=dict)

    def most_users(self, kind: Identifier) -> int | None:
        """Most user ids that an identifier of a type may be seen with; None without limit."""
        limit = self.identifiers[kind].most_users
        return limit.most if limit else None

    def most_per_person(self, kind: Identifier) -> int:
        """Most identifiers of a type that one person may have."""
        limit = self.identifiers[kind].most_per_person or self.most_identifiers_per_person
        return limit.most

    @field_validator("identifiers")
    @classmethod
    def _is_complete(cls, rules: dict[Identifier, IdentifierRule]) -> dict[Identifier, IdentifierRule]:
        absent = [kind.value for kind in Identifier if kind not in rules]
        if absent:
            raise ValueError(f"no rule for {', '.join(absent)}")
        twice = [n for n, count in Counter(rule.priority for rule in rules.values()).items() if count > 1]
        if twice:
            raise ValueError(f"priority {twice[0]} is given twice")
        if rules[Identifier.USER].most_users is not None:
            raise ValueError("user: most_users has no meaning; two user ids are one person by alias or address alone")
        return rules

    @field_validator("blocked")
    @classmethod
    def _is_blocked_once(cls, blocked: dict[str, Blocked]) -> dict[str, Blocked]:
        said = Counter((kind, value.lower()) for b in blocked.values() for kind in b.identifiers for value in b.values)
        twice = [f"{value} ({kind.value})" for (kind, value), count in said.items() if count > 1]
        domains = Counter(domain for b in blocked.values() for domain in b.domains)
        twice += [domain for domain, count in domains.items() if count > 1]
        if twice:
            raise ValueError(f"blocked twice: {', '.join(sorted(twice))}; one value, one reason")
        return blocked
