"""What people talk about and in what mood: themes and sentiment from what really happens to their account.

Belongs here: the odds of the themes and the law of sentiment, for whole columns. Does not belong here: words (``phrases``,
``lexicon``), texts (``writer``). Everything is read at the start of the week in which somebody speaks; with a signal gain of
0 neither themes nor sentiment depend on harm.
"""

from dataclasses import dataclass

import numpy as np

from uam_platform.simulation.world.clock import Array
from uam_platform.simulation.world.difficulty import Difficulty
from uam_platform.simulation.world.drivers import CAUSES
from uam_platform.simulation.world.health import Health, Law, distress
from uam_platform.simulation.world.phrases import THEMES

_CALM_GROWTH = 1.5
_DISTRESS_WEIGHT = 0.45
_CODE = {name: code for code, name in enumerate(THEMES)}

_OF_KIND: dict[str, dict[str, float]] = {
    "question": {
        "import_failures": 0.05, "workflow_failures": 0.05, "slow_reports": 0.08, "access_permissions": 0.10,
        "missing_feature": 0.11, "api_limits": 0.07, "onboarding_setup": 0.08, "data_quality": 0.09, "integrations": 0.09,
        "training": 0.10, "pricing": 0.04, "performance": 0.05, "renewal_terms": 0.02, "support_response": 0.02,
        "praise": 0.05,
    },
    "billing": {"billing": 0.72, "pricing": 0.17, "renewal_terms": 0.11},
    "incident": {"support_response": 0.55, "performance": 0.12, "slow_reports": 0.11, "workflow_failures": 0.22},
    "rollout": {"training": 0.40, "access_permissions": 0.32, "onboarding_setup": 0.20, "pricing": 0.08},
    "import_failed": {"import_failures": 0.78, "data_quality": 0.22},
    "workflow_failed": {"workflow_failures": 0.72, "slow_reports": 0.14, "performance": 0.14},
    "sync_failed": {"integrations": 0.70, "api_limits": 0.22, "data_quality": 0.08},
    "kick_off": {"onboarding_setup": 0.5, "training": 0.2, "integrations": 0.2, "access_permissions": 0.1},
    "review": {
        "missing_feature": 0.2, "training": 0.15, "data_quality": 0.1, "integrations": 0.1, "praise": 0.2, "pricing": 0.08,
        "slow_reports": 0.09, "support_response": 0.04, "renewal_terms": 0.04,
    },
    "renewal": {"renewal_terms": 0.5, "pricing": 0.25, "missing_feature": 0.1, "praise": 0.15},
    "escalation": {"support_response": 0.5, "workflow_failures": 0.25, "import_failures": 0.15, "performance": 0.1},
}  # fmt: skip
KINDS: tuple[str, ...] = tuple(_OF_KIND)
_KIND_WEIGHT = {
    "question": 1.0,
    "billing": 0.2,
    "incident": 0.3,
    "rollout": 0.2,
    "review": 1.0,
    "renewal": 0.5,
    "kick_off": 0.3,
}
"""How far hidden harm shifts the themes of each kind; failures speak for themselves."""

_OF_CAUSE: dict[str, dict[str, float]] = {
    "broken_workflow": {"workflow_failures": 0.9, "import_failures": 0.5, "data_quality": 0.3, "slow_reports": 0.3},
    "onboarding_friction": {"onboarding_setup": 1.2, "training": 0.6, "integrations": 0.3},
    "champion_left": {"training": 0.8, "onboarding_setup": 0.7, "access_permissions": 0.3},
    "support_incident": {"support_response": 1.2, "performance": 0.3},
    "poor_fit": {"missing_feature": 1.1, "pricing": 0.5, "renewal_terms": 0.4},
}  # fmt: skip
_GROWING = {"access_permissions": 0.5, "pricing": 0.7, "api_limits": 0.3}
_BASE_SENTIMENT = {
    "import_failures": -0.15, "workflow_failures": -0.18, "slow_reports": -0.15, "data_quality": -0.15, "performance": -0.15,
    "support_response": -0.20, "billing": -0.08, "integrations": -0.05, "praise": 0.60, "training": 0.08, "pricing": 0.05,
    "renewal_terms": 0.05,
}  # fmt: skip


def _matrix(rows: list[dict[str, float]]) -> Array:
    return np.array([[row.get(theme, 0.0) for theme in THEMES] for row in rows])


@dataclass(frozen=True)
class Mood:
    """Weeks x accounts: harm by cause and in all as far as behaviour may show it, and growth; per account its temper."""

    level: Array
    distress: Array
    is_growing: Array
    temper: Array
    noise_sd: float

    def themes(self, kind: list[str], account: Array, day: Array, rng: np.random.Generator) -> Array:
        """Draw one theme (code of ``THEMES``) for each speaker: account, fractional day, why there is talk (``KINDS``)."""
        week = self._week(day)
        codes = np.array([KINDS.index(each) for each in kind], dtype=np.int64)
        odds = _matrix(list(_OF_KIND.values()))[codes]
        pull = np.array([_KIND_WEIGHT.get(each, 0.0) for each in KINDS])[codes]
        causes = _matrix([_OF_CAUSE[cause.name] for cause in CAUSES])
        odds = odds + pull[:, None] * (self.level[week, account] @ causes)
        odds = odds + (pull * self.is_growing[week, account])[:, None] * _matrix([_GROWING])
        ceiling = np.cumsum(odds, axis=1)
        draw = rng.random(len(codes)) * ceiling[:, -1]
        return np.asarray((draw[:, None] >= ceiling).sum(axis=1))

    def sentiments(self, theme: Array, account: Array, day: Array, rng: np.random.Generator) -> Array:
        """Draw the sentiment (-1 to 1) with which each speaker talks about the theme."""
        week = self._week(day)
        base = np.array([_BASE_SENTIMENT.get(name, 0.0) for name in THEMES])[theme]
        harm = _DISTRESS_WEIGHT * self.distress[week, account]
        growth = 0.25 * self.is_growing[week, account]
        return np.clip(
            base + growth - harm + self.temper[account] + rng.normal(0.0, self.noise_sd, len(theme)), -1.0, 1.0
        )

    def _week(self, day: Array) -> Array:
        return np.clip(np.floor(day / 7.0).astype(np.int64), 0, len(self.level) - 1)


def make_mood(
    health: Health, law: Law, channels: dict[str, Array], vector: Difficulty, rng: np.random.Generator
) -> Mood:
    """Return the mood of every account and week at this difficulty.

    Some customers always complain and some leave politely: ``temper`` has nothing to do with harm.
    """
    temper = np.asarray(rng.normal(0.0, vector.temper_sd, health.level.shape[1]))
    level = np.clip(health.level * np.float32(vector.signal_gain), 0.0, 1.0)
    return Mood(level, distress(level, law), channels["intent"] > _CALM_GROWTH, temper, vector.sentiment_noise_sd)


def theme_code(name: str) -> int:
    """Return the code of a theme."""
    return _CODE[name]
