"""The backend's own log of requests and jobs: what the servers saw, whatever reached the analytics tools.

Belongs here: which actions reach which service, status, retries within a trace, shipping of the lines. Does not belong here:
what was done (``actions``), event deliveries (``deliveries``). Every failure is kept and a sample of what went well; blocked
browsers are seen too, because the request arrives even where the tracker does not. The true side of each line is written beside it.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from uam_platform.simulation.world import product
from uam_platform.simulation.world.clock import HOUR_US, SECOND_US, Array
from uam_platform.simulation.world.day_files import DayFiles
from uam_platform.simulation.world.deliveries import Labels, login_codes
from uam_platform.simulation.world.people import People
from uam_platform.simulation.world.rows import TRACK, Rows, take
from uam_platform.simulation.world.schemas import BACKEND_LOGS, TRUTH_LOG_LINES
from uam_platform.simulation.world.store import Appender, hexes, instants, labels, numbered, numbers
from uam_platform.simulation.world.transport import NONE

_ROUTES: dict[str, tuple[str, str, str]] = {
    "workflow_started": ("jobs", "POST", "/v1/workflows/{workflow_id}/runs"),
    "workflow_completed": ("jobs", "JOB", "workflow.run"), "workflow_failed": ("jobs", "JOB", "workflow.run"),
    "import_attempted": ("imports", "POST", "/v1/imports"),
    "import_completed": ("imports", "JOB", "import.load"), "import_failed": ("imports", "JOB", "import.load"),
    "sync_failed": ("connectors", "JOB", "connector.sync"), "integration_connected": ("connectors", "POST", "/v1/connections"),
    "report_generated": ("reports", "POST", "/v1/reports"), "report_viewed": ("reports", "GET", "/v1/reports/{report_id}"),
    "report_exported": ("reports", "POST", "/v1/reports/{report_id}/exports"),
    "first_report_generated": ("reports", "POST", "/v1/reports"),
    "dashboard_viewed": ("reports", "GET", "/v1/dashboards/{dashboard_id}"),
    "dashboard_shared": ("reports", "POST", "/v1/dashboards/{dashboard_id}/shares"),
    "alert_rule_saved": ("alerts", "PUT", "/v1/alert-rules/{rule_id}"), "search_performed": ("search", "GET", "/v1/search"),
    "permission_denied": ("auth", "GET", "/v1/reports/{report_id}"), "user_signed_in": ("auth", "POST", "/v1/sessions"),
    "member_invited": ("accounts", "POST", "/v1/members"), "admin_invited": ("accounts", "POST", "/v1/members"),
    "seat_limit_reached": ("accounts", "POST", "/v1/members"), "project_created": ("accounts", "POST", "/v1/projects"),
    "workspace_created": ("accounts", "POST", "/v1/workspaces"),
    "billing_viewed": ("billing", "GET", "/v1/invoices"), "invoice_download_failed": ("billing", "GET", "/v1/invoices/{invoice_id}/pdf"),
}  # fmt: skip
_SERVICES = tuple(sorted({service for service, _, _ in _ROUTES.values()}))
_METHODS = ("GET", "POST", "PUT", "JOB")
_PATHS = tuple(sorted({path for _, _, path in _ROUTES.values()}))
_REFUSED = {"permission_denied": 403, "seat_limit_reached": 409, "invoice_download_failed": 500}
_STATUS_OF_ERROR = {
    "E_TIMEOUT": 504, "E_SCHEMA": 422, "E_QUOTA": 429, "E_AUTH": 401, "E_UPSTREAM": 502, "E_VALIDATION": 400,
}  # fmt: skip
_STATUS_OF_METHOD = {"GET": 200, "POST": 201, "PUT": 200, "JOB": 200}
_FAILURES = frozenset({"workflow_failed", "import_failed", "sync_failed", *_REFUSED})
_LEVELS = ("INFO", "WARN", "ERROR")
_RETRIED_SHARE = 0.4
_STUCK_SHARE = 0.01
_MEDIAN_LOG_MS, _SPREAD_LOG_MS = 4.7, 0.8


def _by_event(values: dict[str, int]) -> Array:
    return np.array([values.get(name, -1) for name in product.EVENTS], dtype=np.int16)


_SERVICE = _by_event({name: _SERVICES.index(route[0]) for name, route in _ROUTES.items()})
_METHOD = _by_event({name: _METHODS.index(route[1]) for name, route in _ROUTES.items()})
_PATH = _by_event({name: _PATHS.index(route[2]) for name, route in _ROUTES.items()})
_FINE = _by_event({name: _STATUS_OF_METHOD[route[1]] for name, route in _ROUTES.items()})
_REFUSAL = _by_event(_REFUSED)
_IS_FAILURE = _by_event(dict.fromkeys(_FAILURES, 1)) > 0
_ERROR_STATUS = np.array([_STATUS_OF_ERROR[name] for name in product.ERRORS])
_KEPT = (
    "event", "event_no", "occurred_us", "person", "account", "workspace", "workflow", "workflow_id", "error", "duration_ms",
    "is_known",
)  # fmt: skip


class BackendLogs:
    """Writes ``company/backend_logs`` day by day and ``truth/log_lines``; ``share`` of what went well is kept, 0 writes no logs at all."""

    def __init__(
        self, company: Path, truth: Path, days: int, people: People, names: Labels, share: float, rng: np.random.Generator
    ) -> None:  # fmt: skip
        self._people, self._names, self._share, self._rng = people, names, share, rng
        self._files = DayFiles(company / "backend_logs", BACKEND_LOGS, days) if share > 0 else None
        self._truth = Appender(truth / "log_lines.parquet", TRUTH_LOG_LINES)

    def __exit__(self, *_: object) -> None:
        self._truth.__exit__()

    def add(self, deliveries: Rows, lost: Rows, complete_until_day: int) -> None:
        """Take a stretch: its deliveries and what never left a client; write the days of receipt that are complete."""
        if self._files is None:
            return
        first = deliveries["repeat"] == NONE
        parts = [self._chosen(deliveries, first), self._chosen(lost, np.ones(len(lost["event"]), dtype=bool))]
        rows = {name: np.concatenate([part[name] for part in parts]) for name in _KEPT}
        rows["true_us"] = rows["occurred_us"]
        rows = self._shipped(self._traced(rows))
        ready = self._files.ready(rows, ("occurred_us", "line"), complete_until_day)
        columns = self._columns(ready)
        self._files.write(columns, ready["received_us"], complete_until_day)
        self._truth.append(self._true(ready) | {name: columns[name] for name in ("trace_id", "span_id", "attempt")})

    def _chosen(self, rows: Rows, is_first: Array) -> Rows:
        event = rows["event"].astype(np.int64)
        reaches = is_first & (rows["type"] == TRACK) & (event >= 0)
        index = np.flatnonzero(reaches)
        index = index[_SERVICE[event[index]] >= 0]
        keep = _IS_FAILURE[event[index]] | (self._rng.random(len(index)) < self._share)
        return take({name: rows[name] for name in _KEPT}, index[keep])

    def _traced(self, rows: Rows) -> Rows:
        """Add status, duration and trace, and earlier attempts of failed jobs that share the trace."""
        rng, event = self._rng, rows["event"].astype(np.int64)
        count = len(event)
        coded = np.where(rows["error"] >= 0, _ERROR_STATUS[rows["error"]], 500)
        status = np.where(_REFUSAL[event] > 0, _REFUSAL[event], np.where(_IS_FAILURE[event], coded, _FINE[event]))
        drawn = np.exp(rng.normal(_MEDIAN_LOG_MS, _SPREAD_LOG_MS, count)).astype(np.int64) + 3
        rows["duration_ms"] = np.where(rows["duration_ms"] >= 0, rows["duration_ms"], drawn)
        rows["status"] = status
        rows["trace"] = rng.integers(0, 256, (count, 16), dtype=np.uint8)
        rows["attempt"] = np.ones(count, dtype=np.int64)
        is_job = _METHOD[event] == _METHODS.index("JOB")
        again = np.flatnonzero(_IS_FAILURE[event] & is_job & (rng.random(count) < _RETRIED_SHARE))
        rows["attempt"][again] = 2
        earlier = take(rows, again)
        earlier["attempt"] = np.ones(len(again), dtype=np.int64)
        earlier["occurred_us"] = earlier["occurred_us"] - rng.integers(2, 20, len(again)) * SECOND_US
        return {name: np.concatenate([values, earlier[name]]) for name, values in rows.items()}

    def _shipped(self, rows: Rows) -> Rows:
        rng, count = self._rng, len(rows["event"])
        seconds = np.exp(rng.normal(0.6, 0.7, count))
        stuck = np.where(rng.random(count) < _STUCK_SHARE, rng.random(count) * 6 * HOUR_US, 0.0)
        rows["received_us"] = rows["occurred_us"] + ((seconds * SECOND_US + stuck) // 1_000 * 1_000).astype(np.int64)
        rows["span"] = rng.integers(0, 256, (count, 8), dtype=np.uint8)
        rows["line"] = np.arange(count, dtype=np.int64)
        return rows

    def _columns(self, rows: Rows) -> dict[str, Any]:
        event, status = rows["event"].astype(np.int64), rows["status"]
        level = np.where(status >= 500, 2, np.where(status >= 400, 1, 0))
        user = np.where(rows["is_known"], login_codes(self._people, rows), -1)
        return {
            "trace_id": hexes(rows["trace"]),
            "span_id": hexes(rows["span"]),
            "service": labels(_SERVICE[event], _SERVICES),
            "method": labels(_METHOD[event], _METHODS),
            "route": labels(_PATH[event], _PATHS),
            "status": pa.array(status.astype(np.int16)),
            "duration_ms": numbers(rows["duration_ms"], pa.int32()),
            "attempt": pa.array(rows["attempt"].astype(np.int16)),
            "workspace_id": labels(rows["workspace"], self._names.workspace),
            "user_id": labels(user, self._names.user),
            "workflow": labels(rows["workflow"], product.WORKFLOWS),
            "workflow_id": numbered("wf_", rows["workflow_id"]),
            "error_code": labels(rows["error"], product.ERRORS),
            "level": labels(level, _LEVELS),
            "occurred_at": instants(rows["occurred_us"]),
            "received_at": instants(rows["received_us"]),
        }

    def _true(self, rows: Rows) -> dict[str, Any]:
        return {
            "true_event_no": pa.array(rows["event_no"]),
            "true_person_id": labels(rows["person"], self._names.person),
            "true_account_id": labels(rows["account"], self._names.account),
            "true_event_name": labels(rows["event"], product.EVENTS),
            "true_occurred_at": instants(rows["true_us"]),
        }
