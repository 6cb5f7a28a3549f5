"""Planted behaviour beside what a run says of it: cohorts, statements, expansions, releases, patterns.

Here: one row per kind saying what is there and what is missing; cohorts are compared as soon as a run tells them. Not here: sequences
(`sequences`), harm (`alerts`). A stage that is built later gets its own section, and its row here goes.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pandas as pd

from uam_platform.evaluation.results import Row, Section
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.sequences import contract_of
from uam_platform.evaluation.shares import share_row
from uam_platform.evaluation.truth import Truth


@dataclass(frozen=True)
class Fact:
    """A planted kind: its truth table, the column that divides it, and the run's table that would answer it."""

    metric: str
    table: str
    kind: str
    stage: str
    answer: str


FACTS: Final = (
    Fact("planted cohort members", "cohorts", "cohort", "behavior", "cohorts"),
    Fact("planted statements", "statements", "theme", "behavior", "themes"),
    Fact("planted drives to expand", "expansions", "is_driven", "behavior", "expansions"),
    Fact("planted releases", "releases", "is_harmful", "behavior", "release_effects"),
    Fact("planted patterns", "patterns", "outcome", "behavior", "mined_patterns"),
)
_TITLE: Final = "Behaviour: cohorts, statements, expansions, releases and patterns"


def section(run: RunFolder, truth: Truth, seed: int) -> Section:
    """One row per planted kind, and the cohorts' precision and recall where the run tells cohorts."""
    rows = [_there(run, truth, fact) for fact in FACTS]
    rows += _cohorts(run, truth, seed)
    return Section("behaviour", _TITLE, tuple(rows))


def _there(run: RunFolder, truth: Truth, fact: Fact) -> Row:
    if not truth.has(fact.table):
        return Row(fact.metric, None, unit="count", note="this world's version plants none")
    planted = truth.frame(fact.table)
    counted = Counter(str(kind) for kind in planted[fact.kind]) if fact.kind in planted else Counter()
    parts = ", ".join(f"{name} {n:,}" for name, n in sorted(counted.items()))
    contract = contract_of(fact.stage, fact.answer)
    is_told = contract is not None and bool(run.lake.files(contract))
    said = f"the run has {fact.stage}/{fact.answer}" if is_told else f"the run has no {fact.stage}/{fact.answer} yet"
    by_kind = f"{fact.kind}: {parts}; " if parts else ""
    return Row(fact.metric, len(planted), unit="count", note=by_kind + said)


def _cohorts(run: RunFolder, truth: Truth, seed: int) -> Iterator[Row]:
    """Members by cohort and account, whenever they belong to it; cohorts the world does not plant are not judged."""
    contract = contract_of("behavior", "cohorts")
    wanted = ("cohort", "account_id")
    if contract is None or not run.lake.files(contract) or not truth.has("cohorts"):
        return
    if not set(wanted) <= set(contract.column_names):
        return
    told = run.query(f"SELECT DISTINCT {', '.join(wanted)} FROM {run.view(contract, wanted)}")
    true = truth.frame("cohorts")[list(wanted)].drop_duplicates()
    yield from compared(true, told[told["cohort"].isin(true["cohort"])], seed)


def compared(true: pd.DataFrame, told: pd.DataFrame, seed: int) -> Iterator[Row]:
    """Precision and recall per cohort; both frames have unique cohort, account_id."""
    both = true.merge(told, on=["cohort", "account_id"], how="outer", indicator=True)
    for cohort in sorted(both["cohort"].unique()):
        own = both[both["cohort"] == cohort]
        for metric, part in (
            ("precision", own[own["_merge"] != "left_only"]),
            ("recall", own[own["_merge"] != "right_only"]),
        ):
            hits = list(part["_merge"] == "both")
            yield share_row(f"{cohort} {metric}", list(part["account_id"]), hits, seed, what="accounts")
