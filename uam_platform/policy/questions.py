"""Goals and the short list of business questions that everything collected and computed must serve (R19-R24, R27).

Here: the typed model of `rulebook/questions.yaml`, and which question a feature column answers. Not here: who else refers to a question
(`answers`), which field is collected for which (`rulebook/sources.yaml`).
"""

from fnmatch import fnmatchcase
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from uam_platform.contracts.model import Purpose
from uam_platform.contracts.tables import ACCOUNT_FEATURES
from uam_platform.policy.load import PolicyModel

_BOOKKEEPING: Final = {*ACCOUNT_FEATURES.key, "decision_at", "snapshot_version"}
FEATURE_COLUMNS: Final = tuple(name for name in ACCOUNT_FEATURES.column_names if name not in _BOOKKEEPING)
"""Columns of `account_features` that say something about an account."""

MOST_QUESTIONS: Final = 12
"""A longer list is no agreement on what matters."""

Text = Annotated[str, Field(min_length=8)]
Name = Annotated[str, Field(min_length=2)]


class Goal(PolicyModel):
    """What is wanted, by which measure, and what is given up for it."""

    statement: Text
    metric: Text = Field(description="what is measured")
    direction: Literal["up", "down"] = Field(description="where the metric is to go")
    owner: Name
    gives_up: Text = Field(description="what the goal costs; a goal that costs nothing forces no trade-off")


class Question(PolicyModel):
    """One question that somebody decides on."""

    asks: Text
    goal: str
    outcome: Purpose = Field(description="one of the five outcomes that monitoring may serve (R182)")
    decision: Text = Field(description="what is decided with the answer")
    decided_by: Name = Field(description="who decides")
    features: tuple[str, ...] = Field(
        (), description="columns of account_features that answer it; * stands for any text"
    )

    @model_validator(mode="after")
    def _is_a_question(self) -> Self:
        if not self.asks.endswith("?"):
            raise ValueError(f"asks: write a question, ending in '?' (found {self.asks!r})")
        return self


class QuestionPolicy(PolicyModel):
    """The agreed goals and questions of a company."""

    owner: Name
    version: int = Field(ge=1)
    goals: dict[str, Goal] = Field(min_length=1)
    questions: dict[str, Question] = Field(min_length=1, max_length=MOST_QUESTIONS)

    @model_validator(mode="after")
    def _refers_to_what_exists(self) -> Self:
        for name, question in self.questions.items():
            if question.goal not in self.goals:
                raise ValueError(f"questions.{name}: no goal {question.goal!r}; use one of {', '.join(self.goals)}")
            for pattern in question.features:
                if not any(fnmatchcase(column, pattern) for column in FEATURE_COLUMNS):
                    raise ValueError(f"questions.{name}: no column of account_features is named {pattern!r}")
        idle = sorted(set(self.goals) - {question.goal for question in self.questions.values()})
        if idle:
            raise ValueError(f"goals.{idle[0]}: no question serves it; add one or drop the goal")
        return self

    def of_feature(self, column: str) -> list[str]:
        """Questions that a column of `account_features` answers."""
        return [n for n, q in self.questions.items() if any(fnmatchcase(column, pattern) for pattern in q.features)]

    def features_of(self, question: str) -> list[str]:
        """Columns of `account_features` that answer a question."""
        patterns = self.questions[question].features
        return [column for column in FEATURE_COLUMNS if any(fnmatchcase(column, pattern) for pattern in patterns)]
