"""The evaluation suite: several worlds, each simulated, run and judged, then one pooled table.

Here: the plan, the loop, what is kept. Not here: one phase (`suite_phase`), the table (`pooled`, `pooled_text`), the code's hash and the
seeds (`suite_code`), the command (`uam_platform.cli_evaluation`).

A world is done when its scoreboard lies in the suite's folder; the folder is named after size, difficulty and the hash of the code, so
a killed suite goes on where it stopped and changed code starts another one. World and lake of a finished world are removed.
"""

import fcntl
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from uam_platform.evaluation.suite_code import PACKAGE, commit_hash, copy_code, measured_hash, suite_seeds
from uam_platform.evaluation.suite_phase import PHASES, WorldSpec
from uam_platform.orchestration.failures import RunError

ROOT: Final = Path("data/evaluation")
ACCOUNTS: Final = 3000
DAYS: Final = 546
_HEARTBEAT_SECONDS: Final = 60.0
_LOG_LINES: Final = 8

Say = Callable[[str], None]
Perform = Callable[[str, WorldSpec, Path, Path], None]


class SuiteError(RunError):
    """A world could not be made; the message says which phase failed and where its log lies."""


@dataclass(frozen=True)
class Plan:
    """What a suite consists of.

    Attributes:
        worlds: in the order they are made; their names are unique.
        code: hash of the code.
        commit: hash of the commit, may be empty.
        name: of the suite; its folder.
    """

    worlds: tuple[WorldSpec, ...]
    code: str
    commit: str
    name: str


def plan(
    accounts: int = ACCOUNTS,
    days: int = DAYS,
    difficulty: str = "default",
    worlds: int | None = None,
    seeds: Sequence[int] = (),
    is_of_inputs: bool = False,
) -> Plan:
    """The suite of a size and difficulty for the code as it is now.

    Args:
        accounts: of each world.
        days: of each world.
        difficulty: easy, default or hard.
        worlds: only the first so many.
        seeds: these instead of the five fixed and the two drawn from the commit.
        is_of_inputs: run and judge no further than identity.
    """
    code, commit = measured_hash(), commit_hash()
    chosen = tuple(seeds) or suite_seeds(commit or code)
    specs = tuple(
        WorldSpec(accounts, days, seed, difficulty, {}, f"seed-{seed}", is_of_inputs=is_of_inputs)
        for seed in chosen[: worlds or len(chosen)]
    )
    what = "inputs-" if is_of_inputs else ""
    return Plan(specs, code, commit, f"{what}{difficulty}-{accounts}x{days}-{code[:10]}")


