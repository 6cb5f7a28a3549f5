"""Playbooks people edit: which action an alert triggers, where it goes, and how fast it may be sent.

Here: the typed model of `rulebook/playbooks.yaml`. Not here: planning the actions (`uam_platform.ledger.catalogue`),
which findings become alerts (`policy.alerts`).
"""

from typing import Literal

from pydantic import Field, model_validator

from uam_platform.policy.load import PolicyModel

DESTINATIONS_WITH_DELIVERY = frozenset({"slack"})
"""Destinations this platform can deliver to; actions for others are recorded as planned."""


class Action(PolicyModel):
    """One thing a playbook does."""

    destination: Literal["slack", "salesforce", "jira", "linear"]
    target: str | None = Field(None, description="channel, project or queue; absent: the destination's default")


class Playbook(PolicyModel):
    """The next step of one kind of alert (R151)."""

    meaning: str = Field(min_length=3)
    actions: dict[str, Action] = Field(min_length=1)


class Delivery(PolicyModel):
    """Limits of a delivery run."""

    seconds_between_messages: float = Field(1.1, ge=1, description="per target; Slack allows one message a second")
    max_sent_per_run: int = Field(50, ge=1)
    max_attempts: int = Field(6, ge=1, description="clear rejections of one action before a person must look")
    max_reconciliations: int = Field(6, ge=1, description="undecided looks for one action before a person must look")
    retry_seconds: float = Field(5, gt=0, description="first pause after a rejection without a stated one; doubles")
    max_retry_seconds: float = Field(900, gt=0)
    settle_seconds: float = Field(
        3, ge=0, description="pause between an unclear outcome and the look whether it arrived after all"
    )
    max_wait_seconds: float = Field(60, ge=0, description="a run waits at most this long in all for retries")
    lease_seconds: float = Field(180, ge=30, description="an attempt older than this counts as interrupted")


class PlaybookPolicy(PolicyModel):
    """All playbooks and the delivery limits."""

    version: int = Field(ge=1)
    default_targets: dict[str, str] = Field(default_factory=dict)
    playbooks: dict[str, Playbook] = Field(min_length=1)
    delivery: Delivery

    @model_validator(mode="after")
    def _targets_are_known(self) -> "PlaybookPolicy":
        for name, playbook in self.playbooks.items():
            for label, action in playbook.actions.items():
                has_delivery = action.destination in DESTINATIONS_WITH_DELIVERY
                if has_delivery and not (action.target or self.default_targets.get(action.destination)):
                    raise ValueError(
                        f"playbook {name}, action {label}: name a target or default_targets.{action.destination}"
                    )
        return self

    def playbook(self, name: str) -> Playbook:
        """The playbook `name`.

        Raises:
            KeyError: no such playbook; the message lists those that exist.
        """
        if name not in self.playbooks:
            known = ", ".join(sorted(self.playbooks))
            raise KeyError(f"no playbook {name!r}; rulebook/playbooks.yaml knows: {known}")
        return self.playbooks[name]
