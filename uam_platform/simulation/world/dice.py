"""Cheap single draws for text: one number at a time out of blocks drawn by numpy.

Belongs here: the source of chance of everything that is written sentence by sentence. Does not belong here: draws for whole
columns, which use the generator itself.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

_BLOCK = 8_192
_Item = TypeVar("_Item")


class Dice:
    """Uniform draws from a generator, in blocks: a scalar draw from numpy itself costs ten times as much."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._left: list[float] = []

    def roll(self) -> float:
        """Return a number in [0, 1)."""
        if not self._left:
            self._left = self._rng.random(_BLOCK).tolist()
        return self._left.pop()

    def below(self, limit: int) -> int:
        """Return a whole number in [0, ``limit``)."""
        return int(self.roll() * limit)

    def pick(self, options: Sequence[_Item]) -> _Item:
        """Return one of the options, each as likely as the others."""
        return options[int(self.roll() * len(options))]

    def bell(self) -> float:
        """Return roughly a standard normal number (12 uniforms less 6; within 6 of zero)."""
        return sum(self.roll() for _ in range(12)) - 6.0
