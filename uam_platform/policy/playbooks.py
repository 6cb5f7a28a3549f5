"""Playbooks people edit: which action an alert triggers, where it goes, and how fast it may be sent.

Here: the typed model of `rulebook/playbooks.yaml`. Not here: planning the actions (`uam_platform.ledger.catalogue`),
which findings become alerts (`policy.alerts`).
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from uam_platform.policy.load import PolicyModel

DESTINATIONS_WITH_DELIVERY = frozenset({"slack", "salesforce", "jira", "linear", "exchange"})
"""Destinations this platform can deliver to, once connected; actions for others are recorded as planned."""

SALESFORCE_TASK = "Task"
SALESFORCE_CONTEXT = "Account"
SALESFORCE_TARGETS = (SALESFORCE_TASK, SALESFORCE_CONTEXT)
"""A task for the account owner, or context fields on the account."""

CustomField = Annotated[str, Field(pattern=r"^[A-Za-z]\w*__c$")]
ContextFact = Literal["status", "title", "summary", "follow_up", "as_of", "evidence_id"]


class Action(PolicyModel):
    """One thing a playbook does."""

    destination: Literal["slack", "salesforce", "jira", "linear", "exchange"]
    target: str | None = Field(
        None,
        description="Slack channel, Salesforce object, Jira project, Linear team (key or id), a name of yours for the exchange; "
        "absent: the destination's default",
    )


class Playbook(PolicyModel):
    """The next step of one kind of alert (R151)."""

    meaning: str = Field(min_length=3)
    actions: dict[str, Action] = Field(min_length=1)


class Delivery(PolicyModel):
    """Limits of a delivery run."""

    seconds_between_messages: float = Field(1.1, ge=1, description="per target; Slack allows one message a second")
    seconds_between_calls: dict[str, float] = Field(
        default_factory=lambda: {"salesforce": 0.0, "jira": 0.0, "linear": 0.0, "exchange": 0.0},
        description="other pauses, by destination",
    )
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


class SalesforceFields(PolicyModel):
    """Custom fields that deliveries write; an administrator of the organisation creates them once."""

    task_key: CustomField = Field(description="on Activity: text 64, unique, external id")
    last_action: CustomField = Field(description="on Activity and Account: text 64, the action written last")
    account_key: CustomField = Field(description="on Account: the product's account id, unique, external id")
    complete_on_resolve: bool = Field(
        True, description="complete a task whose finding is gone, open it when it is back"
    )
    due_days: int = Field(5, ge=0, description="a task is due this many days after its snapshot")
    high_priority_usd_cents: int = Field(ge=0, description="from this revenue at risk on a task is of high priority")
    context: dict[ContextFact, CustomField] = Field(min_length=1, description="fields of Account by fact")


class JiraFields(PolicyModel):
    """How issues are made in Jira."""

    issue_type: str = Field("Task", min_length=1, description="name, or the id where names are ambiguous")
    close_on_resolve: bool = Field(True, description="move issues to a done status and back with their finding")
    search_lag_seconds: float = Field(
        120, ge=0, description="an issue that search does not find this long after the attempt was not made"
    )


class LinearFields(PolicyModel):
    """How issues are made in Linear."""

    close_on_resolve: bool = Field(True, description="move issues to a completed state and back with their finding")


class PlaybookPolicy(PolicyModel):
    """All playbooks and the delivery limits."""

    version: int = Field(ge=1)
    default_targets: dict[str, str] = Field(default_factory=dict)
    playbooks: dict[str, Playbook] = Field(min_length=1)
    always: dict[str, Action] = Field(
        default_factory=dict, description="actions of every playbook, planned only while their destination is connected"
    )
    delivery: Delivery
    salesforce: SalesforceFields
    jira: JiraFields = Field(default_factory=lambda: JiraFields())
    linear: LinearFields = Field(default_factory=lambda: LinearFields())

    @model_validator(mode="after")
    def _targets_are_known(self) -> "PlaybookPolicy":
        named = {name: playbook.actions for name, playbook in self.playbooks.items()} | {"always": self.always}
        for name, actions in named.items():
            for label, action in actions.items():
                has_delivery = action.destination in DESTINATIONS_WITH_DELIVERY
                if has_delivery and not (action.target or self.default_targets.get(action.destination)):
                    raise ValueError(
                        f"playbook {name}, action {label}: name a target or default_targets.{action.destination}"
                    )
                target = action.target or self.default_targets.get(action.destination)
                if action.destination == "salesforce" and target not in SALESFORCE_TARGETS:
                    objects = " or ".join(SALESFORCE_TARGETS)
                    raise ValueError(f"playbook {name}, action {label}: target {target!r}; Salesforce takes {objects}")
        return self

    def targets(self, destination: str) -> frozenset[str]:
        """Targets of a destination that some playbook names."""
        actions = (action for playbook in self.playbooks.values() for action in playbook.actions.values())
        named = {a.target or self.default_targets.get(destination, "") for a in actions if a.destination == destination}
        return frozenset(named - {""})

    def playbook(self, name: str) -> Playbook:
        """The playbook `name`.

        Raises:
            KeyError: no such playbook; the message lists those that exist.
        """
        if name not in self.playbooks:
            known = ", ".join(sorted(self.playbooks))
            raise KeyError(f"no playbook {name!r}; rulebook/playbooks.yaml knows: {known}")
        return self.playbooks[name]
