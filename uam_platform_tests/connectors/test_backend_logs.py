"""Backend logs: plain JSON lines and OpenTelemetry's export become the same events; damage is kept, what nobody wants is left out."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from uam_platform.connectors import backend_logs
from uam_platform.connectors.backend_logs import LogSource
from uam_platform.connectors.log_lines import LEFT_OUT, deliveries_of, flat_lines, time_text
from uam_platform.lake.engine import connect
from uam_platform.lake.loads import DELIVERIES, Load, LoadManifest
from uam_platform.policy.load import PolicyError, parse
from uam_platform.policy.logs import Condition, LogPolicy, LogRule
from uam_platform.policy.rulebook import load_rulebook
from uam_platform.staging.split import split_load
from uam_platform_tests.connectors.dropped import drop, folder_of
from uam_platform_tests.connectors.fakes import NOW, contents, quiet, rows

RULEBOOK = load_rulebook()
JOB = {
    "trace_id": "t1", "span_id": "s1", "service": "jobs", "method": "JOB", "route": "workflow.run", "status": 502, "duration_ms": 12,
    "workspace_id": "w1", "user_id": "u1", "workflow": "reporting", "workflow_id": "wf1", "error_code": "E_UPSTREAM",
    "occurred_at": "2025-01-06T12:00:00.250000Z", "received_at": "2025-01-06T12:00:02Z",
}  # fmt: skip


def line(**fields: Any) -> dict[str, Any]:
    return {**JOB, **fields}


def attributes(**values: Any) -> list[dict[str, Any]]:
    wrapped = {str: "stringValue", int: "intValue"}
    return [{"key": k, "value": {wrapped[type(v)]: str(v)}} for k, v in values.items()]


OTLP = {
    "resourceLogs": [
        {
            "resource": {"attributes": attributes(**{"service.name": "jobs"})},
            "scopeLogs": [
                {
                    "logRecords": [
                        {
                            "timeUnixNano": "1736164800250000000", "observedTimeUnixNano": "1736164802000000000", "severityText": "ERROR",
                            "traceId": "t1", "spanId": "s1", "body": {"stringValue": "run failed"},
                            "attributes": attributes(**{
                                "http.request.method": "JOB", "http.response.status_code": 502, "user.id": "u1", "workspace.id": "w1",
                                "job.name": "reporting", "job.run_id": "wf1", "error.type": "E_UPSTREAM", "duration_ms": 12,
                            }),
                        }
                    ]
                }
            ],
        }
    ]
}  # fmt: skip


@pytest.fixture
def manifest(tmp_path: Path) -> LoadManifest:
    return LoadManifest(tmp_path / "raw")


@pytest.fixture
def source(tmp_path: Path) -> LogSource:
    (tmp_path / "logs").mkdir()
    return LogSource(folder_of(backend_logs.NAME, tmp_path / "logs"), RULEBOOK.logs)


def land(source: LogSource, manifest: LoadManifest) -> Load | None:
    return backend_logs.land(source, manifest, manifest.next_id(backend_logs.NAME, NOW), NOW, quiet)


def text(*lines: dict[str, Any] | str) -> str:
    return "".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in lines)


def events(*lines: dict[str, Any]) -> list[str | None]:
    return [deliveries_of(each, RULEBOOK.logs).get("event_name") for each in lines]


def test_a_line_and_its_record_in_opentelemetry_are_one_event() -> None:
    (plain,) = flat_lines([json.dumps(JOB).encode()])
    (exported,) = flat_lines([json.dumps(OTLP).encode()])
    found, other = (deliveries_of(each, RULEBOOK.logs) for each in (plain, exported))
    assert found == {**other, "received_text": "2025-01-06T12:00:02Z"}
    assert (found["message_id"], found["event_name"], found["side"]) == ("t1/s1/job_failed", "job_failed", "server")
    assert other["received_text"] == "2025-01-06T12:00:02.000000Z"


def test_lines_become_job_runs_calls_sync_failures_and_permission_errors() -> None:
    assert events(
        line(), line(status=200), line(method="POST", route="/v1/x", status=201), line(method="POST", route="/v1/x", status=500),
        line(route="connector.sync", status=401), line(method="GET", status=403), line(method="GET", route="/healthz", status=200),
        {"message": "Sync failed for tenant", "ts": 1736164800}, {"message": "hello"},
    ) == [
        "job_failed", "job_completed", None, "api_call_failed", "sync_failed", "permission_denied", None, "sync_failed", None,
    ]  # fmt: skip


def test_a_rule_of_ones_own_takes_calls_that_went_well_in() -> None:
    also = LogRule(event="api_called", when={"status": Condition(at_least=100)})
    rules = RULEBOOK.logs.model_copy(update={"events": (*RULEBOOK.logs.events, also)})
    assert deliveries_of(line(method="POST", route="/v1/x", status=201), rules)["event_name"] == "api_called"


def test_a_line_without_a_run_is_of_its_trace() -> None:
    runs = [deliveries_of(each, RULEBOOK.logs)["workflow_id"] for each in (line(), line(workflow_id=None))]
    assert runs == ["wf1", "trace:t1"]


def test_every_event_of_the_rules_is_in_the_taxonomy() -> None:
    made = {rule.event for rule in RULEBOOK.logs.events} - {None}
    told = {name for names in RULEBOOK.logs.twins.events.values() for name in names}
    assert made | told <= set(RULEBOOK.taxonomy.events)
    assert set(RULEBOOK.logs.twins.events) == made


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (1736164800, "2025-01-06T12:00:00.000000Z"), ("1736164800250", "2025-01-06T12:00:00.250000Z"),
        (1736164800250001, "2025-01-06T12:00:00.250001Z"), ("1736164800250001999", "2025-01-06T12:00:00.250001Z"),
        (1736164800.5, "2025-01-06T12:00:00.500000Z"), ("yesterday", "yesterday"), (None, None), ("2025-01-06", "2025-01-06"),
    ],
)  # fmt: skip
def test_times_come_in_every_usual_unit(value: Any, wanted: str | None) -> None:
    assert time_text(value) == wanted


def test_what_no_user_did_is_of_the_workspaces_backend() -> None:
    found = deliveries_of(line(user_id=None), RULEBOOK.logs)
    assert (found["user_id"], found["anonymous_id"]) == (None, "backend:w1")


@pytest.mark.proves("Backend logs", "cursor and look-back")
def test_files_of_both_kinds_are_landed_once_and_what_nobody_wants_is_counted(
    source: LogSource, manifest: LoadManifest
) -> None:
    root = Path(source.folder.address.url)
    drop(
        root,
        {
            "a.jsonl": text(JOB, {"message": "hello"}),
            "day/b.json.gz": text(OTLP),
            "c.log": text("starting up", '{"cut'),
            "d.txt": "x",
        },
    )
    load = land(source, manifest)
    assert load
    landed = rows(manifest, load, DELIVERIES)
    assert Counter(row["event_name"] or row["parse_error"] for row in landed) == {
        "job_failed": 2,
        "not_json": 1,
        "truncated": 1,
    }
    assert (load.counts["left_out"], load.counts["lines"], load.counts["files"]) == (1, 5, 3)
    assert land(source, manifest) is None


def test_a_cut_file_gives_what_could_be_read_and_says_where_it_broke(source: LogSource, manifest: LoadManifest) -> None:
    many = gzip.compress(text(*(line(span_id=f"s{n}") for n in range(2000))).encode(), mtime=0)
    drop(
        Path(source.folder.address.url),
        {"a.jsonl.gz": many[: len(many) // 2], "b.json.gz": b"not packed", "e.jsonl": b"", "f.json.gz": b""},
    )
    landed = rows(manifest, land(source, manifest), DELIVERIES)  # type: ignore[arg-type]
    told = [row["raw_line"] for row in landed if row["parse_error"] == "truncated"]
    assert 100 < len(landed) < 2000
    assert {"a.jsonl.gz: EOFError", "b.json.gz: BadGzipFile"} <= set(told)


def test_text_in_a_foreign_encoding_is_set_aside_line_by_line(source: LogSource, manifest: LoadManifest) -> None:
    drop(Path(source.folder.address.url), {"a.jsonl": b'{"message": "gr\xfc\xdfe"}\n' + text(JOB).encode()})
    landed = rows(manifest, land(source, manifest), DELIVERIES)  # type: ignore[arg-type]
    assert [row["parse_error"] for row in landed] == ["truncated", None]


@pytest.mark.proves("Backend logs", "resume after interruption")
def test_a_backlog_is_read_in_bounded_loads_one_after_the_other(source: LogSource, manifest: LoadManifest) -> None:
    drop(
        Path(source.folder.address.url),
        {f"{n}.jsonl": text(line(span_id=f"s{n}")) for n in range(5)} | {"0a.jsonl": text({"message": "x"})},
    )
    small = LogSource(source.folder, source.policy, load_bytes=1)
    loads = []
    while load := land(small, manifest):
        loads.append(load)
    assert len(loads) == 6
    assert sum(load.rows[DELIVERIES] for load in loads) == 5


@pytest.mark.proves("Backend logs", "cursor and look-back")
def test_a_file_that_grew_repeats_its_lines_under_the_same_ids(source: LogSource, manifest: LoadManifest) -> None:
    root = Path(source.folder.address.url)
    drop(root, {"a.jsonl": text(line(trace_id=None))})
    first = rows(manifest, land(source, manifest), DELIVERIES)  # type: ignore[arg-type]
    drop(root, {"a.jsonl": text(line(trace_id=None), line(trace_id=None, status=500))})
    second = rows(manifest, land(source, manifest), DELIVERIES)  # type: ignore[arg-type]
    assert first[0]["message_id"] == second[0]["message_id"] != second[1]["message_id"]


def test_the_same_folder_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        folder = folder_of(
            backend_logs.NAME,
            drop(tmp_path / name, {"a.jsonl": text(JOB, OTLP, "{x"), "b.json.gz": text(OTLP)}, age=len(found)),
        )
        manifest = LoadManifest(tmp_path / f"raw-{name}")
        load = land(LogSource(folder, RULEBOOK.logs), manifest)
        assert load
        found.append(contents(manifest, load))
    assert found[0] == found[1]


@pytest.mark.proves("Backend logs", "drift")
def test_new_attributes_are_told(source: LogSource, manifest: LoadManifest) -> None:
    root = Path(source.folder.address.url)
    drop(root, {"a.jsonl": text(JOB)})
    land(source, manifest)
    drop(root, {"b.jsonl": text(line(span_id="s2", region="eu"))})
    load = land(source, manifest)
    assert load
    assert load.drift == ["line: field region is new (text)"]


def test_staging_takes_the_landed_lines_by_the_time_of_receipt(source: LogSource, manifest: LoadManifest) -> None:
    drop(Path(source.folder.address.url), {"a.jsonl": text(JOB, "{cut", line(span_id="s2", occurred_at="noon"))})
    load = land(source, manifest)
    assert load
    connection = connect()
    split = split_load(connection, load, manifest, RULEBOOK.time)
    (row,) = split.deliveries.to_pandas().to_dict("records")
    assert (str(row["occurred_at"]), str(row["known_at"])) == ("2025-01-06 12:00:00.250000", "2025-01-06 12:00:02")
    assert sorted(split.quarantine.to_pandas()["reason"]) == ["truncated", "unreadable_time"]


WORDS = (
    "resourceLogs resource scopeLogs logRecords attributes key value body status stringValue kvlistValue values".split()
)
SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(SHAPES, st.sampled_from(["resource", "scopeLogs", "record"]))
def test_no_shape_of_a_line_stops_the_others(shape: Any, place: str) -> None:
    whole = {
        "resource": {"resourceLogs": shape},
        "scopeLogs": {"resourceLogs": [{"resource": shape, "scopeLogs": shape}]},
        "record": {
            "resourceLogs": [{"scopeLogs": [{"logRecords": [{"status": 500, "attributes": shape, "body": shape}]}]}]
        },
    }[place]
    for found in flat_lines([json.dumps(whole).encode()]):
        delivery = deliveries_of(found, RULEBOOK.logs)
        assert delivery is LEFT_OUT or all(value is None or isinstance(value, str) for value in delivery.values())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"events": [{"event": "JobFailed", "when": {"a": {"below": 1}}}]}, "events.0.event"),
        ({"events": [{"event": "job_failed", "when": {"a": {"matches": "("}}}]}, "no regular expression"),
        ({"events": [{"event": "job_failed", "when": {"a": {}}}]}, "write matches, is_one_of, at_least or below"),
        ({"fields": {}}, "fields needs occurred_at"),
        ({"twins": {"events": {"sync_failed": ["sync_failed"]}}}, "no rule under events makes 'sync_failed' of a line"),
    ],
)
def test_a_mistake_in_the_rules_is_told(wrong: dict[str, Any], message: str) -> None:
    sound = {"fields": {"occurred_at": ["ts"]}, "events": [{"event": "job_failed", "when": {"a": {"below": 1}}}]}
    with pytest.raises(PolicyError, match=message):
        parse(LogPolicy, {**sound, **wrong}, "logs.yaml")
