"""Declared sequences: chains of steps that mean more together than their counts (R101 to R105).

Here: the typed model of `rulebook/sequences.yaml`. Not here: finding completions (`uam_platform.behavior.chains`).
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from uam_platform.policy.load import PolicyModel

TicketChange = Literal[
    "opened", "commented", "replied", "breached", "escalated", "reopened", "solved", "changed", "deleted"
]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class DepthDrop(PolicyModel):
    """The account does less core work after the step before than it did before the first row of the sequence.

    Core actions of the `days` after are compared with those of the `baseline_days` before the first row, scaled to as many
    days; the step occurs when the `days` have passed.
    """

    days: int = Field(ge=1, le=90)
    baseline_days: int = Field(ge=1, le=180)
    max_ratio: float = Field(gt=0, lt=1, description="at most this share of what it was")
    min_baseline: int = Field(ge=1, description="core actions before; below it a drop says nothing")


class Step(PolicyModel):
    """One step: product events, a change of a support ticket, or reduced depth."""

    meaning: str
    events: tuple[Name, ...] = ()
    ticket: TicketChange | None = None
    priority: tuple[Literal["low", "normal", "high", "urgent"], ...] = Field(
        (), description="priority after the change of the ticket; empty means any"
    )
    at_least: int = Field(1, ge=1, le=20, description="so many rows make the step; the last of them is when it occurs")
    within_days: float = Field(0, ge=0, description="the rows of one step lie within so many days")
    of_same: Literal["workflow"] | None = Field(None, description="the rows of one step agree in this column")
    after_days: float | None = Field(None, gt=0, description="at most so many days after the step before")
    reduced_depth: DepthDrop | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> "Step":
        if sum(map(bool, (self.events, self.ticket, self.reduced_depth))) != 1:
            raise ValueError("write exactly one of events, ticket, reduced_depth")
        if self.priority and not self.ticket:
            raise ValueError("priority goes with ticket")
        if self.at_least > 1 and not self.within_days:
            raise ValueError("at_least needs within_days")
        return self


class Sequence(PolicyModel):
    """Steps in strict order of time, of one account or one person, the last within `window_days` of the first."""

    meaning: str
    reason: str
    scope: Literal["account", "person"]
    window_days: float = Field(gt=0, le=365)
    steps: tuple[Step, ...] = Field(min_length=2, max_length=8)

    @model_validator(mode="after")
    def _depth_comes_last(self) -> "Sequence":
        if any(step.reduced_depth for step in self.steps[:-1]):
            raise ValueError("reduced_depth can only be the last step")
        if self.steps[-1].reduced_depth and self.scope != "account":
            raise ValueError("reduced_depth is of an account: write scope: account")
        return self


class SequencePolicy(PolicyModel):
    """All declared sequences by name."""

    sequences: dict[Name, Sequence]

    def event_names(self) -> frozenset[str]:
        """Canonical events that any step names."""
        return frozenset(n for s in self.sequences.values() for step in s.steps for n in step.events)
