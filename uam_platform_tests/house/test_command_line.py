"""Mistakes at the command line: one clear message that names file and key or setting, exit code 2, never a traceback."""

import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from uam_platform.lake.journal import held
from uam_platform.policy.load import SHIPPED
from uam_platform.simulation.world.generate import simulate
from uam_platform_tests.command_line import Answer, Uam

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "online_retail.yaml"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A very small company."""
    folder = tmp_path_factory.mktemp("world")
    simulate(10, 28, 1, folder, "default", lambda what, i, n: None)
    return folder


def refused(answer: Answer, *words: str) -> None:
    assert answer.code == 2, answer.said
    assert "Traceback" not in answer.said
    assert [w for w in words if w not in answer.said] == [], answer.said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("simulate",), ["--out"]),
        (("simulate", "--out", "w", "--accounts", "many"), ["--accounts", "integer"]),
        (("simulate", "--out", "w", "--days", "3"), ["--days", "28"]),
        (("simulate", "--out", "w", "--difficulty", "cruel"), ["cruel", "easy", "hard"]),
        (("run", "--from", "nowhere", "--out", "o"), ["--from", "nowhere", "uam simulate"]),
        (("sandbox", "--from", "nowhere"), ["nowhere"]),
        (("evaluate", "--run", "nowhere", "--world", "nowhere"), ["--run", "nowhere"]),
        (("bench", "--millions", "five"), ["--millions", "five", "5,20"]),
        (("serve",), ["--keys", "UAM_COLLECTOR_KEYS"]),
        (("serve", "--port", "70000"), ["--port", "65535"]),
        (("serve", "--keys", "nowhere.yaml"), ["nowhere.yaml", "no such file"]),
        (("no-such-command",), ["no-such-command"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_arguments_are_named(uam: Uam, arguments: tuple[str, ...], words: list[str]) -> None:
    refused(uam(*arguments), *words)


def test_an_empty_folder_is_neither_a_company_nor_a_world_nor_a_run(uam: Uam, world: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused(uam("run", "--from", "empty", "--out", "o"), "empty", "company/world.json")
    refused(uam("evaluate", "--run", "empty", "--world", "empty"), "empty", "no simulated world")
    refused(uam("evaluate", "--run", "empty", "--world", world), "empty")


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("UAM_CHUNK_DAYS", "zero", ["UAM_CHUNK_DAYS", "integer", "zero"]),
        ("UAM_CHUNK_DAYS", "0", ["UAM_CHUNK_DAYS", "greater than or equal to 1"]),
        ("UAM_POLICY_DIR", "no/such/folder", ["UAM_POLICY_DIR", "no/such/folder"]),
    ],
)
def test_wrong_settings_are_named_before_anything_starts(
    uam: Uam, world: Path, setting: str, value: str, words: list[str]
) -> None:
    answer = uam("run", "--from", world, "--out", "o", **{setting: value})
    refused(answer, *words)
    assert "sandbox listens" not in answer.said


@pytest.mark.parametrize(
    ("section", "change", "words"),
    [
        ("time", {"late_gap_dayz": 2}, ["time.yaml", "late_gap_dayz", "unknown key"]),
        ("time", {"decision_grace_hours": "six"}, ["time.yaml", "decision_grace_hours", "six"]),
        ("time", {"sources": None}, ["time.yaml", "sources"]),
        (
            "alerts",
            {"budget": {"new_per_owner_week": -1, "new_per_week": 3}},
            ["alerts.yaml", "budget.new_per_owner_week"],
        ),
        ("alerts", {"detectors": {"x": {"title": "x"}}}, ["alerts.yaml", "detectors.x", "missing"]),
    ],
    ids=["unknown key", "not a number", "missing section", "out of bounds", "detector without duty"],
)
def test_a_wrong_rulebook_names_file_and_key(
    uam: Uam, world: Path, tmp_path: Path, section: str, change: dict[str, object], words: list[str]
) -> None:
    loaded = yaml.safe_load((SHIPPED / f"{section}.yaml").read_text(encoding="utf-8")) | change
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / f"{section}.yaml").write_text(yaml.safe_dump(loaded), encoding="utf-8")
    refused(uam("run", "--from", world, "--out", "o", UAM_POLICY_DIR="rules"), *words)


def test_yaml_that_does_not_parse_is_told_with_its_line(uam: Uam, world: Path, tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "time.yaml").write_text("a: 1\nb: [1, 2\nc: 3\n", encoding="utf-8")
    refused(uam("run", "--from", world, "--out", "o", UAM_POLICY_DIR="rules"), "time.yaml", "line 3")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda m: m.pop("label"), ["label", "missing"]),
        (lambda m: m["company"].update(product_tipe="x"), ["company.product_tipe", "unknown key"]),
        (lambda m: m["tables"][0].update(target="evnts"), ["tables.0", "evnts"]),
        (lambda m: m["tables"][0]["time"].update(zone="Europe/Lundon"), ["tables.0", "Europe/Lundon"]),
        (lambda m: m["tables"][0].update(path="no/such/file.csv"), ["no/such/file.csv"]),
    ],
    ids=["missing section", "misspelt key", "unknown target", "unknown zone", "missing file"],
)
def test_a_wrong_mapping_names_file_and_key(
    uam: Uam, tmp_path: Path, spoil: Callable[[dict[str, object]], object], words: list[str]
) -> None:
    mapping = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    spoil(mapping)
    shutil.copy(EXAMPLE.with_name("online_retail_taxonomy.yaml"), tmp_path)
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(mapping), encoding="utf-8")
    refused(uam("run", "--from", "own.yaml", "--out", "o"), "own.yaml", *words)


def test_brackets_in_a_message_are_shown_and_not_taken_for_markup(uam: Uam, tmp_path: Path) -> None:
    refused(uam("run", "--from", "my [red] folder [/b]", "--out", "o"), "my [red] folder [/b]")


SENDERS = "keys: [{key: some-write-key, source: web, side: client}]\n"


@pytest.mark.parametrize(
    ("senders", "words"),
    [
        ("keys: [{key: short, source: web, side: client}]", ["keys.yaml", "keys.0.key", "at least 8"]),
        ("keys: [{key: some-write-key, source: web, side: browser}]", ["keys.0.side", "client", "server"]),
        ("keys: [{key: '${NOT_SET}', source: web, side: client}]", ["NOT_SET", "not set"]),
        (SENDERS[:-2] + ", {key: some-write-key, source: app, side: client}]", ["listed twice"]),
        ("keys: []", ["nobody could send"]),
        ("keys: [", ["keys.yaml", "line"]),
    ],
    ids=["short key", "unknown side", "unset variable", "key twice", "nobody", "no YAML"],
)
def test_a_wrong_file_of_senders_is_told_before_the_collector_listens(
    uam: Uam, tmp_path: Path, senders: str, words: list[str]
) -> None:
    (tmp_path / "keys.yaml").write_text(senders, encoding="utf-8")
    refused(uam("serve", "--keys", "keys.yaml", "--dir", "j"), *words)
    assert not (tmp_path / "j").exists()


def test_a_taken_port_and_a_folder_that_is_none_are_told_with_what_to_do(uam: Uam, tmp_path: Path) -> None:
    (tmp_path / "keys.yaml").write_text(SENDERS, encoding="utf-8")
    (tmp_path / "file").write_text("", encoding="utf-8")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused(uam("serve", "--keys", "keys.yaml", "--dir", "j", "--port", port), str(port), "in use", "--port")
    refused(uam("serve", "--keys", "keys.yaml", "--dir", "file"), "file", "cannot be written", "--dir")
    with held(tmp_path / "j", "writer"):
        refused(uam("serve", "--keys", "keys.yaml", "--dir", "j"), "another process is its writer")


# doctor


def test_the_doctor_looks_at_who_may_send_and_where_it_is_written(uam: Uam, tmp_path: Path) -> None:
    (tmp_path / "keys.yaml").write_text(SENDERS, encoding="utf-8")
    assert "ok source collector: 1 write keys, 0 webhooks" in uam("doctor", UAM_COLLECTOR_KEYS="keys.yaml").said
    with held(tmp_path / "data" / "collector", "writer"):
        assert "a collector is running" in uam("doctor", UAM_COLLECTOR_KEYS="keys.yaml").said
    assert "FAIL source collector: nowhere.yaml: no such file" in uam("doctor", UAM_COLLECTOR_KEYS="nowhere.yaml").said


def test_the_doctor_says_what_to_set_when_nothing_is_configured(uam: Uam) -> None:
    answer = uam("doctor")
    assert answer.code == 1
    assert "Traceback" not in answer.said
    for name in ("UAM_SEGMENT_ARCHIVE_URL", "UAM_ZENDESK_BASE_URL", "UAM_MAPPING", "UAM_SLACK_BOT_TOKEN"):
        assert name in answer.said
    assert "ok rulebook" in answer.said


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("UAM_NOW", "yesterday", ["FAIL UAM_NOW", "yesterday"]),
        ("UAM_LEDGER_URL", "nonsense", ["FAIL ledger", "UAM_LEDGER_URL"]),
        ("UAM_LEDGER_URL", "sqlite://", ["FAIL ledger", "survive"]),
        ("UAM_POLICY_DIR", "nowhere", ["FAIL rulebook", "UAM_POLICY_DIR"]),
        ("UAM_MAPPING", "nowhere.yaml", ["nowhere.yaml", "no such file"]),
    ],
)
def test_the_doctor_names_what_is_wrong(uam: Uam, setting: str, value: str, words: list[str]) -> None:
    answer = uam("doctor", **{setting: value})
    assert answer.code == 1
    assert "Traceback" not in answer.said
    assert [w for w in words if w not in answer.said] == [], answer.said
