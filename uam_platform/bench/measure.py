"""Runs one piece of the benchmark in a process of its own and measures it: seconds, processor seconds, peak memory, parts.

Here: starting the process, what runs in it, and what it reports. Not here: the paths (`ours`, `baseline`), the table people
see (`command`).
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from uam_platform.bench import identity_work, peers, scoring, staging_work
from uam_platform.bench.baseline import run_script
from uam_platform.bench.ours import OurPath
from uam_platform.lake.engine import EngineLimits
from uam_platform.lake.loads import LoadManifest

_KIB: Final = 1024


@dataclass(frozen=True)
class Measured:
    """What a process needed.

    Attributes:
        seconds: wall time of the work, without starting Python.
        cpu_seconds: processor time of the same, over all threads; what else the machine does hardly changes it.
        peak_bytes: largest resident memory of the process.
        parts: seconds by part of the work; of features, training and scoring the rows.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    parts: dict[str, float]


def measure(task: str, limits: EngineLimits, **arguments: Any) -> Measured:
    """Run `task` (a key of `_TASKS`) in a new process.

    Raises:
        subprocess.CalledProcessError: it failed; its error output has been shown.
    """
    given = json.dumps({"memory": limits.memory, "threads": limits.threads, **arguments}, default=str)
    done = subprocess.run(  # noqa: S603 - this very module
        [sys.executable, "-m", "uam_platform.bench.measure", task, given], stdout=subprocess.PIPE, check=True, text=True
    )
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def _ours(limits: EngineLimits, raw: str, out: str) -> dict[str, float]:
    path = OurPath(Path(out), Path(raw), limits)
    path.take_in()
    days = path.delivered_days()
    path.compute(days, days)
    return path.seconds


def _script(limits: EngineLimits, raw: str, out: str) -> dict[str, float]:
    run_script(Path(raw), Path(out), limits)
    return {}


def _history(limits: EngineLimits, raw: str, out: str, since: str, until: str) -> dict[str, float]:
    path = OurPath(Path(out), Path(raw), limits)
    path.take_in(since, until)
    days = path.delivered_days()
    path.compute(days, days)
    return path.seconds


def _one_more_day(limits: EngineLimits, raw: str, out: str, day: str, load_id: str) -> dict[str, float]:
    path = OurPath(Path(out), Path(raw), limits)
    path.take_in(load_id, f"{load_id}~")
    path.compute([day], [known for known in path.delivered_days() if known <= day])
    return path.seconds


def _peer(limits: EngineLimits, tool: str, lake: str, out: str) -> dict[str, float]:
    peers.TOOLS[tool](peers.task(Path(lake), Path(out), limits))
    return {}


def _features(limits: EngineLimits, run: str, out: str) -> dict[str, float]:
    return {"rows": scoring.features(limits, Path(run), Path(out))}


def _training(limits: EngineLimits, run: str, out: str) -> dict[str, float]:
    return {"rows": scoring.training(limits, Path(run), Path(out))}


def _scoring(limits: EngineLimits, run: str, out: str, accounts: int) -> dict[str, float]:
    return {"rows": scoring.scoring(limits, Path(run), Path(out), accounts)}


_TASKS: Final[dict[str, Callable[..., dict[str, float]]]] = {
    "ours": _ours,
    "script": _script,
    "history": _history,
    "one_more_day": _one_more_day,
    "peer": _peer,
    "features": _features,
    "training": _training,
    "scoring": _scoring,
    **identity_work.TASKS,
    **staging_work.TASKS,
}


def peak_bytes() -> int:
    """Largest resident memory of this process.

    Linux hands `ru_maxrss` of the process that started this one on to it, so the process's own mark is read where there is one.
    """
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="utf-8").splitlines() if status.exists() else []
    for line in lines:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * _KIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB


def load_ids(raw: Path) -> list[str]:
    """Complete loads below `raw`, in load order."""
    return [load.load_id for load in LoadManifest(raw).loads()]


def _main(task: str, given: str) -> None:
    arguments = json.loads(given)
    limits = EngineLimits(
        memory=arguments.pop("memory"), threads=arguments.pop("threads"), spill=Path(arguments["out"]).parent / "spill"
    )
    started, used = time.perf_counter(), time.process_time()
    parts = _TASKS[task](limits, **arguments)
    measured = Measured(time.perf_counter() - started, time.process_time() - used, peak_bytes(), parts)
    sys.stdout.write(json.dumps(asdict(measured)) + "\n")


if __name__ == "__main__":
    _main(*sys.argv[1:3])
