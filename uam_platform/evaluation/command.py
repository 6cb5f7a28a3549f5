"""What `uam evaluate` does: evaluate, write JSON, return text.

Here: the order of these. Not here: options and printing (`uam_platform.cli`).
"""

from pathlib import Path

from uam_platform.evaluation.render import render
from uam_platform.evaluation.scoreboard import evaluate


def command(run: Path, world: Path, json_path: Path | None) -> str:
    """The scoreboard of `run` against `world` as text of at most 120 columns; written to `json_path` too if given."""
    board = evaluate(run, world)
    if json_path is not None:
        json_path.write_text(board.to_json(), encoding="utf-8")
    return render(board)
