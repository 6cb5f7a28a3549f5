"""The hidden weekly state of every account: which harms are active, how far they have built up, what they do.

Belongs here: the state, its transition law, the multipliers that behaviour follows. Does not belong here: what the
renewal makes of it (``commerce``), the probability of leaving (``oracle``). The transition is Markov: the oracle can
start from any week with the same law and needs no knowledge of the future. Where releases bring part of a harm on common
dates, the law still carries its average rate: that is all one can know before they happen.
"""

from dataclasses import dataclass

import numpy as np

from uam_platform.simulation.world.clock import Array
from uam_platform.simulation.world.cohorts import Cohorts, account_logs, churn_weights, onset_factor, visible
from uam_platform.simulation.world.difficulty import Difficulty
from uam_platform.simulation.world.drivers import BROKEN_WORKFLOW, CAUSES, CHANNELS, LOOKALIKES, OTHER_PATH, POOR_FIT
from uam_platform.simulation.world.population import Accounts
from uam_platform.simulation.world.seasons import aligned

BURN_IN_WEEKS = 26
LOWEST_SEVERITY = 0.35
_FIT_FACTOR = np.array([2.2, 0.9, 0.4])


@dataclass(frozen=True)
class Law:
    """Rates of the transition: ``onset`` and ``churn_weight`` per account and cause, the rest per cause.

    ``onset`` is the average per week, tenure aside; ``coupled`` is the share of the onsets of broken workflows that come
    with releases.
    """

    onset: Array
    first_tenure_week: Array
    last_tenure_week: Array
    recovery: Array
    ramp: Array
    churn_weight: Array
    coupled: float = 0.0

    def hazard(self, tenure_weeks: Array, rows: Array) -> Array:
        """Return the weekly onset probability (rows x causes) at a tenure in weeks; nothing begins before the start."""
        tenure = tenure_weeks[:, None]
        fits = (tenure >= self.first_tenure_week) & (tenure <= self.last_tenure_week) & (tenure >= 0)
        return np.where(fits, self.onset[rows], 0.0).astype(np.float32)


@dataclass(frozen=True)
class Health:
    """State at the start of each week (weeks x accounts x causes) and the harmful spells as arrays.

    A spell that ``is_older`` began before the world; its onset day is only a lower bound of its length.
    """

    level: Array
    active: Array
    severity: Array
    spell_account: Array
    spell_cause: Array
    spell_severity: Array
    spell_onset_day: Array
    spell_end_day: Array
    is_older: Array


@dataclass(frozen=True)
class Benign:
    """Harmless episodes, one entry each, in whole weeks ``[first_week, last_week)``."""

    account: Array
    kind: Array
    first_week: Array
    last_week: Array
    is_announced: Array


def make_law(accounts: Accounts, cohorts: Cohorts, vector: Difficulty, coupled: float = 0.0) -> Law:
    """Return the transition law of every account at this difficulty."""
    occurs = np.array([cause.name in vector.causes for cause in CAUSES])
    yearly = np.array([cause.onsets_per_year for cause in CAUSES]) * vector.harm_per_year * occurs
    onset = accounts.vulnerability[:, None] * yearly[None, :] / 52.0
    onset[:, POOR_FIT] *= _FIT_FACTOR[accounts.fit] ** visible(vector)
    onset *= onset_factor(cohorts, vector)
    return Law(
        onset=np.clip(onset, 0.0, 0.5),
        first_tenure_week=np.array([cause.first_tenure_week for cause in CAUSES]),
        last_tenure_week=np.array([cause.last_tenure_week for cause in CAUSES]),
        recovery=np.array([cause.recovery_per_week for cause in CAUSES], dtype=np.float32),
        ramp=np.array([cause.ramp_per_week for cause in CAUSES], dtype=np.float32) / np.float32(vector.lag_ratio),
        churn_weight=churn_weights(cohorts, vector),
        coupled=coupled,
    )


