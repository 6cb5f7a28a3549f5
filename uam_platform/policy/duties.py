"""The four duties for clean data: who answers for definitions, identity, taxonomy and quality, and until when (R73-R77).

Here: the typed model of `rulebook/duties.yaml` and when a duty is due again. Not here: saying so in the UI
(`uam_platform.governance`) or in the weekly pack (`uam_platform.reviews`).
"""

from datetime import date, timedelta
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from uam_platform.policy.load import PolicyModel

DutyName = Literal["definitions", "identity", "taxonomy", "quality"]
DUTIES: Final[tuple[DutyName, ...]] = ("definitions", "identity", "taxonomy", "quality")


class Duty(PolicyModel):
    """One duty; shared where it has several owners."""

    answers_for: Annotated[str, Field(min_length=8)]
    owners: tuple[Annotated[str, Field(min_length=2)], ...] = Field(min_length=1)
    reviewed_on: date = Field(description="when the owners last went through it")
    every_days: int = Field(ge=7, le=366, description="the next review is due this long after")

    @property
    def due_on(self) -> date:
        """Last day on which the duty is in order without another review."""
        return self.reviewed_on + timedelta(days=self.every_days)

    def days_past(self, as_of: date) -> int:
        """Days since the duty was due; 0 where it is in order."""
        return max(0, (as_of - self.due_on).days)


class DutyPolicy(PolicyModel):
    """The duties of a company."""

    version: int = Field(ge=1)
    duties: dict[DutyName, Duty]

    @model_validator(mode="after")
    def _leaves_nothing_to_nobody(self) -> Self:
        missing = [name for name in DUTIES if name not in self.duties]
        if missing:
            raise ValueError(f"duties: {missing[0]} has no owner; give it owners, reviewed_on and every_days")
        return self

    def past(self, as_of: date) -> dict[DutyName, int]:
        """Duties past their date with the days since, in the order of `DUTIES`."""
        days = {name: self.duties[name].days_past(as_of) for name in DUTIES}
        return {name: late for name, late in days.items() if late}

    def rows(self) -> list[dict[str, str]]:
        """The duties for display: name, owners, what they answer for, reviewed and due."""
        return [
            {
                "duty": name,
                "owners": ", ".join(self.duties[name].owners),
                "answers for": self.duties[name].answers_for,
                "reviewed on": str(self.duties[name].reviewed_on),
                "due on": str(self.duties[name].due_on),
            }
            for name in DUTIES
        ]

    def told(self, as_of: date) -> list[str]:
        """One sentence per duty that is past its date."""
        return [
            f"The duty {name} ({', '.join(self.duties[name].owners)}) was due for review on {self.duties[name].due_on}, "
            f"{late:,} day{'s' if late > 1 else ''} ago."
            for name, late in self.past(as_of).items()
        ]
