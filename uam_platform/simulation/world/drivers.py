"""What moves an account: harmful causes and their harmless look-alikes, as data.

Belongs here: rates, durations and the effect of each driver on the channels through which behaviour shows. Does not
belong here: the path of one account (``health``) or how channels become events (``activity``). A new cause is one row.
"""

from dataclasses import dataclass, field

CHANNELS = (
    "sessions", "core", "friction", "failure", "breadth", "tickets", "escalation", "scheduled", "setup", "stall", "stray",
)  # fmt: skip
"""Log-multipliers of: visits, value actions per visit, friction per visit, odds of failing, breadth, tickets, priority
raises, unattended runs, completed setup steps, odds that a run is never finished, features tried once and left."""


@dataclass(frozen=True)
class Cause:
    """A harmful cause; onset is Poisson, recovery geometric, its level ramps exponentially to its severity."""

    name: str
    family: str
    onsets_per_year: float
    recovery_per_week: float
    ramp_per_week: float
    churn_weight: float
    end_reason: str
    first_tenure_week: int = 0
    last_tenure_week: int = 10_000
    effect: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class LookAlike:
    """A harmless episode: a rectangular window in which behaviour changes and the renewal does not.

    ``share`` is its part of the drawn ones (``other_path`` is not drawn: it follows from how an account begins). One in
    reserve occurs only in worlds that name it. An announced one can be seen in the company's data: holidays and seasonal
    lulls stand in the public calendar of the region or industry, automation and rollouts switch on a flag of theirs.
    """

    name: str
    family: str
    share: float
    shortest_weeks: int
    longest_weeks: int
    announced_share: float
    effect: dict[str, float] = field(default_factory=dict)
    is_reserve: bool = False


CAUSES: tuple[Cause, ...] = (
    Cause(
        "broken_workflow", "product", 0.24, 0.050, 0.50, 1.0, "Product issues",
        effect={
            "sessions": -0.35, "core": -0.75, "friction": 1.3, "failure": 0.4, "tickets": 0.9, "escalation": 0.7,
            "stall": 0.8,
        },
    ),
    Cause(
        "onboarding_friction", "onboarding", 1.0, 0.060, 0.45, 0.95, "Never adopted", last_tenure_week=17,
        effect={
            "sessions": -0.7, "core": -1.2, "friction": 1.0, "breadth": -0.7, "tickets": 0.5, "setup": -1.8,
            "stall": 0.9, "stray": 0.5,
        },
    ),
    Cause(
        "champion_left", "people", 0.20, 0.045, 0.35, 0.9, "Sponsor left", first_tenure_week=8,
        effect={"sessions": -0.5, "core": -0.7, "breadth": -0.5, "tickets": -0.2},
    ),
    Cause(
        "support_incident", "support", 0.25, 0.070, 0.60, 0.9, "Dissatisfied with support",
        effect={"sessions": -0.3, "core": -0.5, "friction": 0.5, "failure": 0.5, "tickets": 1.5, "escalation": 1.6},
    ),
    Cause(
        "poor_fit", "value", 0.15, 0.020, 0.15, 1.0, "Not enough value", first_tenure_week=4,
        effect={"sessions": -1.1, "core": -0.9, "breadth": -0.6, "tickets": -0.3, "stray": 1.1, "stall": 0.4},
    ),
)  # fmt: skip
LOOKALIKES: tuple[LookAlike, ...] = (
    LookAlike("holiday", "calendar", 0.25, 2, 3, 1.0, {"sessions": -1.4, "tickets": -0.8, "scheduled": -0.2}),
    LookAlike("automation", "automation", 0.20, 12, 30, 0.6, {"sessions": -0.9, "scheduled": 1.3, "tickets": -0.1}),
    LookAlike(
        "rollout", "rollout", 0.25, 3, 5, 0.7,
        {"sessions": 0.2, "friction": 0.7, "tickets": 1.5, "escalation": 0.6, "stray": 0.9},
    ),
    LookAlike("seasonal_lull", "calendar", 0.15, 4, 8, 0.5, {"sessions": -0.8, "scheduled": -0.3}),
    LookAlike("reorganisation", "people", 0.15, 6, 12, 0.0, {"sessions": -0.45, "core": 0.35, "stall": 0.6}),
    LookAlike("other_path", "onboarding", 0.0, 8, 8, 0.0, {"core": -0.3, "stall": 0.3}),
    LookAlike(
        "project_pause", "calendar", 0.15, 5, 9, 0.0, {"sessions": -0.8, "core": -0.5, "breadth": -0.3}, is_reserve=True
    ),
)  # fmt: skip
BROKEN_WORKFLOW, ONBOARDING_FRICTION, CHAMPION_LEFT, SUPPORT_INCIDENT, POOR_FIT = range(5)
OTHER_PATH = next(index for index, each in enumerate(LOOKALIKES) if each.name == "other_path")
