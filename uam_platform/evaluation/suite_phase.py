"""One phase of one world, as a process of its own, so that its memory is given back: simulate, run, evaluate.

Here: what the process does. Not here: which worlds and in which order (`suite`).
Called as `python -m uam_platform.evaluation.suite_phase PHASE SPEC.json`.
"""

import json
import os
import resource
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

PHASES: Final = ("simulate", "run", "evaluate")


@dataclass(frozen=True)
class WorldSpec:
    """One world of a suite.

    Attributes:
        accounts: customers that ever exist.
        days: visible days.
        seed: of the world.
        difficulty: name of the vector it starts from.
        knobs: fields of the vector that differ; the vector is then named by `name`.
        name: of the world; files are called after it.
        keeps_tables: features and labels outlive the lake (`null_worlds.keep`).
        is_of_inputs: run and judged no further than identity.
    """

    accounts: int
    days: int
    seed: int
    difficulty: str
    knobs: Mapping[str, Any]
    name: str
    keeps_tables: bool = False
    is_of_inputs: bool = False

    def to_json(self) -> str:
        """Canonical JSON."""
        return json.dumps(vars(self) | {"knobs": dict(self.knobs)}, sort_keys=True)


def vector(spec: WorldSpec) -> Any:
    """The difficulty of a world."""
    from uam_platform.simulation.world.difficulty import difficulty_named

    named = difficulty_named(spec.difficulty)
    if not spec.knobs:
        return named
    knobs: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in spec.knobs.items()
    }
    return replace(named, **{**knobs, "name": spec.name})


def perform(phase: str, spec: WorldSpec, work: Path, board: Path) -> None:
    """Do one phase.

    Args:
        phase: one of `PHASES`.
        spec: the world.
        work: folder with `world` and `run`.
        board: JSON file to write in the last phase; it appears whole or not at all. An HTML report lies beside it.
    """
    if phase == "simulate":
        from uam_platform.simulation.world.generate import simulate

        simulate(spec.accounts, spec.days, spec.seed, work / "world", vector(spec), _told)
    elif phase == "run":
        from uam_platform.runner import Runner
        from uam_platform.scratch import run_world

        steps = Runner.inputs if spec.is_of_inputs else Runner.everything
        _say(run_world(work / "world" / "company", work / "run", _say, steps).where_the_time_went())
    else:
        _evaluate(work, board, spec)


def _evaluate(work: Path, board: Path, spec: WorldSpec) -> None:
    from uam_platform.evaluation.null_worlds import keep
    from uam_platform.evaluation.report import render_html
    from uam_platform.evaluation.scoreboard import evaluate

    found = evaluate(work / "run", work / "world", is_of_inputs=spec.is_of_inputs)
    if spec.keeps_tables:
        keep(work, board)
    board.with_suffix(".html").write_text(render_html(found), encoding="utf-8")
    draft = board.with_suffix(".new")
    draft.write_text(found.to_json(), encoding="utf-8")
    os.replace(draft, board)


def _told(what: str, done: int, total: int) -> None:
    _say(f"{what} {done} of {total}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> None:
    """Entry point: phase, specification, work folder, board."""
    warnings.filterwarnings("ignore")
    phase, spec, work, board = arguments
    perform(phase, WorldSpec(**json.loads(spec)), Path(work), Path(board))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    _say(f"{phase}: peak memory {peak:.1f} GiB")


if __name__ == "__main__":
    main(sys.argv[1:])
