"""What `uam suite` does: make the worlds, pool them, write the table as text, JSON and HTML.

Here: the order of these and the files. Not here: options and printing (`uam_platform.cli_evaluation`).
"""

from dataclasses import dataclass
from pathlib import Path

from uam_platform.evaluation.pooled import Pooled, pool
from uam_platform.evaluation.pooled_text import pooled_json, render_pooled
from uam_platform.evaluation.stored import read_board
from uam_platform.evaluation.suite import Plan, Say, Suite


@dataclass(frozen=True)
class Made:
    """A finished suite.

    Attributes:
        folder: where its files lie.
        text: the pooled table.
        files: pooled table as text, JSON and, where the report is there, HTML.
        unmet_count: targets that are not met or could not be judged.
    """

    folder: Path
    text: str
    files: tuple[Path, ...]
    unmet_count: int


def make_suite(plan: Plan, root: Path, say: Say, is_keeping: bool = False) -> Made:
    """Make what is missing of a suite and write its pooled table."""
    suite = Suite(plan, root, say, is_keeping)
    return publish(suite.folder, pool([read_board(path) for path in suite.make()]))


def publish(folder: Path, pooled: Pooled) -> Made:
    """Write a pooled table beside its boards."""
    text = render_pooled(pooled)
    contents = {"pooled.txt": text, "pooled.json": pooled_json(pooled)}
    files = []
    for name, content in contents.items():
        (folder / name).write_text(content, encoding="utf-8")
        files.append(folder / name)
    return Made(folder, text, tuple(files), len(pooled.unmet()))
