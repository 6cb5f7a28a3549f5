"""Files one stretch of days while the next one is lived.

Belongs here: the thread and the order. Does not belong here: what is written (``deliveries``, ``second_tool``, ``backend_logs``). One
thread, one stretch at a time: the bytes do not depend on how fast either side is, and memory holds two stretches.
"""

from concurrent.futures import Future, ThreadPoolExecutor

from uam_platform.simulation.world.backend_logs import BackendLogs
from uam_platform.simulation.world.deliveries import Archive
from uam_platform.simulation.world.rows import Rows
from uam_platform.simulation.world.second_tool import SecondTool
from uam_platform.simulation.world.sessions import Sessions


class Press:
    """Hands stretches to the archive, the second tool and the logs in order; a context manager that closes them."""

    def __init__(self, archive: Archive, second_tool: SecondTool, logs: BackendLogs) -> None:
        self._archive, self._second_tool, self._logs = archive, second_tool, logs
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="press")
        self._pending: Future[None] | None = None

    def __enter__(self) -> "Press":
        return self

    def file(self, deliveries: Rows, lost: Rows, sessions: Sessions, complete_until_day: int) -> None:
        """Wait for the stretch before and begin to file this one; the arrays are not to be changed afterwards.

        Raises:
            OSError: The stretch before could not be written.
        """
        self._wait()
        self._pending = self._thread.submit(self._file, deliveries, lost, sessions, complete_until_day)

    def _file(self, deliveries: Rows, lost: Rows, sessions: Sessions, complete_until_day: int) -> None:
        self._archive.add(deliveries, lost, complete_until_day)
        self._second_tool.add(deliveries, sessions, complete_until_day)
        self._logs.add(deliveries, lost, complete_until_day)

    def _wait(self) -> None:
        if self._pending is not None:
            self._pending.result()
            self._pending = None

    def __exit__(self, *_: object) -> None:
        try:
            self._wait()
        finally:
            self._thread.shutdown()
            self._archive.__exit__()
            self._second_tool.__exit__()
            self._logs.__exit__()
