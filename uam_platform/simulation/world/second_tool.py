"""The second analytics tool that some customers' activity also reaches: one action, told twice or three times.

Belongs here: which accounts it records, forwarded copies of deliveries, its own client's copies, their true side. Does
not belong here: the first tool's journey (``transport``) and files (``deliveries``).
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from uam_platform.simulation.world import product
from uam_platform.simulation.world.clock import SECOND_US, START_US
from uam_platform.simulation.world.day_files import DayFiles
from uam_platform.simulation.world.deliveries import Labels, login_codes
from uam_platform.simulation.world.difficulty import Difficulty
from uam_platform.simulation.world.people import Devices, People
from uam_platform.simulation.world.population import Accounts
from uam_platform.simulation.world.rows import SERVER, TRACK, Rows, take
from uam_platform.simulation.world.schemas import AMPLITUDE_EVENTS, SECOND_TOOL
from uam_platform.simulation.world.sessions import Sessions
from uam_platform.simulation.world.store import Appender, instants, labels, numbered, numbers, uuids
from uam_platform.simulation.world.transport import EVENT_NAMES, NONE

TOOL = "amplitude"
_FORWARDED, _DIRECT, _BOTH = range(3)
_MODE_SHARE = (0.5, 0.3, 0.2)
_OWN_REPEAT_SHARE = 0.01
_PLATFORMS = ("Web", "iOS", "Server")
_LIBRARIES = ("segment", "amplitude-ts", "amplitude-swift", "amplitude-node")
_RECORDED = np.array([
    code for code, name in enumerate(product.EVENTS)
    if name in product.CORE_EVENTS or name.startswith(("workflow_", "import_"))
])  # fmt: skip
_TITLES = tuple(name.replace("_", " ").title() for name in product.EVENTS)
# Each name once: a dictionary with equal entries is written to Parquet with bytes that differ from run to run.
_TYPES = tuple(dict.fromkeys((*EVENT_NAMES, *_TITLES)))
_TITLE_CODE = np.array([_TYPES.index(title) for title in _TITLES], dtype=np.int16)


class SecondTool:
    """Writes ``company/amplitude_events`` by day of receipt and ``truth/second_tool``; a context manager."""

    def __init__(
        self, company: Path, truth: Path, days: int, accounts: Accounts, people: People, devices: Devices, names: Labels,
        vector: Difficulty, rng: np.random.Generator,
    ) -> None:  # fmt: skip
        self._people, self._devices, self._names, self._rng = people, devices, names, rng
        chosen = rng.random(accounts.count) < vector.second_tool_account_share
        self._mode = np.where(chosen, rng.choice(3, accounts.count, p=_MODE_SHARE), -1)
        self._device_id = uuids(rng.integers(0, 256, (devices.count, 16), dtype=np.uint8))
        self._files = DayFiles(company / "amplitude_events", AMPLITUDE_EVENTS, days)
        self._truth = Appender(truth / "second_tool.parquet", SECOND_TOOL)

    def __enter__(self) -> "SecondTool":
        return self

    def __exit__(self, *_: object) -> None:
        self._truth.__exit__()

    def add(self, deliveries: Rows, sessions: Sessions, complete_until_day: int) -> None:
        """Take a stretch of the first tool's deliveries; write every day before ``complete_until_day``."""
        recorded = np.isin(deliveries["event"], _RECORDED) & (deliveries["type"] == TRACK)
        recorded &= (self._mode[deliveries["account"]] >= 0) & (deliveries["occurred_us"] >= START_US)
        seen = take(deliveries, np.flatnonzero(recorded))
        seen["session_us"] = sessions.start_us[seen["visit"]]
        mode = self._mode[seen["account"]]
        forwarded = self._forwarded(take(seen, np.flatnonzero((mode != _DIRECT) & (seen["defect"] < 0))))
        direct = self._direct(take(seen, np.flatnonzero((mode != _FORWARDED) & (seen["repeat"] == NONE))))
        rows = {name: np.concatenate([values, direct[name]]) for name, values in forwarded.items()}
        ready = self._files.ready(rows, ("event_no", "is_forwarded"), complete_until_day)
        columns = self._columns(ready)
        self._files.write(columns, ready["received_us"], complete_until_day)
        self._truth.append({name: columns[name] for name in SECOND_TOOL.names})

    def _forwarded(self, rows: Rows) -> Rows:
        """Return copies that the first tool passes on after receipt, under its message id and with its repaired time."""
        count = len(rows["event_no"])
        rows["original_us"] = rows["received_us"] - (rows["sent_us"] - rows["original_us"])
        rows["sent_us"] = rows["received_us"].copy()
        rows["received_us"] = rows["received_us"] + self._rng.integers(300, 4_000, count) * 1_000
        rows["is_forwarded"] = np.ones(count, dtype=bool)
        return rows

    def _direct(self, rows: Rows) -> Rows:
        """Return what the tool's own client or server library sends: own ids, a clock read a moment apart."""
        count = len(rows["event_no"])
        apart = np.rint(self._rng.normal(0, 120, count)).astype(np.int64) * 1_000
        rows["original_us"] = rows["original_us"] + apart
        rows["message"] = self._rng.integers(0, 256, (count, 16), dtype=np.uint8)
        rows["received_us"] = rows["received_us"] + self._rng.integers(0, 8_000, count) * 1_000
        rows["delivered_event"] = _TITLE_CODE[rows["event"]]
        rows["is_forwarded"] = np.zeros(count, dtype=bool)
        again = np.flatnonzero(self._rng.random(count) < _OWN_REPEAT_SHARE)
        copies = take(rows, again)
        copies["received_us"] = copies["received_us"] + self._rng.integers(5, 60, len(again)) * SECOND_US
        return {name: np.concatenate([values, copies[name]]) for name, values in rows.items()}

    def _columns(self, rows: Rows) -> dict[str, Any]:
        return self._who(rows) | self._what(rows) | self._true(rows)

    def _who(self, rows: Rows) -> dict[str, Any]:
        names, is_server, forwarded = self._names, rows["side"] == SERVER, rows["is_forwarded"]
        is_mobile = self._devices.kind[rows["device"]] > 0
        own_id = labels(np.where(is_server, -1, rows["device"]), self._device_id)
        passed_id = labels(rows["anonymous"], names.anonymous)
        session = np.where(is_server | forwarded, -1, rows["session_us"] // 1_000)
        own_library = np.where(is_server, 3, np.where(is_mobile, 2, 1))
        return {
            "insert_id": uuids(rows["message"]),
            "user_id": labels(np.where(rows["is_known"], login_codes(self._people, rows), -1), names.user),
            "device_id": pa.compute.if_else(pa.array(forwarded), passed_id, own_id),
            "session_id": pa.array(session),
            "event_time": instants(rows["original_us"]),
            "client_upload_time": instants(rows["sent_us"]),
            "server_received_time": instants(rows["received_us"]),
            "library": labels(np.where(forwarded, 0, own_library), _LIBRARIES),
            "platform": labels(np.where(is_server, 2, is_mobile * 1), _PLATFORMS),
            "group_id": labels(np.where(rows["is_known"], rows["workspace"], -1), names.workspace),
        }

    def _what(self, rows: Rows) -> dict[str, Any]:
        return {
            "event_type": labels(rows["delivered_event"], _TYPES),
            "feature": labels(rows["feature"], product.FEATURES),
            "workflow": labels(rows["workflow"], product.WORKFLOWS),
            "workflow_id": numbered("wf_", rows["workflow_id"]),
            "workflow_step": labels(rows["step"], product.WORKFLOW_STEPS),
            "workflow_state": labels(rows["state"], product.WORKFLOW_STATES),
            "duration_ms": numbers(rows["duration_ms"], pa.int32()),
            "error_code": labels(rows["error"], product.ERRORS),
            "quantity": numbers(rows["quantity"], pa.int32()),
        }

    def _true(self, rows: Rows) -> dict[str, Any]:
        return {
            "tool": labels(np.zeros(len(rows["event_no"])), (TOOL,)),
            "true_event_no": pa.array(rows["event_no"]),
            "is_forwarded": pa.array(rows["is_forwarded"]),
            "true_person_id": labels(rows["person"], self._names.person),
            "true_account_id": labels(rows["account"], self._names.account),
            "true_event_name": labels(rows["event"], product.EVENTS),
            "true_occurred_at": instants(rows["occurred_us"]),
        }
