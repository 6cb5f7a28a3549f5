"""The collector's connector: each closed file becomes rows exactly once, wherever a load is killed."""

import itertools
import os
from pathlib import Path

import orjson
import pytest

from uam_platform.connectors import collector
from uam_platform.connectors.registry import configured
from uam_platform.lake import journal
from uam_platform.lake.loads import DELIVERIES, RECORDS, LoadManifest
from uam_platform.policy.load import load_section
from uam_platform.policy.taxonomy import Taxonomy
from uam_platform.settings import Settings
from uam_platform_tests.connectors.fakes import NOW, contents, quiet, rows


def event(n: int, **other: object) -> bytes:
    body = {"type": "track", "event": "E", "userId": "u", "messageId": f"m{n}", "timestamp": "2025-01-31T10:00:00Z"}
    line = {"kind": "event", "source": "web", "side": "client", "dialect": "segment", "sent_at": None, "body": body}
    return orjson.dumps({**line, "received_at": "2025-01-31T10:00:01Z", **other})


def write(folder: Path, name: str, *texts: bytes, ending: str = journal.CLOSED) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"20250131T1000{name}{ending}"
    path.write_bytes(b"".join(map(journal.framed, texts)))
    return path


@pytest.fixture
def folder(tmp_path) -> Path:
    write(tmp_path / "j", "00", event(1), event(2))
    write(tmp_path / "j", "01", event(3))
    return tmp_path / "j"


@pytest.fixture
def manifest(tmp_path) -> LoadManifest:
    return LoadManifest(tmp_path / "raw")


def land(folder: Path, manifest: LoadManifest, progress=quiet, **other):
    source = collector.CollectorSource(folder, threads=1, **other)
    return collector.land(source, manifest, manifest.next_id(collector.NAME, NOW), NOW, progress)


def landed_ids(manifest: LoadManifest) -> list[str]:
    return [r["message_id"] for load in manifest.loads() for r in rows(manifest, load, DELIVERIES)]


def test_closed_files_become_one_load_and_are_put_away(folder, manifest):
    told: list[str] = []
    load = land(folder, manifest, told.append)
    assert landed_ids(manifest) == ["web/m1", "web/m2", "web/m3"]
    assert (load.rows, load.counts["files"]) == ({DELIVERIES: 3}, 2)
    assert sorted(p.name for p in (folder / "landed").iterdir()) == sorted(load.objects)
    assert told == ["collector: 2 files, 3 deliveries"]
    assert land(folder, manifest) is None


def test_nothing_is_landed_before_the_collector_has_run(tmp_path, manifest):
    assert land(tmp_path / "absent", manifest) is None


def test_loads_are_cut_by_size_and_together_hold_everything(folder, manifest):
    assert land(folder, manifest, load_bytes=1).rows == {DELIVERIES: 2}
    assert land(folder, manifest, load_bytes=1).rows == {DELIVERIES: 1}
    assert landed_ids(manifest) == ["web/m1", "web/m2", "web/m3"]


def test_two_loads_of_the_same_files_are_equal_in_every_byte(tmp_path):
    found = []
    for name in ("one", "two"):
        write(tmp_path / name, "00", event(1), b"no json", event(2))
        manifest = LoadManifest(tmp_path / f"raw-{name}")
        found.append(contents(manifest, land(tmp_path / name, manifest)))
    assert found[0] == found[1]


def test_what_a_killed_collector_left_open_is_closed_and_landed_when_nobody_writes(folder, manifest):
    left = write(folder, "02", event(4), ending=journal.OPEN)
    with left.open("ab") as handle:
        handle.write(b"12345678 {half")
    told: list[str] = []
    with journal.held(folder, "writer"):
        land(folder, manifest, told.append, wait_seconds=0)  # a collector runs and does not answer: its file is its own
        assert "in the next load" in told[0]
        assert len(landed_ids(manifest)) == 3
    land(folder, manifest)
    assert landed_ids(manifest)[3:] == ["web/m4"]


class Killed(BaseException):
    """Ends a load where a kill would; nothing catches it."""


