"""Publishes in processes of its own that are killed at each of their steps in the file system, one process per step.

Run as `python -m uam_platform_tests.lake.killed FOLDER`: FOLDER/before is a lake; for each step k it is copied to FOLDER/<k> and a child
that publishes there is killed with SIGKILL before its k-th change of a file or folder, until a child survives. Prints the number of
steps. Here: the killing. Not here: what must hold afterwards (`test_publish_is_atomic`).
"""

import os
import shutil
import signal
import sys
from pathlib import Path

from uam_platform.lake.engine import connect
from uam_platform.lake.store import Lake
from uam_platform_tests.lake.orders import DAYS, ORDERS, rows, table

_STEPS = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree"}


def _publish_until(root: Path, fatal: int) -> None:
    seen = 0

    def step(event: str, args: tuple[object, ...]) -> None:
        nonlocal seen
        is_change = event in _STEPS or (event == "open" and "w" in str(args[1]))
        if is_change and str(args[0]).startswith(str(root)):
            if seen == fatal:
                os.kill(os.getpid(), signal.SIGKILL)
            seen += 1

    sys.addaudithook(step)
    Lake(root).publish(connect(), ORDERS, table(rows(2)), DAYS)


def main(folder: Path) -> None:
    """Kill one child per step."""
    for fatal in range(200):
        root = folder / str(fatal)
        shutil.copytree(folder / "before", root)
        child = os.fork()
        if child == 0:
            _publish_until(root, fatal)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            sys.stdout.write(f"{fatal} {os.waitstatus_to_exitcode(status)}")
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
