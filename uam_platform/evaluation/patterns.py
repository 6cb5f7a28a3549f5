"""Are planted patterns found, are meaningless ones left alone, and is nothing found where outcomes mean nothing?

Here: mined patterns beside those that the world plants, and the same search with outcomes permuted. Not here: the search itself
(`uam_platform.behavior.mined_patterns`), declared sequences (`sequences`).

A planted pattern is found when a mined one of the same outcome consists of at least two of its steps in their order and of nothing
else. Other findings are not false by that: harm makes failures, and failures are patterns too. What tells false ones is the null: within
every matched set another member is called the case.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from uam_platform.behavior.mined_patterns import Mined, discovered, needed_columns, search
from uam_platform.behavior.mining_grams import ARROW
from uam_platform.behavior.sequence_facts import Links
from uam_platform.contracts import tables
from uam_platform.evaluation.resampling import upper_bound
from uam_platform.evaluation.results import Row, Section, rate_parts, ratio
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.truth import Truth
from uam_platform.policy.mining import MiningPolicy
from uam_platform.policy.rulebook import load_rulebook

NULL_DRAWS: Final = 20
_TITLE: Final = "Patterns mined before churn and expansion"
_MEANINGLESS: Final = "none"


def section(run: RunFolder, truth: Truth, seed: int) -> Section:
    """Planted patterns and the null."""
    if not truth.has("patterns"):
        return Section("patterns", _TITLE, (), "This world's version plants no patterns.")
    if not run.lake.files(tables.MINED_PATTERNS):
        return Section("patterns", _TITLE, (), "The run has no behavior/mined_patterns.")
    told = run.frame(tables.MINED_PATTERNS)
    planted = truth.frame("patterns").drop_duplicates("pattern_id").sort_values("pattern_id")
    policy = load_rulebook().mining
    rows = (*planted_rows(planted, told), *null_rows(_searched(run, policy), policy, seed))
    return Section(
        "patterns",
        _TITLE,
        rows,
        "A planted pattern follows hidden harm or a wish to grow and occurs in everybody now and then.",
    )


def planted_rows(planted: pd.DataFrame, told: pd.DataFrame) -> Iterator[Row]:
    """Shares of planted patterns that were found, by what they come before.

    Args:
        planted: pattern_id, outcome, steps.
        told: MINED_PATTERNS.
    """
    sequences = told[told["pattern_kind"] == "sequence"]
    again = sequences[sequences["is_replicated"].astype(bool)]
    for outcome in ("churn", "expansion"):
        own = planted[planted["outcome"] == outcome]
        cases = told.loc[told["outcome"] == outcome, "case_count"]
        looked = f"{int(cases.max())} accounts to which it happened" if len(cases) else "nothing told of it"
        for metric, rows in (("found", sequences), ("found again later", again)):
            hits = _found(own, rows[rows["outcome"] == outcome])
            named = f"{', '.join(hits)}; " if hits else ""
            yield Row(
                f"planted before {outcome}, {metric}", ratio(len(hits), len(own)), parts=rate_parts(len(hits), len(own)),
                note=f"{len(hits)} of {len(own)}: {named}{looked}",
            )  # fmt: skip
    meaningless = planted[planted["outcome"] == _MEANINGLESS]
    hits = _found(meaningless, again)
    yield Row(
        "planted without meaning, found again later", ratio(len(hits), len(meaningless)),
        parts=rate_parts(len(hits), len(meaningless)), note=f"{len(hits)} of {len(meaningless)}",
    )  # fmt: skip
    for kind in ("sequence", "shift"):
        own = told[told["pattern_kind"] == kind]
        note = f"{int(own['is_replicated'].sum())} of them found again later"
        yield Row(f"{kind}s told", len(own), unit="count", note=note)


def _found(planted: pd.DataFrame, told: pd.DataFrame) -> list[str]:
    """Ids of the planted patterns of which a told one is a part."""
    runs = [str(pattern).split(ARROW) for pattern in told["pattern"]]
    return [
        str(name)
        for name, steps in zip(planted["pattern_id"], planted["steps"], strict=True)
        if any(_is_part(run, list(steps)) for run in runs)
    ]


def _is_part(run: Sequence[str], steps: Sequence[str]) -> bool:
    left = iter(steps)
    return len(run) >= 2 and all(step in left for step in run)


def null_rows(mined: Mined, policy: MiningPolicy, seed: int) -> Iterator[Row]:
    """How often the search finds something when outcomes are permuted."""
    if mined.sets.empty:
        return
    found, again = [], []
    for number in range(NULL_DRAWS):
        rows = discovered(replace(mined, sets=permuted(mined.sets, seed + number)), policy)
        found.append(len(rows) > 0)
        again.append(bool(rows["is_replicated"].any()))
    for metric, hits in (("anything", found), ("anything again later", again)):
        count = sum(hits)
        yield Row(
            f"permuted outcomes, searches that find {metric}", ratio(count, NULL_DRAWS), None, upper_bound(count, NULL_DRAWS, 0.975),
            note=f"{count} of {NULL_DRAWS} permutations; of searches that find anything about {policy.false_discovery_ratio:.0%} "
            "for each of two outcomes and two kinds come about by chance",
        )  # fmt: skip


def permuted(sets: pd.DataFrame, seed: int) -> pd.DataFrame:
    """`sets` in each of which another member, drawn at random, is called the case."""
    draw = pd.Series(np.random.default_rng(seed).random(len(sets)), index=sets.index)
    first = draw.groupby(sets["set_no"]).transform("min")
    return sets.assign(is_case=draw == first)


def _searched(run: RunFolder, policy: MiningPolicy) -> Mined:
    lake, engine = run.lake, run.connection
    features = lake.read(engine, tables.ACCOUNT_FEATURES).select(*needed_columns(policy)).to_pandas()
    labels, deals = (lake.read(engine, c).to_pandas() for c in (tables.LABELS, tables.OPPORTUNITIES))
    links = Links(*(lake.read(engine, c) for c in (tables.HIERARCHY, tables.PEOPLE, tables.MEMBERSHIPS)))
    until = pd.to_datetime(features["as_of"]).max().date()
    rule = load_rulebook().session_rule
    return search(lake.read(engine, tables.EVENTS), links, features, labels, deals, policy, rule, until)
