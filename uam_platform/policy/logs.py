"""Backend logs: where a line holds what, and which lines are which event.

Here: the typed model of `rulebook/logs.yaml` and what it says of one line. Not here: reading logs (`uam_platform.connectors`), what
an event means (`taxonomy`).
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field, field_validator, model_validator

from uam_platform.policy.load import PolicyModel
from uam_platform.policy.patterns import check_compile

ENVELOPE: Final = (
    "user_id anonymous_id workspace_id account_id feature workflow workflow_id workflow_state error_code app_area duration_ms"
).split()
"""Columns of the event envelope that a line may fill."""
OF_A_TRACE: Final = "trace:"
"""How the run of a line begins that names none and is known by its trace."""
_TIMES: Final = ("occurred_at", "received_at")

Line = Mapping[str, Any]


class Condition(PolicyModel):
    """What an attribute must be; all that is written must hold. An attribute that a line lacks meets no condition."""

    matches: str | None = Field(None, description="regular expression found in its text")
    is_one_of: tuple[str, ...] = Field((), description="its text, case ignored")
    at_least: float | None = None
    below: float | None = None

    @field_validator("matches")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        check_compile([value or ""])
        return value

    @model_validator(mode="after")
    def _says_something(self) -> "Condition":
        if self.matches is None and not self.is_one_of and self.at_least is None and self.below is None:
            raise ValueError("write matches, is_one_of, at_least or below")
        return self

    def holds(self, value: Any) -> bool:
        """Whether the value of an attribute meets the condition."""
        if value is None:
            return False
        text = str(value)
        if self.is_one_of and text.lower() not in {each.lower() for each in self.is_one_of}:
            return False
        if self.matches is not None and not re.search(self.matches, text):
            return False
        return self._is_within(text)

    def _is_within(self, text: str) -> bool:
        if self.at_least is None and self.below is None:
            return True
        try:
            number = float(text)
        except ValueError:
            return False
        return (self.at_least is None or number >= self.at_least) and (self.below is None or number < self.below)


class LogRule(PolicyModel):
    """Lines that are one kind of event; `event: null` leaves them out."""

    event: str | None = Field(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)+$")
    when: dict[str, Condition] = Field(min_length=1, description="by name under `fields`, or an attribute itself")


class LogTwins(PolicyModel):
    """When a line tells a failure or a run that the product tells as an event of its own: then the event counts, the line does not."""

    sources: tuple[str, ...] = Field(("backend_logs",), min_length=1, description="sources whose deliveries are lines")
    events: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="event of a line -> events of the product that may tell the same"
    )
    same_run_within_seconds: int = Field(
        900, ge=0, le=21_600, description="lines and events of one run: attempts and their end lie at most so far apart"
    )
    same_actor_within_seconds: int = Field(
        10,
        ge=0,
        le=300,
        description="where no run is named on both sides: same actor, event times at most so far apart",
    )

    @property
    def same_run_us(self) -> int:
        """Greatest difference of event times within a run, in microseconds."""
        return self.same_run_within_seconds * 1_000_000

    @property
    def same_actor_us(self) -> int:
        """Greatest difference of event times of one actor, in microseconds."""
        return self.same_actor_within_seconds * 1_000_000

    @property
    def reach_us(self) -> int:
        """How far around a line others decide on it: an earlier attempt, that one's own, the last one's event, who else claims it."""
        return 3 * self.same_run_us + 2 * self.same_actor_us


class LogPolicy(PolicyModel):
    """The rulebook's rules of backend logs."""

    fields: dict[str, tuple[str, ...]] = Field(
        description="name -> attributes that may hold it; the first that is there counts"
    )
    identity: tuple[str, ...] = Field(
        default=(),
        description="names whose values together are the line's id; without one of them its content is hashed",
    )
    events: tuple[LogRule, ...] = Field(
        min_length=1, description="the first rule that a line meets counts; no rule: left out"
    )
    twins: LogTwins = Field(default_factory=LogTwins, description="lines that tell what the product tells too")

    @model_validator(mode="after")
    def _times_are_named(self) -> "LogPolicy":
        if "occurred_at" not in self.fields:
            raise ValueError("fields needs occurred_at: the attributes that hold the time of a line")
        unknown = set(self.twins.events) - {rule.event for rule in self.events}
        if unknown:
            raise ValueError(f"twins.events: no rule under events makes {sorted(unknown)[0]!r} of a line")
        return self

    def value(self, line: Line, name: str) -> Any:
        """Value of a name in a line: of the first of its attributes that is there; an unlisted name is an attribute itself."""
        for attribute in self.fields.get(name, (name,)):
            if line.get(attribute) not in (None, ""):
                return line[attribute]
        return None

    def event_of(self, line: Line) -> str | None:
        """Canonical event of a line; None where it is left out."""
        for rule in self.events:
            if all(condition.holds(self.value(line, name)) for name, condition in rule.when.items()):
                return rule.event
        return None

    def run_of(self, line: Line) -> str | None:
        """The run that a line is of: its own, else its trace, which all attempts and services of one request share."""
        run, trace = self.value(line, "workflow_id"), self.value(line, "trace_id")
        return str(run) if run is not None else f"{OF_A_TRACE}{trace}" if trace is not None else None

    def line_id(self, line: Line) -> str | None:
        """The line's own id; None where it has none."""
        values = [self.value(line, name) for name in self.identity]
        return "/".join(map(str, values)) if values and None not in values else None
