"""The scoreboard of a run against the truth of its world.

Here: which sections there are and in which order. Not here: their numbers (one module each), their looks (`render`).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from uam_platform.evaluation import (
    actions,
    alerts,
    behaviour_facts,
    churn,
    client_server,
    deduplication,
    expansion,
    identity,
    patterns,
    sequences,
    statements,
)
from uam_platform.evaluation.planted import plant
from uam_platform.evaluation.results import Scoreboard, Section
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.truth import Truth

JUDGED_ACCOUNTS: Final = 3000
JUDGED_DAYS: Final = 546


def evaluate(
    run: Path, world: Path, *, received: Path | None = None, seed: int = 0, is_of_inputs: bool = False
) -> Scoreboard:
    """Compare a run with its world.

    Args:
        run: folder with `lake`, `ledger.db` and, for a run against the sandbox, `sandbox/received`.
        world: folder with `company/` and `truth/`.
        received: folder with `slack.jsonl`; where absent, `sandbox/received` of the run, else of the world.
        seed: of the resampling; equal inputs and seed give equal results.
        is_of_inputs: only what scores stand on, for a run that went no further than identity.

    Raises:
        TruthError: `world` is no simulated world.
        FileNotFoundError: `run` has no lake.
    """
    truth = Truth(world)
    if not (run / "lake").is_dir():
        raise FileNotFoundError(f"{run / 'lake'} not found: {run} is no folder of a run; make one with `uam run`")
    folder = RunFolder(run, received or _received(run, world))
    try:
        plant(folder, truth)
        sections: tuple[Section, ...] = _inputs(folder, truth, seed)
        if not is_of_inputs:
            sections += _outcomes(folder, truth, seed)
    finally:
        folder.close()
    described = truth.world()
    return Scoreboard(described, _is_illustrative(described), seed, sections)


def _inputs(folder: RunFolder, truth: Truth, seed: int) -> tuple[Section, ...]:
    return (
        identity.section(folder, truth, seed),
        deduplication.section(folder, truth),
        client_server.section(folder, truth),
    )


def _outcomes(folder: RunFolder, truth: Truth, seed: int) -> tuple[Section, ...]:
    return (
        sequences.section(folder, truth, seed),
        behaviour_facts.section(folder, truth, seed),
        patterns.section(folder, truth, seed),
        statements.section(folder, truth),
        *churn.sections(folder, truth, seed),
        alerts.section(folder, truth, seed),
        expansion.section(folder, truth, seed),
        actions.section(folder),
    )


def _received(run: Path, world: Path) -> Path:
    own = run / "sandbox" / "received"
    return own if own.exists() else world / "sandbox" / "received"


def _is_illustrative(world: Mapping[str, Any]) -> bool:
    return int(world["accounts"]) < JUDGED_ACCOUNTS or int(world["days"]) < JUDGED_DAYS
