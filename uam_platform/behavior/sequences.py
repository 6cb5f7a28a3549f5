"""Completions of the declared sequences, each with its rows and the snapshots that see it (R101 to R105).

Here: what each snapshot could see of a group's facts. Not here: the automaton (`chains`), the facts (`sequence_facts`), the
tables (`sequence_tables`).

A fact that came late, or whose account was corrected, makes a second version of its group: snapshots before keep what they
saw. Groups without such facts, nearly all, have one version, because the automaton never looks ahead.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from uam_platform.behavior.chains import DAY_US, Completion, Fact, Judge, completions
from uam_platform.policy.sequences import DepthDrop, Sequence, SequencePolicy, Step

CoreTimes = Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]]
NEVER: Final = 2_932_896  # 9999-12-31 in days since 1970


class Seen(NamedTuple):
    """A completion and the snapshots that see it: `visible_from <= as_of < visible_to`, in days since 1970."""

    completion: Completion
    visible_from: int
    visible_to: int


@dataclass(frozen=True)
class Candidates:
    """The facts of one sequence, grouped by account or person and in the automaton's order, as columns of numbers."""

    sequence: Sequence
    group: np.ndarray
    us: np.ndarray
    step: np.ndarray
    same: np.ndarray
    row: np.ndarray
    visible_from: np.ndarray
    visible_to: np.ndarray

    def of(self, kept: np.ndarray) -> "Candidates":
        """The facts at the positions or under the mask `kept`."""
        return Candidates(self.sequence, *(column[kept] for column in self.columns))

    @property
    def columns(self) -> tuple[np.ndarray, ...]:
        """All columns in order of declaration."""
        return self.group, self.us, self.step, self.same, self.row, self.visible_from, self.visible_to

    @property
    def is_late(self) -> np.ndarray:
        """Facts that the snapshot of the next day did not see, or that a later one no longer sees."""
        return (self.visible_from > self.us // DAY_US + 1) | (self.visible_to < NEVER)


class Found(NamedTuple):
    """One completion of a declared sequence by an account, as some snapshots see it."""

    sequence_name: str
    account_id: str
    seen: Seen


def found_sequences(facts: pd.DataFrame, policy: SequencePolicy, core: CoreTimes, until_us: int) -> list[Found]:
    """Completions of all declared sequences; their rows are positions in `facts`.

    Args:
        facts: rows of `sequence_facts.step_facts`.
        policy: the declared sequences.
        core: core work of the accounts that `accounts_to_judge` names.
        until_us: end of what is known; conditions that fall due later wait.
    """
    return [
        Found(name, account, seen)
        for name, sequence in policy.sequences.items()
        for account, seen in _all_seen(candidates(facts, sequence), facts, core, until_us)
    ]


def midnight_us(day: date) -> int:
    """Start of a day in epoch microseconds."""
    return (day - date(1970, 1, 1)).days * DAY_US


def candidates(facts: pd.DataFrame, sequence: Sequence) -> Candidates:
    """The facts that can matter to `sequence`, sorted by group and the automaton's order."""
    placed = [
        pd.DataFrame({"row": np.flatnonzero(_serves(facts, step)), "step": number})
        for number, step in enumerate(sequence.steps)
    ]
    chosen = pd.concat(placed, ignore_index=True)
    picked = facts.iloc[chosen["row"].to_numpy()]
    if sequence.scope == "person":
        group = picked["person_key"].to_numpy()
        kept = group != 0
    else:
        group = pd.factorize(picked["account_id"])[0]
        kept = group >= 0
    same = pd.factorize(picked["workflow"].fillna(picked["event_name"]))[0]
    columns = (
        group,
        picked["occurred_us"].to_numpy(),
        chosen["step"].to_numpy(),
        same,
        chosen["row"].to_numpy(),
        picked["visible_from"].to_numpy(),
        picked["visible_to"].to_numpy(),
    )
    found = Candidates(sequence, *columns).of(kept)
    ordered = found.of(np.lexsort((found.row, -found.step, found.us, found.group)))
    return ordered.of(_can_matter(ordered))


def accounts_to_judge(facts: pd.DataFrame, policy: SequencePolicy) -> set[str]:
    """Accounts with all steps before a condition, in whatever order: those whose core work must be looked at."""
    found: set[str] = set()
    for sequence in policy.sequences.values():
        if sequence.steps[-1].reduced_depth:
            named = [set(facts.loc[_serves(facts, step), "account_id"].dropna()) for step in sequence.steps[:-1]]
            found |= set.intersection(*named)
    return found


def _serves(facts: pd.DataFrame, step: Step) -> np.ndarray:
    if step.ticket:
        is_change = facts["event_name"] == f"ticket_{step.ticket}"
        return (is_change & (facts["priority"].isin(step.priority) if step.priority else True)).to_numpy()
    return facts["event_name"].isin(step.events).to_numpy()


def _can_matter(found: Candidates) -> np.ndarray:
    """False for a last step that follows another without any other step between: nothing is left for it to complete.

    The one before must be seen by every snapshot, so late ones do not count as such.
    """
    is_last = found.step == len(found.sequence.steps) - 1
    stands = ~(is_last & found.is_late)
    position = np.arange(len(is_last))
    before = (
        np.concatenate([[-1], np.maximum.accumulate(np.where(stands, position, -1))[:-1]]) if len(is_last) else position
    )
    follows_last = (before >= 0) & is_last[before] & (found.group[before] == found.group)
    return ~(is_last & follows_last)


def _all_seen(found: Candidates, facts: pd.DataFrame, core: CoreTimes, until_us: int) -> Iterator[tuple[str, Seen]]:
    account_of = facts["account_id"].to_numpy()
    bounds = np.flatnonzero(np.diff(found.group, prepend=-2, append=-2))
    is_late = found.is_late
    for start, end in pairwise(bounds.tolist()):
        if len(set(found.step[start:end].tolist())) < _event_steps(found.sequence):
            continue
        members = found.of(np.arange(start, end))
        account = str(account_of[members.row[0]])
        for seen in _seen(members, is_late[start:end], core.get(account), until_us):
            owner = account if found.sequence.scope == "account" else account_of[seen.completion.rows[0][0]]
            yield str(owner), seen


def _event_steps(sequence: Sequence) -> int:
    return len(sequence.steps) - (1 if sequence.steps[-1].reduced_depth else 0)


def _seen(members: Candidates, is_late: np.ndarray, core: tuple[np.ndarray, ...] | None, until_us: int) -> list[Seen]:
    """Completions of one group under each version of what was known, joined where versions agree."""
    turns = sorted({*members.visible_from[is_late].tolist(), *members.visible_to[is_late].tolist()} - {NEVER})
    found: dict[Completion, list[tuple[int, int]]] = {}
    for begin, end in zip([0, *turns], [*turns, NEVER], strict=True):
        told = ~is_late | ((members.visible_from <= begin) & (members.visible_to > begin))
        facts = [Fact(*values) for values in zip(*(c[told].tolist() for c in members.columns[1:5]), strict=True)]
        judge = _judge(core, begin) if core else None
        for completion in completions(facts, members.sequence, judge, until_us):
            first = max(begin, completion.completed_us // DAY_US + 1)
            if first < end:
                _extend(found.setdefault(completion, []), first, end)
    return [Seen(completion, *span) for completion, spans in found.items() for span in spans]


def _extend(spans: list[tuple[int, int]], first: int, end: int) -> None:
    if spans and spans[-1][1] == first:
        spans[-1] = (spans[-1][0], end)
    else:
        spans.append((first, end))


def _judge(core: tuple[np.ndarray, ...], begin: int) -> Judge:
    """Judges depth by what the first snapshot after the due day saw; what comes later does not change the judgement."""
    times, visible_from, visible_to = core

    def is_reduced(drop: DepthDrop, first_us: int, last_us: int) -> bool:
        as_of = max(begin, (last_us + drop.days * DAY_US) // DAY_US + 1)
        told = times[(visible_from <= as_of) & (visible_to > as_of)]

        def count(low: int, high: int) -> int:
            return int(np.searchsorted(told, high) - np.searchsorted(told, low))

        before = count(first_us - drop.baseline_days * DAY_US, first_us)
        after = count(last_us + 1, last_us + drop.days * DAY_US + 1)
        return before >= drop.min_baseline and after * drop.baseline_days <= drop.max_ratio * before * drop.days

    return is_reduced
