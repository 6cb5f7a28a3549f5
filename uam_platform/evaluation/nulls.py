"""Nulls and guards on worlds of one seed: what must be nothing is nothing, what must fall falls, nobody beats the oracle.

Here: the checks and their table. Not here: the worlds (`null_worlds`), training anew (`null_skill`). The definitions are those of the
evaluation's rules; each check says what it compared.
"""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table

from uam_platform.evaluation import null_worlds as worlds
from uam_platform.evaluation.churn_metrics import Estimate
from uam_platform.evaluation.foreknowledge import LEAK
from uam_platform.evaluation.null_skill import PERMUTATIONS, forecast, permuted_skill, skill
from uam_platform.evaluation.null_worlds import Kept
from uam_platform.evaluation.render import WIDTH, number
from uam_platform.evaluation.results import Row, Scoreboard
from uam_platform.policy.churn import ChurnPolicy

HELD: Final = "held"
BROKEN: Final = "BROKEN"
TOLD: Final = ""
OVER_CONTRACT: Final = "ROC-AUC over the contract baseline"
_NOT_TOLD: Final = "not estimable"


@dataclass(frozen=True)
class Check:
    """One line: what was asked, what was found, whether the rule holds (empty: told, no rule)."""

    question: str
    found: str
    result: str
    how: str


def checks(boards: Mapping[str, Scoreboard], kept: Mapping[str, Kept], policy: ChurnPolicy, seed: int) -> list[Check]:
    """All checks on the worlds of `null_worlds.null_plan`."""
    return [
        *_nothing_to_know(kept, policy, seed),
        _quiet(kept),
        *_falls(boards),
        *_unseen(kept, policy, seed),
        *_look_alikes(boards),
        *_leaks(boards),
    ]


def _nothing_to_know(kept: Mapping[str, Kept], policy: ChurnPolicy, seed: int) -> Iterator[Check]:
    plain = kept[worlds.PLAIN]
    own = skill(forecast(plain.features, plain.labels, policy, seed), seed)
    yield Check(
        "skill over contract, trained anew", told(own), TOLD, "plain world; what the nulls below are read beside"
    )
    permuted = permuted_skill(plain.features, plain.labels, policy, seed)
    yield null_check("labels permuted within contract strata", permuted, f"plain world, mean of {PERMUTATIONS}")
    blind = kept[worlds.BLIND]
    yield null_check(
        "signal zero", skill(forecast(blind.features, blind.labels, policy, seed), seed), "behaviour is blind to harm"
    )


def null_check(question: str, found: Estimate, where: str) -> Check:
    """Skill beyond contract must not lie above 0 with its whole interval."""
    if found.low is None:
        return Check(question, _NOT_TOLD, TOLD, where)
    return Check(question, told(found), HELD if found.low <= 0 else BROKEN, f"{where}; interval may not lie above 0")


def _quiet(kept: Mapping[str, Kept]) -> Check:
    return quiet_check(kept[worlds.HARMLESS], kept[worlds.PLAIN])


def quiet_check(harmless: Kept, plain: Kept) -> Check:
    """Without harm, clean accounts may not be alerted more often than clean accounts of the plain world (exact, conditional)."""
    from scipy.stats import binomtest

    question = "harm off: alerts per 1,000 clean account-weeks"
    exposure = harmless.clean_account_weeks + plain.clean_account_weeks
    total = harmless.clean_alerts + plain.clean_alerts
    if not harmless.clean_account_weeks or not plain.clean_account_weeks:
        return Check(question, _NOT_TOLD, TOLD, "no clean account-week")
    rates = [1000 * k.clean_alerts / k.clean_account_weeks for k in (harmless, plain)]
    share = harmless.clean_account_weeks / exposure
    p = binomtest(harmless.clean_alerts, total, share, alternative="greater").pvalue if total else 1.0
    found = f"{rates[0]:.2f}, plain {rates[1]:.2f}"
    how = f"{harmless.clean_alerts} alerts against {plain.clean_alerts}; p {p:.3f} that it is no more"
    return Check(question, found, HELD if p >= 0.025 else BROKEN, how)


def _falls(boards: Mapping[str, Scoreboard]) -> Iterator[Check]:
    rising = [(name, over_contract(boards[name])) for name in (worlds.BLIND, worlds.WEAK, worlds.PLAIN, worlds.STRONG)]
    yield rises_check("over contract by signal 0, x 0.7, x 1, x 1.4", rising)
    yield rises_check(
        "over contract by acausal x 2, x 1", [(n, over_contract(boards[n])) for n in (worlds.ACAUSAL, worlds.PLAIN)]
    )