@dataclass
class Suite:
    """A plan in its folder.

    Args:
        plan: the worlds.
        root: folder of all suites.
        say: receives one line per finished phase and one a minute within a phase.
        is_keeping: leave world and lake of every world where they are (about 3 GB each at evaluation size).
        perform: does one phase; a process of its own unless a test says otherwise.
    """

    plan: Plan
    root: Path
    say: Say
    is_keeping: bool = False
    perform: Perform | None = None
    seconds: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where boards, logs and the pooled table lie."""
        return self.root / self.plan.name

    def board(self, spec: WorldSpec) -> Path:
        """Scoreboard of a world."""
        return self.folder / f"{spec.name}.json"

    def make(self) -> list[Path]:
        """Make what is missing; the scoreboards of all worlds in the plan's order.

        Raises:
            SuiteError: a phase failed, or another process is at work in this folder.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with _alone(self.folder / "lock") as lock:
            self.seconds = _seconds_of(self.folder / "suite.json")
            code = self._copy() if self.perform is None else None
            missing = [spec for spec in self.plan.worlds if not self.board(spec).exists()]
            self._describe()
            self.say(
                f"{self.folder}: {len(self.plan.worlds)} worlds, {len(self.plan.worlds) - len(missing)} of them done"
            )
            for number, spec in enumerate(missing):
                self._world(spec, missing[number:], code, lock)
            shutil.rmtree(self.folder / "code", ignore_errors=True)
        return [self.board(spec) for spec in self.plan.worlds]

    def _copy(self) -> Path:
        copy = copy_code((self.folder / "code").absolute())
        if measured_hash(copy / PACKAGE.name) != self.plan.code:
            shutil.rmtree(copy)
            raise SuiteError("the code changed while it was copied: start again")
        return copy

    def _world(self, spec: WorldSpec, ahead: Sequence[WorldSpec], code: Path | None, lock: int) -> None:
        work = (self.folder / "work" / spec.name).absolute()
        shutil.rmtree(work, ignore_errors=True)  # half a world is no world
        work.mkdir(parents=True)
        taken: dict[str, float] = {}
        for number, phase in enumerate(PHASES):
            began = time.monotonic()
            if self.perform is not None:
                self.perform(phase, spec, work, self.board(spec).absolute())
            else:
                self._process(phase, spec, work, code, lock)
            taken[phase] = round(time.monotonic() - began, 1)
            self.say(
                f"{spec.name}: {phase} took {taken[phase]:,.0f} s{self._rest(taken, PHASES[number + 1 :], len(ahead) - 1)}"
            )
        self.seconds[spec.name] = taken
        self._describe()
        if not self.is_keeping:
            shutil.rmtree(work)

    def _process(self, phase: str, spec: WorldSpec, work: Path, code: Path | None, lock: int) -> None:
        log = self.folder / f"{spec.name}.log"
        command = [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "uam_platform.evaluation.suite_phase",
            phase,
            spec.to_json(),
            str(work),
        ]
        with log.open("a", encoding="utf-8") as out:
            process = subprocess.Popen(  # noqa: S603 - our own program
                [*command, str(self.board(spec).absolute())], cwd=code, stdout=out,
                stderr=subprocess.STDOUT, pass_fds=(lock,),
            )  # fmt: skip
            try:
                self._wait(process, f"{spec.name}: {phase}", log)
            finally:
                process.kill()
        if process.returncode:
            tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:])
            raise SuiteError(f"{spec.name}: {phase} failed (exit {process.returncode}); the end of {log}:\n{tail}")

    def _wait(self, process: "subprocess.Popen[bytes]", what: str, log: Path) -> None:
        began = time.monotonic()
        while True:
            try:
                process.wait(timeout=_HEARTBEAT_SECONDS)
                return
            except subprocess.TimeoutExpired:
                lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
                self.say(
                    f"{what}, {time.monotonic() - began:,.0f} s: {lines[-1].strip() if lines else 'nothing said yet'}"
                )

    def _rest(self, taken: Mapping[str, float], phases: Sequence[str], worlds: int) -> str:
        """Expected time of what is left, by the worlds that are done; nothing before the first is."""
        known: list[Mapping[str, float]] = list(self.seconds.values()) or ([taken] if len(taken) == len(PHASES) else [])
        if not known:
            return ""
        mean = {phase: sum(each[phase] for each in known) / len(known) for phase in PHASES}
        left = sum(mean[phase] for phase in phases) + worlds * sum(mean.values())
        return f"; about {left / 60:,.0f} min left" if left else ""

    def _describe(self) -> None:
        facts = {
            "name": self.plan.name,
            "code": self.plan.code,
            "commit": self.plan.commit,
            "worlds": [json.loads(spec.to_json()) for spec in self.plan.worlds],
            "seconds": self.seconds,
        }
        text = json.dumps(facts, indent=1, sort_keys=True) + "\n"
        (self.folder / "suite.json").write_text(text, encoding="utf-8")


def _seconds_of(path: Path) -> dict[str, dict[str, float]]:
    if not path.exists():
        return {}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return dict(found.get("seconds", {}))


@contextmanager
def _alone(path: Path) -> Iterator[int]:
    """Hold a lock that phases inherit, so that a phase whose suite was killed still keeps the next one out."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SuiteError(
                f"{path.parent}: another suite, or a phase of one that was killed, is at work here"
            ) from error
        yield lock.fileno()
