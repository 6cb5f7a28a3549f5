"""Formulas of the scores that people can challenge.

Here: the typed model of `rulebook/scores.yaml`: lines with inputs, knots, weights and words, and the inputs that lines may name. Not
here: the arithmetic (`uam_platform.kpis.formulas`), where inputs come from (`uam_platform.kpis.inputs`).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from uam_platform.contracts.tables import ACCOUNT_FEATURES
from uam_platform.policy.load import PolicyModel


@dataclass(frozen=True)
class DerivedInput:
    """An input that is computed for the formulas alone.

    Attributes:
        meaning: what it is, in words.
        made_of: columns of `account_features`, kinds of journeys, it is made of.
    """

    meaning: str
    made_of: tuple[str, ...] = ()


DERIVED_INPUTS: Final[Mapping[str, DerivedInput]] = {
    "core_per_person_28d": DerivedInput(
        "core completions per active person in 28 days", ("core_28d_count", "active_person_28d_count")
    ),
    "tickets_per_person_84d": DerivedInput(
        "tickets per active person in 84 days", ("ticket_84d_count", "active_person_84d_count")
    ),
    "friction_trend_ratio": DerivedInput(
        "friction markers of 28 days over those of the 28 days before, shrunk by five",
        ("friction_28d_count", "friction_prior_28d_count"),
    ),
    "open_opportunity_count": DerivedInput("open CRM opportunities"),
    "open_expansion_count": DerivedInput("open CRM opportunities of type Expansion"),
    "stalled_journeys_56d": DerivedInput("workflows that stalled, known in the last 56 days", ("stalled_workflow",)),
    "failed_journeys_56d": DerivedInput(
        "workflows or onboardings that failed, known in the last 56 days", ("onboarding", "repeated_failure")
    ),
    "buying_signals_84d": DerivedInput("statements that speak of more seats, plans or uses, known in the last 84 days"),
    "behaviour_score": DerivedInput("the behaviour score"),
    "friction_score": DerivedInput("the friction score"),
}
ACTION_INPUTS: Final = ("28d", "prior_28d", "84d", "people_84d")
"""Inputs of every group of actions: `<group>_28d` and so on."""

ORDER: Final = ("behaviour", "friction", "health", "expansion", "revenue_weight")
_SOURCES: Final = {"health": {"behaviour_score", "friction_score"}}
Knots = tuple[tuple[float, float], ...]


class ActionGroup(PolicyModel):
    """Actions that are counted together: by event name, or by the product feature used."""

    meaning: str = Field(min_length=1)
    events: tuple[str, ...] = ()
    features: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not self.events and not self.features:
            raise ValueError("name at least one event or feature")
        return self


class Condition(PolicyModel):
    """An input that must reach a value."""

    input: str
    at_least: float


class Line(PolicyModel):
    """One line of a worksheet.

    `knots` are (value, share of the weight) joined by straight lines and flat outside; `words` give the share of a word instead.
    """

    input: str
    label: str = Field(min_length=1)
    weight: float = Field(ge=0, description="points at a share of 1; 0 for context that is shown and never counted")
    knots: Knots = ()
    words: dict[str, float] = Field(default_factory=dict)
    direction: Literal["rises", "falls", "free"] = Field("free", description="what the knots are held to")
    shown_as: Literal["number", "percent", "times", "days", "word"] = "number"
    needs: tuple[Condition, ...] = Field(
        (), description="below any of these the input says nothing: the line is left out"
    )
    only_with: tuple[Condition, ...] = Field(
        (), description="below any of these the line counts nothing: it is weak alone"
    )
    says: str = Field(min_length=1, description="in plain words; {value} is the input")
    says_alone: str = Field("", description="words where `only_with` is not reached")
    alternative: str = Field("", description="what else the same number may mean")
    requirement: str = ""
    answers: str = Field("", description="id of the question in questions.yaml; the formula's where absent")

    @property
    def is_context(self) -> bool:
        """Shown, never counted."""
        return self.weight == 0

    @property
    def weight_hundredths(self) -> int:
        """Weight in hundredths of a point."""
        return round(self.weight * 100)

    @property
    def inputs(self) -> set[str]:
        """Every input the line reads."""
        return {self.input, *(c.input for c in (*self.needs, *self.only_with))}

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        xs, ys = [x for x, _ in self.knots], [y for _, y in self.knots]
        if not self.is_context and bool(self.knots) == bool(self.words):
            raise ValueError(f"{self.input}: give knots (numbers) or words, one of them")
        if xs != sorted(set(xs)):
            raise ValueError(f"{self.input}: knots must rise in their first number")
        wanted = {"rises": sorted(ys), "falls": sorted(ys, reverse=True), "free": ys}
        if ys != wanted[self.direction]:
            raise ValueError(f"{self.input}: knots do not go the way of `direction: {self.direction}`")
        if self.only_with and not self.says_alone:
            raise ValueError(f"{self.input}: says_alone is required beside only_with")
        for text in (self.says, self.says_alone):
            if {field for _, field, _, _ in Formatter().parse(text) if field is not None} - {"value"}:
                raise ValueError(f"{self.input}: words may only hold {{value}}")
        return self


class Formula(PolicyModel):
    """One score: the sum of its lines."""

    question: str = Field(min_length=1, description="what the score answers")
    answers: str = Field(min_length=1, description="id of the business question in questions.yaml that it serves")
    scale: Literal["of_100", "sum"] = Field(
        "of_100", description="of_100: lines that are missing leave their weight to the others; sum: they add nothing"
    )
    least_known_share: float = Field(0.5, ge=0, le=1, description="known weight below which the score is unknown")
    lines: tuple[Line, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        total = sum(line.weight_hundredths for line in self.lines)
        if self.scale == "of_100" and total != 10_000:
            raise ValueError(f"weights add up to {total / 100:g}; they must add up to 100")
        shares = [y for line in self.lines for y in (*(y for _, y in line.knots), *line.words.values())]
        if self.scale == "of_100" and any(not 0 <= share <= 1 for share in shares):
            raise ValueError("shares of a weight lie between 0 and 1")
        return self

    def answered_by(self, line: Line) -> str:
        """Id of the business question that a line serves."""
        return line.answers or self.answers


class ScorePolicy(PolicyModel):
    """The rulebook's score formulas."""

    owner: str = Field(min_length=1)
    version: int = Field(ge=1, description="raise it with every change of a formula; it is stored with each score")
    worksheets_kept_days: int = Field(14, ge=1, description="worksheets of older snapshots are computed when asked for")
    action_groups: dict[str, ActionGroup]
    formulas: dict[Literal["behaviour", "friction", "health", "expansion", "revenue_weight"], Formula]

    @property
    def action_inputs(self) -> dict[str, str]:
        """Inputs made of action groups, with their meaning."""
        said = {"28d": "28 days", "prior_28d": "the 28 days before those", "84d": "84 days"}
        named = {
            f"{group}_{window}": f"{rule.meaning}, {said[window]}"
            for group, rule in self.action_groups.items()
            for window in said
        }
        return named | {
            f"{g}_people_84d": f"people behind: {r.meaning}, 84 days" for g, r in self.action_groups.items()
        }

    def server_groups(self, server_only: Collection[str]) -> dict[str, frozenset[str]]:
        """Groups that are made of events of which only a server's word counts, with those events."""
        named = {name: frozenset(rule.events) for name, rule in self.action_groups.items() if not rule.features}
        return {name: events for name, events in named.items() if events <= set(server_only)}

    @model_validator(mode="after")
    def _reads_what_exists(self) -> Self:
        if set(self.formulas) != set(ORDER):
            raise ValueError(f"formulas must be {', '.join(ORDER)}")
        if {name for name, formula in self.formulas.items() if formula.scale == "sum"} != {"revenue_weight"}:
            raise ValueError("scale: sum belongs to revenue_weight, and of_100 to the others")
        known = {*ACCOUNT_FEATURES.column_names, *DERIVED_INPUTS, *self.action_inputs}
        made = {"behaviour_score", "friction_score"}
        for name, formula in self.formulas.items():
            read = {i for line in formula.lines for i in line.inputs}
            unknown = (read - known) | (read & (made - _SOURCES.get(name, set())))
            if unknown:
                raise ValueError(f"{name}: no such input: {', '.join(sorted(unknown))}")
        return self
