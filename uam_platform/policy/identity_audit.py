"""What makes a merge of identities worth a look: declared signs with their points (R91).

Here: the typed model of `rulebook/identity_audit.yaml`. Not here: how a sign is measured (`uam_platform.identity.audit`), which evidence
merges at all (`identity`).
"""

from enum import StrEnum

from pydantic import Field, field_validator

from uam_platform.policy.load import PolicyModel


class Sign(StrEnum):
    """What is measured of a merge."""

    WEAK_EVIDENCE = "weak_evidence"  # place of its kind in the order of strength: 0 alias, 1 identify, 2 login, 3 email, 4 directory
    MANY_USERS = "many_users"  # user ids that the identifier is tied to
    WORKSPACES_APART = "workspaces_apart"  # 1 where both sides were seen in workspaces and share none
    UNSEEN_DAYS = (
        "unseen_days"  # longest stretch of use on one side that lies before or after all use that ties it to the other
    )
    ONLY_EDGE = "only_edge"  # user ids that would be apart without it, on the smaller side
    DAYS_IN_PARALLEL = "days_in_parallel"  # days on which both user ids were used


class SignRule(PolicyModel):
    """From which value on a sign counts, how much, and why."""

    at_least: float = Field(gt=0)
    points: int = Field(ge=1)
    reason: str = Field(min_length=10)


class IdentityAuditPolicy(PolicyModel):
    """The rulebook's signs of risky merges.

    Attributes:
        signs: rule of every sign.
        listed: merges that a check and `uam identity audit` show.
        least_points: merges below are never listed.
    """

    signs: dict[Sign, SignRule]
    listed: int = Field(20, ge=1)
    least_points: int = Field(4, ge=1)

    @field_validator("signs")
    @classmethod
    def _is_complete(cls, signs: dict[Sign, SignRule]) -> dict[Sign, SignRule]:
        absent = [sign.value for sign in Sign if sign not in signs]
        if absent:
            raise ValueError(f"no rule for {', '.join(absent)}")
        return signs
