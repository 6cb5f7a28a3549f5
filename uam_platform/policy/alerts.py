"""Alert rules people edit: detectors, owners, budgets and the life cycle of an alert.

Here: the typed model of `rulebook/alerts.yaml`, including its small condition language. Not here: finding rows that meet
the conditions (`uam_platform.alerts`), what is done about an alert (`policy.playbooks`), moving alerts (`uam_platform.ledger`).
"""

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import Field, field_validator, model_validator

from uam_platform.contracts.model import Type
from uam_platform.contracts.tables import ACCOUNT_FEATURES, REVENUE_AT_RISK, SCORES
from uam_platform.contracts.vocabulary import VOCABULARY
from uam_platform.policy.groups import Context, Group
from uam_platform.policy.harm import HARM_SCORE, HarmScore
from uam_platform.policy.load import PolicyModel

Scalar = bool | int | float | str
Audience = Literal["customer_success", "product", "sales", "engineering"]
NUMERIC_OPERATIONS = ("<", "<=", ">", ">=")
LIST_OPERATIONS = ("in", "not_in")
NULL_OPERATIONS = ("is_known", "is_unknown")
Text = Annotated[str, Field(min_length=3)]

CONDITION_COLUMNS = frozenset(
    {*ACCOUNT_FEATURES.column_names, *REVENUE_AT_RISK.column_names, *SCORES.column_names, HARM_SCORE}
    - {"account_name", "owner_name", "owner_email", "decision_at", "snapshot_version", "model_id"}
)
"""Columns a condition may stand on: features, harm, score and revenue of one account and snapshot; no person's name."""


ACTIONS: Final = "actions."
"""A column of this prefix counts a group of named actions of `scores.yaml` in the 28 days before; 0 where there was none."""


def _known(column: str) -> str:
    if not column.startswith(ACTIONS) and column not in CONDITION_COLUMNS:
        raise ValueError(
            f"no column {column!r}; use one of account_features, scores or revenue_at_risk, or {ACTIONS}<group of scores.yaml>"
        )
    return column


def _numeric(column: str) -> str:
    if (
        _known(column) != HARM_SCORE
        and not column.startswith(ACTIONS)
        and VOCABULARY[column].type
        not in (
            Type.INT16,
            Type.INT32,
            Type.INT64,
            Type.FLOAT64,
        )
    ):
        raise ValueError(f"column {column!r} holds no numbers")
    return column


class Condition(PolicyModel):
    """One comparison, or a group of them; a missing value meets no comparison.

    A comparison names `column`, or `ratio` (numerator, denominator; met only where the denominator is above 0), then `op` and
    either `value` or, for numeric comparisons, `quantile` of that column over all eligible accounts of the snapshot.
    """

    column: str | None = None
    ratio: tuple[str, str] | None = None
    op: Literal["<", "<=", ">", ">=", "==", "!=", "in", "not_in", "is_known", "is_unknown"] | None = None
    value: Scalar | tuple[Scalar, ...] | None = None
    quantile: float | None = Field(None, ge=0, le=1)
    all: tuple["Condition", ...] = ()
    any: tuple["Condition", ...] = ()

    @model_validator(mode="after")
    def _is_one_thing(self) -> "Condition":
        given = [
            n for n, v in (("column", self.column), ("ratio", self.ratio), ("all", self.all), ("any", self.any)) if v
        ]
        if len(given) != 1:
            raise ValueError(f"write exactly one of column, ratio, all, any (found {', '.join(given) or 'none'})")
        if given[0] in ("all", "any"):
            if self.op is not None or self.value is not None or self.quantile is not None:
                raise ValueError("a group has no op, value or quantile of its own")
        else:
            self._check_comparison()
        return self

    def _check_comparison(self) -> None:
        if self.op is None:
            raise ValueError("op is required, e.g. '<='")
        is_numeric = self.op in NUMERIC_OPERATIONS or self.ratio is not None
        for name in self.columns():
            _numeric(name) if is_numeric else _known(name)
        if self.quantile is not None and (self.op not in NUMERIC_OPERATIONS or self.value is not None or self.ratio):
            raise ValueError("quantile goes with one column, a numeric op and no value")
        self._check_value()

    def _check_value(self) -> None:
        if self.op in NULL_OPERATIONS:
            if self.value is not None:
                raise ValueError(f"{self.op} takes no value")
        elif self.op in LIST_OPERATIONS:
            if not isinstance(self.value, tuple) or not self.value:
                raise ValueError(f"{self.op} needs a list of values")
        elif self.quantile is None and (self.value is None or isinstance(self.value, tuple)):
            raise ValueError(f"{self.op} needs a single value or a quantile")
        if self.op in NUMERIC_OPERATIONS and isinstance(self.value, bool | str):
            raise ValueError(f"{self.op} compares numbers, not {self.value!r}")

    def columns(self) -> Iterator[str]:
        """Columns this condition and its groups read."""
        yield from (self.column,) if self.column else ()
        yield from self.ratio or ()
        for inner in (*self.all, *self.any):
            yield from inner.columns()

    def comparisons(self) -> Iterator["Condition"]:
        """The single comparisons, depth first."""
        if not self.all and not self.any:
            yield self
        for inner in (*self.all, *self.any):
            yield from inner.comparisons()


