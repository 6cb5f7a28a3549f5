"""Kinds of customers and people that use the product in a way of their own, for as long as they are customers.

Belongs here: who belongs to which kind and what the kind changes (onsets, weights, channels). Does not belong here:
harm itself (``health``) or how a visit is filled (``actions``). Three kinds, disjoint:

- C1 signs in and looks around often and hardly does anything of value.
- C2 gets most of its value from one workflow, and leaves more easily when that one breaks.
- C3 is administered by evaluators: they look at pricing, plans, security and settings and rarely work with the product.

A kind may raise the odds of harm and of leaving only as far as behaviour shows harm at all (``visible``): with a signal
gain of zero the kinds still look different and leave alike.
"""

from dataclasses import dataclass

import numpy as np

from uam_platform.simulation.world.clock import Array
from uam_platform.simulation.world.difficulty import Difficulty
from uam_platform.simulation.world.drivers import BROKEN_WORKFLOW, CAUSES, POOR_FIT
from uam_platform.simulation.world.population import Accounts

KINDS = ("C1", "C2", "C3")
_MAIN_WORKFLOWS, _MAIN_SHARES = np.array([0, 2, 3]), (0.5, 0.3, 0.2)
_SHALLOW_LOG = {"sessions": 0.45, "core": -1.3, "breadth": 0.3}
_DEPENDENT_WEIGHT = 1.4
_DEPENDENT_ONSET, _SHALLOW_ONSET, _EVALUATED_ONSET = 1.3, 1.3, 1.4


@dataclass(frozen=True)
class Cohorts:
    """One entry per account: index of ``KINDS`` or -1, and the one workflow a C2 account lives on or -1."""

    kind: Array
    main_workflow: Array

    def of(self, name: str) -> Array:
        """Return a mask of the accounts of one kind."""
        return np.asarray(self.kind == KINDS.index(name))


def visible(vector: Difficulty) -> float:
    """Return how far behaviour shows harm at all, 0 to 1: what rides on harm is thinned by it."""
    return min(1.0, vector.signal_gain)


def make_cohorts(accounts: Accounts, vector: Difficulty, rng: np.random.Generator) -> Cohorts:
    """Draw the kind of every account; most have none."""
    shares = np.array([vector.shallow_share, vector.dependent_share, vector.evaluated_share])
    kind = np.searchsorted(np.cumsum(shares), rng.random(accounts.count), side="right")
    kind = np.where(kind < len(KINDS), kind, -1)
    main = rng.choice(_MAIN_WORKFLOWS, accounts.count, p=_MAIN_SHARES)
    return Cohorts(kind, np.where(kind == KINDS.index("C2"), main, -1))


def onset_factor(cohorts: Cohorts, vector: Difficulty) -> Array:
    """Return by how much (accounts x causes) the kind scales the onset of each cause."""
    factor = np.ones((len(cohorts.kind), len(CAUSES)))
    factor[cohorts.of("C1"), POOR_FIT] = _SHALLOW_ONSET
    factor[cohorts.of("C2"), BROKEN_WORKFLOW] = _DEPENDENT_ONSET
    factor[cohorts.of("C3"), POOR_FIT] = _EVALUATED_ONSET
    return np.asarray(factor ** visible(vector))


def churn_weights(cohorts: Cohorts, vector: Difficulty) -> Array:
    """Return the weight (accounts x causes) with which a harm pulls towards leaving; C2 takes a broken workflow worse."""
    base = np.array([cause.churn_weight for cause in CAUSES], dtype=np.float32)
    weights = np.repeat(base[None, :], len(cohorts.kind), axis=0)
    weights[cohorts.of("C2"), BROKEN_WORKFLOW] *= np.float32(_DEPENDENT_WEIGHT ** visible(vector))
    return weights


def account_logs(cohorts: Cohorts) -> dict[str, Array]:
    """Return log-multipliers per channel and account that never change."""
    mask = cohorts.of("C1")
    return {channel: np.where(mask, value, 0.0) for channel, value in _SHALLOW_LOG.items()}
