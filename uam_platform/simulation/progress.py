"""What a person sees while a company is simulated, and what the machine gave for it.

Belongs here: a bar on a terminal, a line every few seconds elsewhere, peak memory. Does not belong here: the phases
(``world.generate``) or the command (``cli``).
"""

import resource
import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

_LIVING = "activity"
_QUIET_SECONDS = 5.0


def peak_memory_gib() -> float:
    """Return the largest resident set of this process so far in GiB (kernel accounting, `getrusage`)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024**3 if sys.platform == "darwin" else peak / 1024**2


class SimulationProgress:
    """Shows phases of a simulation; a context manager whose ``tell`` is the simulation's ``progress``.

    The phase ``activity`` counts days: its rate is in account-days per second.
    """

    def __init__(self, console: Console, accounts: int) -> None:
        self._console, self._accounts = console, accounts
        self._began = self._printed = time.perf_counter()
        self._phase = ""
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        if console.is_terminal:
            columns = (SpinnerColumn(), TextColumn("{task.description:<18}"), BarColumn(), MofNCompleteColumn(),
                       TextColumn("{task.fields[rate]}"), TimeElapsedColumn())  # fmt: skip
            self._bar = Progress(*columns, console=console, transient=True)

    def __enter__(self) -> "SimulationProgress":
        if self._bar is not None:
            self._bar.start()
        return self

    def tell(self, phase: str, done: int, total: int) -> None:
        """Take note that ``done`` of ``total`` of a phase are finished."""
        now = time.perf_counter()
        if phase != self._phase:
            self._phase, self._task = phase, None
        rate = self._rate(done, now)
        if self._bar is not None:
            self._draw(self._bar, phase, done, total, rate)
        elif done == total or now - self._printed >= _QUIET_SECONDS:
            self._printed = now
            counted = f" {done:,}/{total:,}" if total > 1 else ""
            self._console.print(f"{now - self._began:7.1f} s  {phase}{counted}{'  ' + rate if rate else ''}")

    def _rate(self, done: int, now: float) -> str:
        spent = now - self._began
        return f"{done * self._accounts / max(spent, 0.001):,.0f} account-days/s" if self._phase == _LIVING else ""

    def _draw(self, bar: Progress, phase: str, done: int, total: int, rate: str) -> None:
        if self._task is None:
            self._task = bar.add_task(phase, total=total, rate=rate)
        bar.update(self._task, completed=done, total=total, rate=rate)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