class Decline(PolicyModel):
    """A fall of one count over two equal windows, beyond noise and beyond what everybody shows."""

    label: Text = Field(description="what is counted, for people, e.g. core workflow completions")
    window_days: int = Field(28, ge=1)
    recent: str
    before: str
    max_ratio: float = Field(gt=0, lt=1, description="recent / before at most this")
    min_before: int = Field(ge=1, description="smallest earlier count that can carry a finding")
    max_chance: float = Field(
        0.01, gt=0, lt=0.5, description="largest probability of such a fall without any change of rate"
    )
    dispersion: float = Field(2.0, ge=1, description="variance over mean of the counts; 1 is pure Poisson")

    @field_validator("recent", "before")
    @classmethod
    def _counts(cls, column: str) -> str:
        return _numeric(column)


class Season(PolicyModel):
    """When a fall belongs to the time of the year and not to the account (R162)."""

    peer_column: Literal["tier", "billing_period", "plan", "strategic_fit"] = "tier"
    min_peers: int = Field(20, ge=3, description="fewer peers: compare with all accounts")
    min_before: int = Field(10, ge=1, description="accounts below this earlier count do not vote on the trend")


class Owner(PolicyModel):
    """A person or team that acts when an account has no owner in the CRM."""

    owner_id: Text
    owner_name: Text
    owner_email: str | None = None


class Detector(PolicyModel):
    """One alert rule; without owner, threshold, system to update and follow-up it cannot exist (R151-R155)."""

    title: Text = Field(description="kind of finding in a few words, for the headline")
    answers: Text = Field(description="id of the business question in questions.yaml that a finding helps to decide")
    audience: Audience
    owner: Literal["account_owner", "team"] = Field(
        description="who owns the first response; team: always the stand-in"
    )
    owner_when_missing: Owner | None = Field(
        None, description="absent: findings without an account owner are held back"
    )
    threshold: Text = Field(description="the rule in words for the person who acts; conditions are the exact form")
    system_to_update: Text
    follow_up: Text
    playbook: Text
    conditions: Condition
    decline: Decline | None = None
    group: Group | None = Field(None, description="one finding on a workflow with its accounts, not one per account")
    confidence: float = Field(
        0.5, gt=0, le=1, description="share of its findings that are true, as measured; it ranks them"
    )
    is_suppressed_by_context: bool = Field(
        False, description="rollouts, automation and findings on a workflow explain it away"
    )
    is_suppressed_by_season: bool = True
    needs_score: bool = Field(False, description="a finding that stands on the churn score needs a confident one")

    tuned: str | None = Field(
        None, description="column whose lower limit verdicts may move: a person accepts each proposal; absent: none"
    )

    @field_validator("conditions", mode="before")
    @classmethod
    def _list_means_all(cls, given: object) -> object:
        return {"all": given} if isinstance(given, list) else given

    @model_validator(mode="after")
    def _is_owned(self) -> "Detector":
        if (self.owner == "team" or self.group is not None) and self.owner_when_missing is None:
            raise ValueError("a finding that belongs to no account's owner needs owner_when_missing")
        if self.group is not None and self.decline is not None:
            raise ValueError("a finding on a workflow has no decline of one account")
        return self

    @model_validator(mode="after")
    def _has_what_is_tuned(self) -> "Detector":
        if self.tuned is not None:
            self.tuned_limit()
        return self

    def least_harm(self) -> float | None:
        """The lower limit that the conditions set on the harm score; None where they set none."""
        limits = [
            float(one.value)
            for one in self.conditions.comparisons()
            if one.column == HARM_SCORE and one.op == ">=" and isinstance(one.value, int | float)
        ]
        return max(limits, default=None)

    def tuned_limit(self) -> float:
        """The limit that verdicts may move.

        Raises:
            ValueError: there is not exactly one.
        """
        limits = [one.value for one in self.conditions.comparisons() if one.column == self.tuned and one.op == ">="]
        if len(limits) != 1 or isinstance(limits[0], bool) or not isinstance(limits[0], int | float):
            raise ValueError(f"tuned: {self.tuned!r} needs exactly one condition 'op: \">=\"' with a number as value")
        return float(limits[0])


