"""The suite: which worlds, what is made again after a kill, what stays on disk. Worlds are stand-ins that only write a board."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from uam_platform.cli_evaluation import _numbers
from uam_platform.evaluation.pooled import pool
from uam_platform.evaluation.results import Row
from uam_platform.evaluation.suite import Suite, SuiteError, plan
from uam_platform.evaluation.suite_code import FIXED_SEEDS, code_hash, copy_code, measured_hash, suite_seeds
from uam_platform.evaluation.suite_command import publish
from uam_platform.evaluation.suite_phase import WorldSpec, vector
from uam_platform.policy.load import PolicyError
from uam_platform_tests.evaluation.boards import board


class Worlds:
    """Stands in for the phases: remembers them and writes boards; fails in a phase of choice."""

    def __init__(self, failing: str = "") -> None:
        self.done: list[str] = []
        self.failing = failing

    def __call__(self, phase: str, spec: WorldSpec, work: Path, path: Path) -> None:
        if f"{spec.name} {phase}" == self.failing:
            (work / "half").touch()
            raise SuiteError("killed")
        self.done.append(f"{spec.name} {phase}")
        (work / phase).touch()
        if phase == "evaluate":
            assert sorted(p.name for p in work.iterdir()) == ["evaluate", "run", "simulate"], (
                "nothing of a half world is left"
            )
            path.write_text(board(spec.seed, Row("m", 0.5)).to_json(), encoding="utf-8")


def suite(tmp_path: Path, worlds: Worlds, said: list[str] | None = None, keep: bool = False) -> Suite:
    return Suite(plan(300, 270, worlds=3), tmp_path, (said if said is not None else []).append, keep, worlds)


def test_five_seeds_never_change_and_two_follow_from_the_commit():
    one, other = suite_seeds("a" * 40), suite_seeds("b" * 40)
    assert one[:5] == other[:5] == FIXED_SEEDS
    assert len(set(one)) == 7
    assert set(one[5:]).isdisjoint(other[5:])
    assert min(one[5:]) >= 10_000, "beyond the seeds of thresholds and of the reference learner"
    assert suite_seeds("a" * 40) == one


def test_a_suite_is_named_after_size_difficulty_and_code():
    found = plan(300, 270, "hard", worlds=2)
    assert found.name == f"hard-300x270-{code_hash()[:10]}"
    assert [spec.seed for spec in found.worlds] == [101, 102]
    assert [spec.seed for spec in plan(seeds=(1, 2, 3)).worlds] == [1, 2, 3]


def test_every_world_passes_all_phases_and_leaves_its_board_alone(tmp_path):
    worlds = Worlds()
    made = suite(tmp_path, worlds)
    assert [path.name for path in made.make()] == ["seed-101.json", "seed-102.json", "seed-103.json"]
    assert worlds.done == [f"seed-{s} {p}" for s in (101, 102, 103) for p in ("simulate", "run", "evaluate")]
    assert list((made.folder / "work").iterdir()) == []


def test_worlds_stay_where_that_is_wished(tmp_path):
    made = suite(tmp_path, Worlds(), keep=True)
    made.make()
    assert len(list((made.folder / "work").iterdir())) == 3


def test_a_killed_suite_goes_on_with_the_world_it_was_at(tmp_path):
    with pytest.raises(SuiteError):
        suite(tmp_path, Worlds(failing="seed-102 run")).make()
    again, said = Worlds(), []
    suite(tmp_path, again, said).make()
    assert again.done[0] == "seed-102 simulate", "a half world is made again from its beginning"
    assert "seed-101" not in " ".join(again.done)
    assert "1 of them done" in said[0]
    last = Worlds()
    suite(tmp_path, last).make()
    assert last.done == []


def test_progress_names_phase_time_and_what_is_left(tmp_path):
    said: list[str] = []
    suite(tmp_path, Worlds(), said).make()
    assert len(said) == 1 + 9
    assert said[1].startswith("seed-101: simulate took")


def test_two_suites_do_not_work_in_one_folder(tmp_path):
    held = suite(tmp_path, Worlds())
    held.folder.mkdir(parents=True)
    code = "import fcntl, sys, time; f = open(sys.argv[1], 'w'); fcntl.flock(f, 2); print(flush=True); time.sleep(60)"
    other = subprocess.Popen([sys.executable, "-c", code, str(held.folder / "lock")], stdout=subprocess.PIPE)
    try:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(SuiteError, match="at work here"):
            held.make()
    finally:
        other.kill()
        other.wait()


def test_a_phase_that_fails_says_where_and_shows_the_end_of_its_log(tmp_path):
    broken = plan(300, 270, worlds=1)
    spec = WorldSpec(3, 270, 101, "default", {}, "seed-101")  # a world needs ten accounts
    made = Suite(type(broken)((spec,), broken.code, broken.commit, "broken"), tmp_path, lambda line: None)
    began = time.monotonic()
    with pytest.raises(SuiteError, match=r"(?s)seed-101: simulate failed .*seed-101\.log.*at least 10 accounts"):
        made.make()
    assert time.monotonic() - began < 60
    log = (made.folder / "seed-101.log").read_text(encoding="utf-8")
    assert f"{made.folder}/code/uam_platform/evaluation/suite_phase.py" in log, "the copy was run, not what people edit"


def test_code_that_changes_while_it_is_copied_is_refused(tmp_path):
    usual = plan(300, 270, worlds=1)
    made = Suite(type(usual)(usual.worlds, "another hash", usual.commit, "changed"), tmp_path, lambda line: None)
    with pytest.raises(SuiteError, match="start again"):
        made.make()
    assert not (made.folder / "code").exists()


def test_the_hash_is_that_of_names_and_contents(tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.py").write_text("1")
    first = code_hash(tmp_path / "p")
    (tmp_path / "p" / "__pycache__").mkdir()
    (tmp_path / "p" / "__pycache__" / "a.pyc").write_text("x")
    assert code_hash(tmp_path / "p") == first
    (tmp_path / "p" / "rules.yaml").write_text("a: 1")
    assert code_hash(tmp_path / "p") != first


def test_an_own_rulebook_is_part_of_what_is_measured(tmp_path, monkeypatch):
    monkeypatch.delenv("UAM_POLICY_DIR", raising=False)
    assert measured_hash() == code_hash()
    monkeypatch.setenv("UAM_POLICY_DIR", str(tmp_path))
    first = measured_hash()
    (tmp_path / "alerts.yaml").write_text("budget: {}")
    assert len({code_hash(), first, measured_hash()}) == 3


def test_seeds_that_are_no_numbers_are_refused_in_words():
    with pytest.raises(PolicyError, match="--seeds one,2: expected whole numbers"):
        _numbers("one,2")


def test_a_copy_of_the_code_stays_as_it_was(tmp_path):
    package = tmp_path / "p"
    package.mkdir()
    (tmp_path / "dagster.yaml").write_text("")
    (package / "a.py").write_text("1")
    copy = copy_code(tmp_path / "copy", package)
    (package / "a.py").write_text("2")
    assert copy_code(tmp_path / "copy", package) == copy
    assert (copy / "p" / "a.py").read_text() == "1"


def test_knobs_turn_a_named_difficulty_and_name_it_anew():
    spec = WorldSpec(300, 270, 1, "default", {"signal_gain": 0.0, "causes": ["champion_left"]}, "blind")
    found = vector(spec)
    assert (found.name, found.signal_gain, found.causes) == ("blind", 0.0, ("champion_left",))


def test_the_pooled_table_is_written_as_text_json_and_report(tmp_path):
    made = publish(tmp_path, pool([board(n, Row("ROC-AUC", 0.8 + n / 100, target="≥ 0.7")) for n in (1, 2, 3)]))
    assert [path.name for path in made.files] == ["pooled.txt", "pooled.json", "pooled.html"]
    assert "1 of 1 targets met" in made.files[0].read_text(encoding="utf-8")
    assert "<html" in made.files[2].read_text(encoding="utf-8")
    assert made.unmet_count == 0