def rises_check(question: str, rows: Sequence[tuple[str, Row | None]]) -> Check:
    """Quality may not fall from one world to the next by more than both intervals allow."""
    known = [row for _, row in rows if row is not None and row.value is not None]
    if len(known) < len(rows):
        missing = ", ".join(name for name, row in rows if row is None or row.value is None)
        return Check(question, _NOT_TOLD, TOLD, f"too few churned accounts in {missing}")
    falls = [_fall(before, after) for before, after in pairwise(known)]
    result = BROKEN if any(is_beyond for _, is_beyond in falls) else HELD
    how = (
        "rises at every step"
        if all(fall <= 0 for fall, _ in falls)
        else "a fall within noise"
        if result == HELD
        else "falls"
    )
    return Check(question, ", ".join(number(row.value, row.unit) for row in known), result, how)


def _fall(before: Row, after: Row) -> tuple[float, bool]:
    fall = (before.value or 0.0) - (after.value or 0.0)
    slack = sum((row.high - row.low) / 2 for row in (before, after) if row.low is not None and row.high is not None)
    return fall, fall > slack


def _unseen(kept: Mapping[str, Kept], policy: ChurnPolicy, seed: int) -> Iterator[Check]:
    plain, without = kept[worlds.PLAIN], kept[worlds.WITHOUT]
    rows = forecast(without.features, without.labels, policy, seed, (plain.features, plain.labels))
    how = f"trained where {worlds.UNSEEN_CAUSE} never happens, judged where it does"
    yield Check("over contract with a cause never trained on", told(skill(rows, seed)), TOLD, how)


def _look_alikes(boards: Mapping[str, Scoreboard]) -> Iterator[Check]:
    for metric in ("announced look-alikes raised", "unannounced look-alikes raised"):
        rows = [
            section.row(metric) if (section := boards[n].section("alerts")) else None
            for n in (worlds.PLAIN, worlds.SWAPPED)
        ]
        found = ", ".join(number(row.value if row else None, "share") for row in rows)
        yield Check(f"{metric}: plain, swapped", found, TOLD, "look-alikes that no threshold was chosen on")


def _leaks(boards: Mapping[str, Scoreboard]) -> Iterator[Check]:
    leaking = [f"{name} ({row.metric})" for name, board in boards.items() for row in leaks(board)]
    how = ", ".join(leaking) or f"none above the latent oracle, none with knowledge beyond it, in {len(boards)} worlds"
    yield Check("scores that know the future", str(len(leaking)), BROKEN if leaking else HELD, how)


def leaks(board: Scoreboard) -> list[Row]:
    """Rows of a board that say LEAK."""
    return [row for section in board.sections for row in section.rows if row.note.startswith(LEAK)]


def over_contract(board: Scoreboard) -> Row | None:
    """The paired difference to the contract baseline: of the learned weeks where that can be told, else of all."""
    for key in ("churn", "churn_all"):
        section = board.section(key)
        row = section.row(OVER_CONTRACT) if section else None
        if row is not None and row.value is not None:
            return row
    return None


def told(found: Estimate) -> str:
    """A value with its interval in words."""
    if found.low is None or found.high is None:
        return _NOT_TOLD
    return f"{found.value:+.3f} ({found.low:+.3f} to {found.high:+.3f})"


def render_checks(found: Sequence[Check], heading: str) -> str:
    """The table of checks as text of at most 120 columns."""
    console = Console(width=WIDTH, file=io.StringIO(), color_system=None, force_terminal=False, highlight=False)
    table = Table(box=box.SIMPLE_HEAD, width=WIDTH, pad_edge=False, padding=(0, 1))
    for name, width in (("null or guard", 40), ("found", 28), ("", 7), ("how", 36)):
        table.add_column(name, width=width)
    for each in found:
        table.add_row(each.question, each.found, each.result, each.how)
    console.print(heading, markup=False)
    console.print(table)
    broken = sum(each.result == BROKEN for each in found)
    console.print(f"{broken} of {sum(each.result != TOLD for each in found)} rules broken", markup=False)
    assert isinstance(console.file, io.StringIO)  # noqa: S101 - told to the type checker; set above
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


def save(folder: Path, text: str, found: Sequence[Check]) -> Path:
    """Write the table as text and JSON; the text's path."""
    (folder / "nulls.json").write_text(json.dumps([vars(each) for each in found], indent=1) + "\n", encoding="utf-8")
    (folder / "nulls.txt").write_text(text, encoding="utf-8")
    return folder / "nulls.txt"