def step(
    level: Array, active: Array, severity: Array, hazard: Array, law: Law, draw: Array
) -> tuple[Array, Array, Array]:
    """Move the state one week on. ``draw`` is uniform; where it falls below the hazard it also gives the severity."""
    begins = ~active & (draw < hazard)
    safe = np.maximum(hazard, np.float32(1e-9))
    drawn = np.float32(LOWEST_SEVERITY) + np.float32(1 - LOWEST_SEVERITY) * np.minimum(draw / safe, np.float32(1))
    severity = np.where(begins, drawn, severity)
    active = begins | (active & (draw >= law.recovery))
    level = level + law.ramp * (np.where(active, severity, np.float32(0)) - level)
    return level, active, severity


def distress(level: Array, law: Law, account: Array | None = None) -> Array:
    """Return how close to leaving the state is, 0 to 1: the strongest harm, with others adding to what is left.

    ``level`` is (... x accounts x causes), or with ``account`` (rows x causes) for the accounts of these rows.
    """
    weight = law.churn_weight if account is None else law.churn_weight[account]
    return 1.0 - np.prod(1.0 - np.minimum(weight * np.clip(level, 0.0, 1.0), 1.0), axis=-1)


def live(accounts: Accounts, law: Law, weeks: int, rng: np.random.Generator, shocks: Array | None = None) -> Health:
    """Run the hidden state for ``weeks`` weeks after a burn-in; the state at index w holds at the start of week w.

    ``shocks`` (weeks x accounts) is what releases add to the onset of broken workflows, instead of their average share.
    """
    count, causes = accounts.count, len(CAUSES)
    level = np.zeros((count, causes), dtype=np.float32)
    active = np.zeros((count, causes), dtype=bool)
    severity = np.zeros((count, causes), dtype=np.float32)
    levels = np.zeros((weeks, count, causes), dtype=np.float32)
    actives = np.zeros((weeks + 1, count, causes), dtype=bool)
    severities = np.zeros((weeks, count, causes), dtype=np.float32)
    everyone = np.arange(count)
    for week in range(-BURN_IN_WEEKS, weeks):
        if week >= 0:
            levels[week], actives[week], severities[week] = level, active, severity
        tenure = week - accounts.start_day / 7.0
        draw = rng.random((count, causes), dtype=np.float32)
        hazard = law.hazard(tenure, everyone)
        if shocks is not None and week >= 0:
            hazard[:, BROKEN_WORKFLOW] *= np.float32(1.0 - law.coupled)
            hazard[:, BROKEN_WORKFLOW] += np.where(tenure >= 0, shocks[week], np.float32(0))
        level, active, severity = step(level, active, severity, hazard, law, draw)
    return Health(levels, actives[:weeks], severities, *_spells(actives, severities))


def _spells(active: Array, severity: Array) -> tuple[Array, ...]:
    weeks = len(active) - 1
    padded = np.concatenate([np.zeros_like(active[:1]), active[:weeks], np.zeros_like(active[:1])]).astype(np.int8)
    change = np.diff(padded, axis=0)
    begins = np.argwhere(np.transpose(change == 1, (1, 2, 0)))
    ends = np.argwhere(np.transpose(change == -1, (1, 2, 0)))
    account, cause, onset = begins[:, 0], begins[:, 1], begins[:, 2]
    onset_day = onset * 7 - 1 - (account * 31 + cause * 7 + onset) % 6
    return account, cause, severity[onset, account, cause], onset_day, ends[:, 2] * 7, onset == 0


