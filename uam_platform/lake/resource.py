"""The lake and its engine as one Dagster resource.

Here: opening the engine once per run and handing out lake, load manifest and folders. Not here: reading and writing asset
values (`io_manager`), the pure store (`store`).
"""

from pathlib import Path

import dagster as dg
from ibis.backends.duckdb import Backend
from pydantic import PrivateAttr

from uam_platform.lake.engine import EngineLimits, connect
from uam_platform.lake.loads import LoadManifest
from uam_platform.lake.store import Lake


class Warehouse(dg.ConfigurableResource):
    """Lake, load manifest and one in-memory engine that lives as long as the run."""

    data_dir: str
    memory: str = "4GB"
    threads: int = 2

    _connection: Backend | None = PrivateAttr(default=None)

    @property
    def lake(self) -> Lake:
        """The published tables."""
        return Lake(Path(self.data_dir) / "lake")

    @property
    def manifest(self) -> LoadManifest:
        """The complete loads."""
        return LoadManifest(Path(self.data_dir) / "raw")

    @property
    def models_dir(self) -> Path:
        """Model artefacts by content hash."""
        return Path(self.data_dir) / "models"

    @property
    def connection(self) -> Backend:
        """The engine, opened on first use."""
        if self._connection is None:
            spill = Path(self.data_dir) / "spill"
            self._connection = connect(EngineLimits(memory=self.memory, threads=self.threads, spill=spill))
        return self._connection

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Close the engine when the run ends."""
        if self._connection is not None:
            self._connection.disconnect()
            self._connection = None
