"""What `uam suite` and `uam nulls` do: make the worlds, judge them together, write the tables.

Here: the order of these and the files. Not here: options and printing (`uam_platform.cli_evaluation`).
"""

from dataclasses import dataclass
from pathlib import Path

from uam_platform.evaluation.null_worlds import null_plan, read_kept
from uam_platform.evaluation.nulls import BROKEN, checks, render_checks, save
from uam_platform.evaluation.pooled import Pooled, pool
from uam_platform.evaluation.pooled_text import pooled_json, render_pooled
from uam_platform.evaluation.report import render_pooled_html
from uam_platform.evaluation.stored import read_board
from uam_platform.evaluation.suite import Plan, Say, Suite
from uam_platform.policy.rulebook import load_rulebook


@dataclass(frozen=True)
class Made:
    """A finished suite.

    Attributes:
        folder: where its files lie.
        text: the pooled table.
        files: the table as text, JSON, HTML.
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
    contents = {"pooled.txt": text, "pooled.json": pooled_json(pooled), "pooled.html": render_pooled_html(pooled)}
    files = []
    for name, content in contents.items():
        (folder / name).write_text(content, encoding="utf-8")
        files.append(folder / name)
    return Made(folder, text, tuple(files), len(pooled.unmet()))


def make_nulls(accounts: int, days: int, seed: int, difficulty: str, root: Path, say: Say) -> Made:
    """Make the worlds of the nulls, check them, write the table."""
    plan = null_plan(accounts, days, seed, difficulty)
    suite = Suite(plan, root, say)
    paths = dict(zip((spec.name for spec in plan.worlds), suite.make(), strict=True))
    boards = {name: read_board(path) for name, path in paths.items()}
    kept = {name: read_kept(path) for name, path in paths.items()}
    found = checks(boards, kept, load_rulebook().churn, seed)
    heading = f"Nulls and guards: worlds of {accounts:,} accounts x {days} days, seed {seed}, {difficulty}, one thing changed in each"
    text = render_checks(found, heading)
    written = save(suite.folder, text, found)
    return Made(suite.folder, text, (written,), sum(each.result == BROKEN for each in found))
