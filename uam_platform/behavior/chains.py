"""The automaton that finds completions of a declared sequence among the facts of one account or person.

Here: order, windows, what is remembered and forgotten. Not here: which rows are facts (`sequence_facts`), which of them a
snapshot sees and how completions are stored (`sequences`).

Latest prefix: of every beginning of the sequence only the latest is remembered, because it has most of its window left. The
last step completes the sequence and everything is forgotten, so that no row counts twice.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from uam_platform.policy.sequences import DepthDrop, Sequence

DAY_US: Final = 86_400_000_000


class Fact(NamedTuple):
    """One row that may serve as a step: when, which step (from 0), what rows of one step must agree in, and the row itself."""

    us: int
    step: int
    same: int
    row: int


class Completion(NamedTuple):
    """A completed sequence: when, and the rows of each step; a condition has none."""

    completed_us: int
    rows: tuple[tuple[int, ...], ...]


class _Beginning(NamedTuple):
    first_us: int
    step_one_us: int
    last_us: int
    rows: tuple[tuple[int, ...], ...]


Judge = Callable[[DepthDrop, int, int], bool]
"""Whether depth is reduced, from the time of the first row and that of the step before."""


def order(fact: Fact) -> tuple[int, int, int]:
    """Facts in order of time; of equal times the later step first, so that no two steps happen at once."""
    return fact.us, -fact.step, fact.row


def completions(
    facts: Iterable[Fact], sequence: Sequence, judge: Judge | None = None, until_us: int = 0
) -> list[Completion]:
    """Completions among the facts of one account or person.

    Args:
        facts: sorted by `order`.
        sequence: the declared steps.
        judge: decides a reduced depth; needed where the last step is one.
        until_us: conditions that fall due at or after it are left undecided.
    """
    automaton = _Automaton(sequence, judge)
    for fact in facts:
        automaton.settle(fact.us)
        automaton.take(fact)
    automaton.settle(until_us)
    return automaton.found


@dataclass
class _Automaton:
    sequence: Sequence
    judge: Judge | None
    found: list[Completion] = field(default_factory=list)
    _latest: list[_Beginning | None] = field(init=False)
    _recent: dict[tuple[int, int], deque[Fact]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._forget()

    def take(self, fact: Fact) -> None:
        rows = self._occurrence(fact)
        if not rows:
            return
        made = self._beginning(fact, rows)
        if made is None:
            return
        if fact.step == len(self.sequence.steps) - 1:
            self._complete(Completion(fact.us, made.rows))
        else:
            self._latest[fact.step] = made

    def settle(self, us: int) -> None:
        """Decide the condition that fell due before `us`."""
        drop, waiting = self.sequence.steps[-1].reduced_depth, self._latest[-2]
        if drop is None or waiting is None or self.judge is None:
            return
        due = waiting.last_us + drop.days * DAY_US
        if due >= us:
            return
        if due - waiting.step_one_us <= self._window_us and self.judge(drop, waiting.first_us, waiting.last_us):
            self._complete(Completion(due, (*waiting.rows, ())))
        else:
            self._latest[-2] = None

    def _occurrence(self, fact: Fact) -> tuple[Fact, ...]:
        """The facts that make the step with this one as the last, or nothing."""
        step = self.sequence.steps[fact.step]
        if step.at_least == 1:
            return (fact,)
        recent = self._recent.setdefault((fact.step, fact.same), deque(maxlen=step.at_least))
        recent.append(fact)
        is_enough = len(recent) == step.at_least and fact.us - recent[0].us <= step.within_days * DAY_US
        return tuple(recent) if is_enough else ()

    def _beginning(self, fact: Fact, facts: tuple[Fact, ...]) -> _Beginning | None:
        rows = tuple(f.row for f in facts)
        if fact.step == 0:
            return _Beginning(facts[0].us, fact.us, fact.us, (rows,))
        before = self._latest[fact.step - 1]
        if before is None or facts[0].us <= before.last_us or fact.us - before.step_one_us > self._window_us:
            return None
        longest = self.sequence.steps[fact.step].after_days
        if longest is not None and fact.us - before.last_us > longest * DAY_US:
            return None
        return _Beginning(before.first_us, before.step_one_us, fact.us, (*before.rows, rows))

    @property
    def _window_us(self) -> float:
        return self.sequence.window_days * DAY_US

    def _complete(self, completion: Completion) -> None:
        self.found.append(completion)
        self._forget()

    def _forget(self) -> None:
        self._latest = [None] * len(self.sequence.steps)
        self._recent.clear()
