"""What `uam evaluate` does: evaluate, write JSON and HTML, return text.

Here: the order of these. Not here: options and printing (`uam_platform.cli`).
"""

from pathlib import Path

from uam_platform.evaluation.render import render
from uam_platform.evaluation.report import render_html
from uam_platform.evaluation.scoreboard import evaluate


def command(run: Path, world: Path, json_path: Path | None, html_path: Path | None = None) -> str:
    """The scoreboard of `run` against `world` as text of at most 120 columns; written as JSON and as a report too where asked."""
    board = evaluate(run, world)
    if json_path is not None:
        json_path.write_text(board.to_json(), encoding="utf-8")
    if html_path is not None:
        html_path.write_text(render_html(board), encoding="utf-8")
    return render(board)
