"""The backend's own logs as files: JSON lines of most services, OpenTelemetry's JSON export of the others, one file a day.

Belongs here: the shapes of a line and the names of the files. Does not belong here: the bucket that holds them (`exports.py`), what was
logged (the world). Both are written by DuckDB, because a company logs millions of lines.

OpenTelemetry: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Final

from uam_platform.simulation.sandbox.company import Company

TABLE: Final = "backend_logs"
OTLP_SERVICES: Final = ("connectors", "imports")
_ISO: Final = "'%Y-%m-%dT%H:%M:%S.%fZ'"
_PREFIX: Final = "received_date="
_LINES: Final = "FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01', COMPRESSION gzip"
"""One column as it is: JSON text has no control characters."""
_TEXTS: Final = {
    "http.request.method": "method",
    "http.route": "route",
    "workspace.id": "workspace_id",
    "enduser.id": "user_id",
    "job.type": "workflow",
    "job.id": "workflow_id",
    "error.type": "error_code",
}
_NUMBERS: Final = {"http.response.status_code": "status", "duration_ms": "duration_ms", "attempt": "attempt"}


def write(company: Company, folder: Path, now: datetime) -> Iterator[tuple[date, Path]]:
    """Write the files of all days and name each with its day.

    Args:
        company: whose backend it is.
        folder: where the files go.
        now: clock of the sandbox (UTC); lines that arrive later are not there yet.
    """
    import duckdb

    folder.mkdir(parents=True, exist_ok=True)
    others = ", ".join(f"'{name}'" for name in OTLP_SERVICES)
    with duckdb.connect(config={"threads": 1}) as engine:
        engine.execute("SET TimeZone='UTC'")
        for path in sorted((company.root / TABLE).glob(f"{_PREFIX}*.parquet")):
            day = date.fromisoformat(path.stem.removeprefix(_PREFIX))
            kinds = ((f"api-{day}.jsonl.gz", _plain(), "NOT IN"), (f"otlp-{day}.json.gz", _otlp(), "IN"))
            for name, line, among in kinds:
                query = f"""SELECT {line} AS line FROM read_parquet({_quoted(path)})
                    WHERE received_at <= TIMESTAMPTZ '{now.isoformat()}' AND service {among} ({others})
                    ORDER BY received_at, span_id"""
                engine.execute(f"COPY ({query}) TO {_quoted(folder / name)} ({_LINES})")
                yield day, folder / name


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _attribute(key: str, kind: str, value: str) -> str:
    return (
        f"CASE WHEN {value} IS NOT NULL THEN json_object('key', '{key}', 'value', json_object('{kind}', {value})) END"
    )


def _plain() -> str:
    names = "trace_id span_id service method route status duration_ms attempt workspace_id user_id workflow workflow_id error_code level"
    fields = [f'"{name}" := {name}' for name in names.split()]
    fields += [
        f'"{name}" := strftime({column}, {_ISO})'
        for name, column in (("timestamp", "occurred_at"), ("received_at", "received_at"))
    ]
    return f"json_merge_patch('{{}}', to_json(struct_pack({', '.join(fields)})))::VARCHAR"


def _otlp() -> str:
    texts = [_attribute(key, "stringValue", column) for key, column in _TEXTS.items()]
    numbers = [_attribute(key, "intValue", f"{column}::VARCHAR") for key, column in _NUMBERS.items()]
    attributes = f"list_filter([{', '.join([*texts, *numbers])}], lambda x: x IS NOT NULL)"
    times = {"timeUnixNano": "occurred_at", "observedTimeUnixNano": "received_at"}
    fields = [f"'{name}', (epoch_us({column}) * 1000)::VARCHAR" for name, column in times.items()]
    fields += ["'severityText', level", "'traceId', trace_id", "'spanId', span_id"]
    fields += ["'body', json_object('stringValue', route)", f"'attributes', {attributes}"]
    record = f"json_object({', '.join(fields)})"
    resource = (
        "json_object('attributes', [json_object('key', 'service.name', 'value', json_object('stringValue', service))])"
    )
    scoped = f"json_object('resource', {resource}, 'scopeLogs', [json_object('logRecords', [{record}])])"
    return f"json_object('resourceLogs', [{scoped}])::VARCHAR"
