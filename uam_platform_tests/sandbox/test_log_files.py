"""The backend's logs as the sandbox serves them, read by the connector that reads a company's own."""

import gzip
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from uam_platform.connectors.registry import configured
from uam_platform.lake.loads import DELIVERIES, LoadManifest
from uam_platform.settings import Settings
from uam_platform.simulation.sandbox import credentials, server
from uam_platform.simulation.world.schemas import BACKEND_LOGS
from uam_platform_tests.connectors.fakes import NOW, quiet, rows
from uam_platform_tests.sandbox.tiny_company import START, write_company

SAID = [
    ("jobs", "JOB", "workflow.run", 200), ("jobs", "JOB", "workflow.run", 504), ("connectors", "JOB", "connector.sync", 502),
    ("imports", "POST", "/v1/imports", 422), ("auth", "GET", "/v1/reports/{report_id}", 403), ("reports", "GET", "/v1/dashboards", 200),
]  # fmt: skip
"""Service, method, route and status of the lines of one day."""


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_company(tmp_path_factory.mktemp("world") / "company")
    (root / "backend_logs").mkdir()
    for day in range(2):
        at = START + timedelta(days=day, hours=9)
        held = [
            {"trace_id": f"t{day}{n}", "span_id": f"s{day}{n}", "service": service, "method": method, "route": route, "status": status,
             "duration_ms": 40, "attempt": 1, "workspace_id": "ws_1", "user_id": "u_1" if n % 2 else None, "workflow": "sync_run",
             "workflow_id": f"wf_{n}", "error_code": 'E_"ODD"' if status > 399 else None, "level": "INFO",
             "occurred_at": at + timedelta(minutes=n), "received_at": at + timedelta(minutes=n, seconds=2)}
            for n, (service, method, route, status) in enumerate(SAID)
        ]  # fmt: skip
        path = root / "backend_logs" / f"received_date={at.date()}.parquet"
        pq.write_table(pa.Table.from_pylist(held, BACKEND_LOGS), path)
    return root


def test_both_kinds_of_files_are_read_once_and_every_wanted_line_is_an_event_of_a_server(
    company: Path, tmp_path: Path
) -> None:
    with server.running(company, tmp_path / "state", has_logs=True) as sandbox:
        values = {**sandbox.credentials, **credentials.logs_environment()}
        known = {name.removeprefix("UAM_").lower(): value for name, value in values.items()}
        connector = {c.name: c for c in configured(Settings(_env_file=None, first_day=START.date(), **known))}[
            "backend_logs"
        ]
        manifest = LoadManifest(tmp_path / "raw")
        load = connector.land(manifest, manifest.next_id("backend_logs", NOW), NOW, quiet)
        assert load is not None
        assert connector.land(manifest, manifest.next_id("backend_logs", NOW), NOW, quiet) is None
        assert httpx.get(f"{sandbox.url}/_faults").json() == []
    found = rows(manifest, load, DELIVERIES)
    assert Counter(row["event_name"] for row in found) == {
        "job_completed": 2, "job_failed": 2, "sync_failed": 2, "api_call_failed": 2, "permission_denied": 2,
    }  # fmt: skip
    assert len({row["message_id"] for row in found}) == len(found) == 2 * (len(SAID) - 1)  # what went well is no event
    assert {row["side"] for row in found} == {"server"}
    assert all(row["parse_error"] is None and row["workspace_id"] == "ws_1" and row["workflow_id"] for row in found)
    first = min(found, key=lambda row: row["occurred_text"])
    assert (first["occurred_text"], first["received_text"]) == (
        "2025-01-06T09:00:00.000000Z",
        "2025-01-06T09:00:02.000000Z",
    )


def test_nothing_younger_than_the_clock_is_in_the_files(company: Path, tmp_path: Path) -> None:
    noon = int((START + timedelta(hours=12)).timestamp())
    server.create_app(company, tmp_path, now=noon, has_logs=True)
    files = sorted((tmp_path / "exports" / "objects" / "logs").glob("*.gz"))
    lines = [json.loads(line) for path in files for line in gzip.decompress(path.read_bytes()).splitlines()]
    assert len(lines) == len(SAID)
    plain = [line for line in lines if "resourceLogs" not in line]
    assert all(datetime.fromisoformat(line["received_at"]) <= datetime.fromtimestamp(noon, UTC) for line in plain)
