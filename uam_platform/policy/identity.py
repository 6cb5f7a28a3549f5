"""Identity rules: which evidence makes identifiers one person, and what a shared device or mailbox proves (R82-R91).

Here: the typed model of `rulebook/identity.yaml`. Not here: the resolution itself (`uam_platform.identity`).
"""

from enum import StrEnum

from pydantic import Field

from uam_platform.policy.load import PolicyModel


class DeviceEvidence(StrEnum):
    """Calls that tie a device's anonymous id to a user, strongest first; an alias always does."""

    IDENTIFY = "identify"
    LOGIN = "login"


class SharedDevices(StrEnum):
    """What becomes of a device that several people use."""

    BY_DAY = "by_day"  # a day on which exactly one of them was seen is theirs; other days stay anonymous
    ANONYMOUS = "anonymous"  # nothing done without signing in is attributed


class IdentityPolicy(PolicyModel):
    """The rulebook's identity rules."""

    device_evidence: tuple[DeviceEvidence, ...] = Field(min_length=1)
    shared_devices: SharedDevices = SharedDevices.BY_DAY
    aliased_users_are_one_person: bool = True
    same_email_in_account_is_one_person: bool = True
    max_users_per_email: int = Field(2, ge=1)
    directory_memberships: bool = True