def make_benign(accounts: Accounts, weeks: int, vector: Difficulty, rng: np.random.Generator) -> Benign:
    """Draw the harmless look-alikes of every account over ``weeks`` weeks."""
    if not vector.lookalikes:
        none = np.zeros(0, dtype=np.int64)
        return Benign(none, none, none, none, none.astype(bool))
    number = rng.poisson(vector.lookalike_per_year * weeks / 52.0, accounts.count)
    account = np.repeat(np.arange(accounts.count), number)
    shares = np.array([each.share * (each.name in vector.lookalikes) for each in LOOKALIKES])
    kind = rng.choice(len(LOOKALIKES), len(account), p=shares / max(shares.sum(), 1e-9))
    shortest = np.array([each.shortest_weeks for each in LOOKALIKES])[kind]
    longest = np.array([each.longest_weeks for each in LOOKALIKES])[kind]
    first = rng.integers(0, weeks, len(account))
    last = first + rng.integers(shortest, longest + 1)
    announced = rng.random(len(account)) < np.array([each.announced_share for each in LOOKALIKES])[kind]
    name = np.array([each.name for each in LOOKALIKES])[kind]
    is_season = announced & (name == "seasonal_lull")
    moved = aligned(first, name == "holiday", is_season, accounts.offset_min[account], accounts.industry[account])
    last += moved - first
    kept = (last > 0) & (moved < weeks)
    moved, last = np.maximum(moved, 0), np.minimum(last, weeks)
    return Benign(account[kept], kind[kept], moved[kept], last[kept], announced[kept])


def with_other_paths(benign: Benign, accounts: Accounts, on_other_path: Array, weeks: int) -> Benign:
    """Return the harmless episodes with one more for every account that begins on a path of its own."""
    account = np.flatnonzero(on_other_path & (accounts.start_day >= 0) & (accounts.start_day < (weeks - 1) * 7))
    first = -(-accounts.start_day[account] // 7)
    last = np.minimum(first + LOOKALIKES[OTHER_PATH].longest_weeks, weeks)
    return Benign(
        np.concatenate([benign.account, account]),
        np.concatenate([benign.kind, np.full(len(account), OTHER_PATH)]),
        np.concatenate([benign.first_week, first]),
        np.concatenate([benign.last_week, last]),
        np.concatenate([benign.is_announced, np.zeros(len(account), dtype=bool)]),
    )


def effects_of_causes(vector: Difficulty) -> Array:
    """Return the log effect of each cause on each channel at full level, after gain and overlap."""
    raw = np.array([[cause.effect.get(channel, 0.0) for channel in CHANNELS] for cause in CAUSES])
    mixed = (1 - vector.cause_overlap) * raw + vector.cause_overlap * raw.mean(axis=0, keepdims=True)
    return mixed * vector.signal_gain


def channel_multipliers(
    health: Health, benign: Benign, cohorts: Cohorts, vector: Difficulty, rng: np.random.Generator
) -> dict[str, Array]:
    """Return per channel the multiplier (weeks x accounts) that behaviour follows: harm, look-alikes, kinds, noise."""
    weeks, count, _ = health.level.shape
    causes = effects_of_causes(vector)
    channels = {}
    for index, channel in enumerate(CHANNELS):
        log = np.zeros((weeks, count))
        for cause in range(causes.shape[0]):
            log += causes[cause, index] * health.level[:, :, cause]
        channels[channel] = log
    for channel, log in account_logs(cohorts).items():
        channels[channel] += log
    for account, kind, first, last in zip(
        benign.account, benign.kind, benign.first_week, benign.last_week, strict=True
    ):
        for channel, value in LOOKALIKES[kind].effect.items():
            channels[channel][first:last, account] += value
    channels["sessions"] += _noise(weeks, count, vector, rng)
    channels["core"] += 0.5 * _noise(weeks, count, vector, rng)
    channels["friction"] += 1.2 * _noise(weeks, count, vector, rng)
    return {channel: np.exp(log).astype(np.float32) for channel, log in channels.items()}


def _noise(weeks: int, count: int, vector: Difficulty, rng: np.random.Generator) -> Array:
    shocks = rng.normal(0.0, vector.noise_sd, (weeks, count))
    memory = vector.noise_memory
    scale = np.sqrt(1 - memory**2)
    for week in range(1, weeks):
        shocks[week] = memory * shocks[week - 1] + scale * shocks[week]
    return shocks