class Confidence(PolicyModel):
    """When a churn score is too vague to alert on."""

    max_interval_width: float = Field(gt=0, le=1)
    abstaining_rungs: tuple[str, ...] = ("rules",)


class Budget(PolicyModel):
    """How many new alerts a person gets."""

    new_per_owner_week: int = Field(ge=1)
    new_per_week: int = Field(ge=1, description="for one audience as a whole")


class LifeCycle(PolicyModel):
    """How an alert opens, stays, closes and comes back."""

    resolve_after_snapshots: int = Field(3, ge=1, description="snapshots in a row without the condition")
    reopen_within_days: int = Field(56, ge=0, description="back within this time is the same alert")
    cooldown_days: int = Field(28, ge=0, description="no alert of another kind on the same account in this time")
    max_failed_ratio: float = Field(
        0.05, ge=0, le=1, description="a detector that could not judge more accounts resolves none"
    )
    update_after_days: int = Field(7, ge=1, description="an open alert's message is refreshed this often")
    update_on_change_ratio: float = Field(0.25, gt=0, description="or when revenue at risk moved by this share")
    retract_after_days: int = Field(
        28, ge=1, description="context and tasks of an open alert that was not confirmed for so long are taken back"
    )
    max_action_age_days: int = Field(3, ge=0, description="an older snapshot never acts")


class AlertPolicy(PolicyModel):
    """All alert rules of a company."""

    version: int = Field(ge=1)
    detectors: dict[str, Detector] = Field(min_length=1)
    season: Season
    harm: HarmScore
    context: Context
    confidence: Confidence
    budget: Budget
    life_cycle: LifeCycle

    def action_groups(self) -> tuple[str, ...]:
        """Groups of named actions that conditions count."""
        read = {name for one in self.detectors.values() for name in one.conditions.columns()}
        return tuple(sorted(name.removeprefix(ACTIONS) for name in read if name.startswith(ACTIONS)))

    @model_validator(mode="after")
    def _explains_signals_there_are(self) -> "AlertPolicy":
        told = [(kind, one.explains) for kind, one in self.context.announced.items()]
        told += [(name, one.explains) for name, one in self.context.seasons.items()]
        for kind, signals in told:
            for signal in signals:
                if signal not in self.harm.signals:
                    raise ValueError(f"context: {kind} explains {signal!r}, which is no signal of harm")
        return self

    @field_validator("detectors")
    @classmethod
    def _names(cls, detectors: dict[str, Detector]) -> dict[str, Detector]:
        for name in detectors:
            if not name.replace("_", "").isalnum() or not name.islower():
                raise ValueError(f"detector {name!r}: write its name in snake_case")
        return detectors
