"""Short patterns of events: three that are commoner before people leave, two before they grow, two that mean nothing.

Belongs here: the patterns, their rates and where they are played. Does not belong here: longer courses with a meaning of
their own (``sequences``). A pattern follows the hidden state of the week, never the end itself, so nothing can be read from
it that the state does not hold; every pattern also occurs at its base rate in everybody else.
"""

from dataclasses import dataclass

import numpy as np

from uam_platform.simulation.world.arranged import Calendar, Steps
from uam_platform.simulation.world.clock import DAY_US, SECOND_US, START_US
from uam_platform.simulation.world.difficulty import Difficulty
from uam_platform.simulation.world.expansion import driven_weeks
from uam_platform.simulation.world.health import distress
from uam_platform.simulation.world.hidden_state import HiddenState

_HARM_LOG, _DRIVE_LOG = 2.2, 2.0


@dataclass(frozen=True)
class Pattern:
    """Three steps within one visit; ``outcome`` is what the pattern is commoner before."""

    pattern_id: str
    outcome: str
    steps: tuple[str, str, str]


PATTERNS = (
    Pattern("P1", "churn", ("report_exported", "report_exported", "billing_viewed")),
    Pattern("P2", "churn", ("search_performed", "validation_error_shown", "search_performed")),
    Pattern("P3", "churn", ("settings_explored", "invoice_download_failed", "billing_viewed")),
    Pattern("P4", "expansion", ("dashboard_shared", "member_invited", "permission_denied")),
    Pattern("P5", "expansion", ("plan_compared", "security_settings_viewed", "billing_viewed")),
    Pattern("P6", "none", ("modal_opened", "search_performed", "feature_used")),
    Pattern("P7", "none", ("dashboard_viewed", "alert_rule_saved", "report_viewed")),
)


@dataclass(frozen=True)
class Play:
    """One occurrence: index of ``PATTERNS``, account, instants in epoch microseconds."""

    pattern: int
    account: int
    first_us: int
    last_us: int


def plant_patterns(
    calendar: Calendar, state: HiddenState, vector: Difficulty, steps: Steps, rng: np.random.Generator
) -> list[Play]:
    """Play the patterns over the visible weeks and return the occurrences."""
    weeks = calendar.days // 7
    drive = driven_weeks(state.drives, weeks + 99, calendar.accounts.count)[:weeks] * vector.drive_gain
    harm = distress(state.health.level[:weeks], state.law) * vector.signal_gain
    raised = {"churn": np.exp(_HARM_LOG * harm), "expansion": np.exp(_DRIVE_LOG * drive), "none": np.ones_like(harm)}
    plays: list[Play] = []
    for number, pattern in enumerate(PATTERNS):
        week, account = np.nonzero(rng.poisson(vector.patterns_per_week * raised[pattern.outcome]))
        at = calendar.office_us(account, week * 7 + rng.integers(0, 5, len(week)), rng)
        person = calendar.person(account, (at - START_US) / DAY_US, rng)
        gaps = np.cumsum(rng.integers(5, 60, (len(week), len(pattern.steps))), axis=1) * SECOND_US
        for index in np.flatnonzero(person >= 0):
            taken = [(name, int(at[index] + gap)) for name, gap in zip(pattern.steps, gaps[index], strict=True)]
            steps.add(int(person[index]), int(account[index]), taken)
            plays.append(Play(number, int(account[index]), taken[0][1], taken[-1][1]))
    return plays
