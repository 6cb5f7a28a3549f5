"""The costs of features, training and scoring, on a simulated company large enough to say something.

Here: the company, and the three pieces of work as they are measured. Not here: measuring (`measure`), the table (`scoring_table`), how
good the scores are (`uam_platform.evaluation`).

The company is simulated and run as far as features and labels, which is not measured. Then: features of the last half year of snapshots in
one query, links included; training and scoring of a year of snapshots as the registry would have done week by week, with a backtest; and
scores with reasons of very many accounts by the models that were trained.
"""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Final

import pandas as pd

from uam_platform.behavior.attach import attach
from uam_platform.behavior.features import account_features
from uam_platform.churn.assets import SEED, THREADS, account_groups
from uam_platform.churn.backtest import backtest
from uam_platform.churn.walk import extend_registry, score_snapshots
from uam_platform.contracts import tables
from uam_platform.lake.engine import EngineLimits, connect
from uam_platform.lake.store import Lake
from uam_platform.policy.rulebook import load_rulebook

ACCOUNTS: Final = 2_000
DAYS: Final = 455  # a year of snapshots after the first weeks, and the horizon of the last of them
WORLD_SEED: Final = 1
FEATURE_SNAPSHOTS: Final = 26
TRAINING_SNAPSHOTS: Final = 52
SCORED_ACCOUNTS: Final = 100_000
_LINKS: Final = (tables.HIERARCHY, tables.PEOPLE, tables.MEMBERSHIPS)
_FACTS: Final = (tables.TICKETS, tables.TICKET_EVENTS, tables.SUBSCRIPTIONS, tables.ACCOUNTS)


def prepare(folder: Path, accounts: int, days: int, say: Callable[[str], None]) -> Path:
    """Simulate the company and run it as far as features and labels; the folder of its run."""
    from uam_platform.scratch import run_world
    from uam_platform.simulation.world.generate import simulate

    shutil.rmtree(folder, ignore_errors=True)
    simulate(accounts, days, WORLD_SEED, folder / "world")
    run_world(folder / "world" / "company", folder / "run", say, _as_far_as_labels, actions_enabled=False)
    return folder / "run"


def _as_far_as_labels(runner: object) -> None:
    from uam_platform.runner import Runner

    assert isinstance(runner, Runner)  # noqa: S101 - narrows the type for the checker
    runner.ingest()
    runner.daily_tables()
    runner.tables_of_snapshots(tables.ACCOUNT_FEATURES, tables.LABELS)


def mondays(run: Path) -> list[date]:
    """Weekly snapshots of a run, oldest first."""
    keys = Lake(run / "lake").keys(tables.ACCOUNT_FEATURES)
    days = sorted({date.fromisoformat(key.split("/")[0]) for key in keys})
    return [day for day in days if day.weekday() == 0]


def features(limits: EngineLimits, run: Path, out: Path) -> int:
    """Features of the last snapshots, written to a lake of their own; how many rows."""
    lake, connection = Lake(run / "lake"), connect(limits)
    attached = attach(*(lake.read(connection, contract) for contract in (tables.ACTOR_DAYS, *_LINKS)))
    facts = (lake.read(connection, contract) for contract in _FACTS)
    chosen = mondays(run)[-FEATURE_SNAPSHOTS:]
    rows = account_features(attached, *facts, as_of=chosen, policy=load_rulebook().time)
    target = Lake(out / "lake")
    keys = [day.isoformat() for day in chosen]
    target.publish(connection, tables.ACCOUNT_FEATURES, rows, keys, on_invalid="report")
    return int(target.read(connection, tables.ACCOUNT_FEATURES).count().execute())


def training(limits: EngineLimits, run: Path, out: Path) -> int:
    """Registry, scores and backtest of a year of snapshots; how many rows were scored."""
    known, labels, groups = _frames(limits, run)
    policy, models_dir = load_rulebook().churn, out / "models"
    models_dir.mkdir(parents=True, exist_ok=True)
    none = pd.DataFrame(columns=list(tables.MODELS.column_names))
    models = extend_registry(known, labels, none, policy, models_dir, SEED, THREADS)
    scores, _ = score_snapshots(known, models, policy, models_dir, groups, THREADS)
    backtest(scores, labels)
    models.to_parquet(out / "models.parquet", index=False)
    return len(scores)


def scoring(limits: EngineLimits, run: Path, out: Path, accounts: int) -> int:
    """Scores and reasons of many accounts: those of the last snapshot, again and again under other ids."""
    known, _, _ = _frames(limits, run)
    last = known[known["as_of"] == known["as_of"].max()]
    last = last[last["is_eligible"].astype(bool)]
    times = accounts // len(last) + 1
    many = pd.concat([last.assign(account_id=last["account_id"] + f"-{n}") for n in range(times)], ignore_index=True)
    models = pd.read_parquet(out / "models.parquet")
    scores, _ = score_snapshots(
        many.head(accounts), models, load_rulebook().churn, out / "models", None, limits.threads
    )
    return len(scores)


def _frames(limits: EngineLimits, run: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    lake, connection = Lake(run / "lake"), connect(limits)
    keys = [day.isoformat() for day in mondays(run)[-TRAINING_SNAPSHOTS:]]
    known = lake.read(connection, tables.ACCOUNT_FEATURES, keys).to_pandas()
    labels = lake.read(connection, tables.LABELS).to_pandas()
    return known, labels, account_groups(lake.read(connection, tables.ACCOUNTS))