@pytest.mark.proves("Collector", "resume after interruption")
def test_a_load_killed_at_any_step_loses_nothing_and_doubles_nothing(tmp_path, monkeypatch):
    """Count every rename, removal and commit of a load, then kill a fresh load before each of them in turn."""
    for step in itertools.count():
        folder, manifest = tmp_path / f"j{step}", LoadManifest(tmp_path / f"raw{step}")
        write(folder, "00", event(1), event(2))
        write(folder, "01", event(3))
        calls = itertools.count()
        with monkeypatch.context() as patched:

            def guarded(whole, calls=calls, step=step):
                def call(*arguments, **named):
                    if next(calls) == step:
                        raise Killed
                    return whole(*arguments, **named)

                return call

            patched.setattr(os, "replace", guarded(os.replace))
            patched.setattr(collector.shutil, "rmtree", guarded(collector.shutil.rmtree))
            patched.setattr(collector.pq.ParquetWriter, "close", guarded(collector.pq.ParquetWriter.close))
            patched.setattr(LoadManifest, "commit", guarded(LoadManifest.commit))
            try:
                land(folder, manifest)
            except Killed:
                was_killed = True
            else:
                was_killed = False
        while land(folder, manifest):
            pass
        assert landed_ids(manifest) == ["web/m1", "web/m2", "web/m3"], f"killed before step {step}"
        assert journal.closed_files(folder) == []
        if not was_killed:
            assert step >= 5
            return


def test_lines_that_nobody_can_read_are_set_aside_with_their_bytes_where_they_stood(folder, manifest):
    refused = {"kind": "refused", "source": "web", "dialect": "segment", "reason": "too_large", "received_at": "x"}
    path = write(folder, "02", event(4), orjson.dumps({**refused, "text": '{"type": "track"}'}), event(5))
    path.write_bytes(path.read_bytes().replace(b'"m5"', b'"m6"'))
    load = land(folder, manifest)
    found = rows(manifest, load, DELIVERIES)[3:]
    assert [r["parse_error"] for r in found] == [None, "too_large", "truncated"]
    assert found[1]["raw_line"] == '{"type": "track"}'
    assert '"m6"' in found[2]["raw_line"]
    assert load.counts["damaged_lines"] == 1


@pytest.mark.proves("Collector", "authentication")
def test_a_client_key_cannot_report_what_only_a_server_may(folder, manifest):
    """R54, R58: its key is public, so anybody could send it; the bytes are kept."""
    claimed = {"type": "track", "event": "Workflow Completed", "userId": "u", "messageId": "m9", "channel": "server"}
    rule = load_section(Taxonomy, "taxonomy")
    assert rule.events["workflow_completed"].side == "server"
    write(folder, "02", event(9, body=claimed), event(9, body=claimed, side="server", source="backend"))
    load = land(folder, manifest, server_only=collector.server_only(rule))
    spoofed, honest = rows(manifest, load, DELIVERIES)[3:]
    assert (spoofed["parse_error"], spoofed["event_name"]) == ("wrong_side", None)
    assert "Workflow Completed" in spoofed["raw_line"]
    assert (honest["event_name"], honest["side"], honest["parse_error"]) == ("Workflow Completed", "server", None)


def test_webhook_deliveries_become_records_beside_the_events(folder, manifest):
    line = {
        "kind": "record",
        "source": "support",
        "object": "zendesk_webhook",
        "id": "i1",
        "modified_at": "2025-01-31T09:00:00Z",
    }
    write(folder, "02", orjson.dumps({**line, "received_at": "x", "body": {"ticket": 1}}), event(4))
    load = land(folder, manifest)
    assert load.rows == {DELIVERIES: 4, RECORDS: 1}
    assert rows(manifest, load, RECORDS) == [
        {
            "source_object": "zendesk_webhook",
            "record_id": "support/i1",
            "modified_text": "2025-01-31T09:00:00Z",
            "payload": '{"ticket":1}',
            "row_no": 0,
        }
    ]


def test_files_are_removed_when_they_were_kept_long_enough(folder, manifest):
    land(folder, manifest, keep_days=7)
    assert len(list((folder / "landed").iterdir())) == 2
    land(folder, manifest, keep_days=0)
    assert list((folder / "landed").iterdir()) == []


def test_the_file_of_keys_switches_the_connector_on_with_the_rulebooks_own_server_events(tmp_path):
    claimed = {"type": "track", "event": "workflow_completed", "userId": "u", "messageId": "m9"}
    write(tmp_path / "data" / "collector", "00", event(1), event(9, body=claimed))
    settings = Settings(_env_file=None, data_dir=tmp_path / "data", collector_keys=tmp_path / "keys.yaml")
    connector, _ = configured(settings)
    manifest = LoadManifest(settings.raw_dir)
    load = connector.land(manifest, manifest.next_id(connector.name, NOW), NOW, quiet)
    assert connector.name == load.source == collector.NAME
    assert [r["parse_error"] for r in rows(manifest, load, DELIVERIES)] == [None, "wrong_side"]
