"""The worlds that the reference learner learns from: simulated, run as far as features and labels, kept as one Parquet file each.

Here: from a seed to training rows. Not here: the training (`reference_training`). Labels are those that the platform itself sees; the
truth of these worlds is never opened.

A world whose file exists is skipped, so that a killed build goes on where it stopped. A file is named by world version, difficulty,
size, seed and feature contract: a change of any of them makes new ones.
"""

import shutil
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import pandas as pd

from uam_platform.contracts.tables import ACCOUNT_FEATURES, LABELS
from uam_platform.evaluation.reference import feature_contract_id
from uam_platform.evaluation.run_folder import RunFolder

QUIET_STRIDE: Final = 4
WEIGHT: Final = "weight"
CHURNED: Final = "is_churned"
SEED: Final = "world_seed"
_GRID: Final = "dayofweek(f.as_of) = 1"


@dataclass(frozen=True)
class Plan:
    """Which worlds there shall be.

    Attributes:
        seeds: one world each.
        accounts: of each world.
        days: of each world.
        difficulty: a named one.
        folder: where training rows are kept, and worlds while they are needed.
        keep: keep worlds and lakes too.
    """

    seeds: tuple[int, ...]
    accounts: int
    days: int
    difficulty: str
    folder: Path
    keep: bool = False

    def world(self, seed: int) -> Path:
        """Folder of a world."""
        return self.folder / f"world-{seed}"

    def run(self, seed: int) -> Path:
        """Folder of its run."""
        return self.folder / f"run-{seed}"

    def rows_file(self, seed: int) -> Path:
        """Training rows of a world."""
        from uam_platform.simulation.world.difficulty import WORLD_VERSION

        name = f"{WORLD_VERSION}-{self.difficulty}-{self.accounts}x{self.days}-seed{seed}-{feature_contract_id()}"
        return self.folder / f"{name}.parquet"


def build_worlds(plan: Plan, say: Callable[[str], None]) -> list[Path]:
    """Training rows of every world of the plan; each step runs in a process of its own, so that its memory is given back."""
    plan.folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(plan.seeds, start=1):
        name = f"world {number} of {len(plan.seeds)}, seed {seed}"
        if plan.rows_file(seed).exists():
            say(f"{name}: rows are there")
            continue
        say(f"{name}: simulating {plan.accounts:,} accounts x {plan.days} days …")
        _apart(simulate_world, plan, seed)
        say(f"{name}: running the platform as far as features and labels …")
        rows, churned = _apart(run_as_far_as_labels, plan, seed)
        say(f"{name}: {rows:,} training rows, {churned:,} churned accounts")
    return [plan.rows_file(seed) for seed in plan.seeds]


def _apart(step: Callable[[Plan, int], Any], plan: Plan, seed: int) -> Any:
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=_quiet) as own:
        return own.submit(step, plan, seed).result()


def _quiet() -> None:
    """Notices of pinned APIs stay out of the command line, as in `uam_platform.cli`."""
    warnings.filterwarnings("ignore", message=r".*is currently in (beta|preview)")


def simulate_world(plan: Plan, seed: int) -> None:
    """Make the company of a seed, anew."""
    from uam_platform.simulation.world.generate import simulate

    for left_over in (plan.world(seed), plan.run(seed)):
        shutil.rmtree(left_over, ignore_errors=True)
    simulate(plan.accounts, plan.days, seed, plan.world(seed), plan.difficulty)


def run_as_far_as_labels(plan: Plan, seed: int) -> tuple[int, int]:
    """Run the platform on the company of a seed and keep its training rows.

    Returns:
        Rows kept, distinct churned accounts among them.
    """
    from uam_platform.scratch import run_world

    world, run = plan.world(seed), plan.run(seed)
    run_world(world / "company", run, lambda _: None, _features_and_labels, actions_enabled=False)
    rows = training_rows(run).assign(**{SEED: seed})
    partial = plan.rows_file(seed).with_suffix(".partial")
    rows.to_parquet(partial, index=False)
    partial.rename(plan.rows_file(seed))
    if not plan.keep:
        shutil.rmtree(world)
        shutil.rmtree(run)
    return len(rows), int(rows.loc[rows[CHURNED], "account_id"].nunique())


def _features_and_labels(runner: Any) -> None:
    runner.ingest()
    runner.daily_tables()
    runner.tables_of_snapshots(ACCOUNT_FEATURES, LABELS)


def training_rows(run: Path) -> pd.DataFrame:
    """Labelled Mondays of a run: account_features columns, is_churned, weight.

    Of the weeks without churn every fourth is kept at fourfold weight (phase by account), so that weighted means are those of all.
    """
    folder = RunFolder(run)
    try:
        found = folder.query(f"""
            SELECT f.*, l.is_churned,
                CASE WHEN l.is_churned THEN 1.0 ELSE {QUIET_STRIDE}.0 END AS {WEIGHT}
            FROM {folder.view(ACCOUNT_FEATURES)} f JOIN {folder.view(LABELS)} l USING (account_id, as_of)
            WHERE {_GRID} AND l.is_label_closed AND l.is_churned IS NOT NULL
                AND (l.is_churned OR (date_diff('week', DATE '2020-01-06', f.as_of) + ascii(right(f.account_id, 1))) % {QUIET_STRIDE} = 0)
            ORDER BY f.account_id, f.as_of
        """)
    finally:
        folder.close()
    return found.astype({CHURNED: bool})
