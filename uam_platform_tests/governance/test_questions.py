"""Questions and goals are few, and everything that decides names one that exists."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from uam_platform.policy.answers import answers
from uam_platform.policy.load import SHIPPED, PolicyError, load_section
from uam_platform.policy.questions import FEATURE_COLUMNS, MOST_QUESTIONS, QuestionPolicy
from uam_platform.policy.rulebook import load_rulebook

RULES = load_rulebook()


def shipped(section: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((SHIPPED / f"{section}.yaml").read_text(encoding="utf-8"))
    return loaded


def own(folder: Path, section: str, rules: dict[str, Any]) -> Path:
    (folder / f"{section}.yaml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    return folder


@pytest.mark.parametrize("column", FEATURE_COLUMNS)
def test_every_feature_column_answers_a_question(column: str) -> None:
    assert RULES.questions.of_feature(column), (
        f"add {column!r} to `features` of a question in policy/rulebook/questions.yaml: "
        "which decision does it serve, and whose is it?"
    )


def test_every_detector_score_line_and_review_names_a_question_and_no_question_is_idle() -> None:
    found = answers(RULES.alerts, RULES.scores, RULES.reviews)
    told = len(RULES.alerts.detectors) + sum(len(f.lines) for f in RULES.scores.formulas.values())
    assert len([a for a in found if a.kind != "review"]) == told
    assert {a.question for a in found} == set(RULES.questions.questions)


@pytest.mark.parametrize(
    ("section", "change", "where"),
    [
        ("alerts", lambda r: r["detectors"]["renewal_at_risk"].update(answers="anything_new"),
         "alerts.yaml: detectors.renewal_at_risk.answers"),
        ("scores", lambda r: r["formulas"]["health"].update(answers="anything_new"), "scores.yaml: formulas.health.answers"),
        ("scores", lambda r: r["formulas"]["health"]["lines"][1].update(answers="anything_new"),
         "scores.yaml: formulas.health.lines.1.answers"),
        ("reviews", lambda r: r.update(answers=["anything_new"]), "reviews.yaml: answers"),
        ("reviews", lambda r: r["audit"].update(answers=["anything_new"]), "reviews.yaml: audit.answers"),
    ],
    ids=["detector", "formula", "line", "review", "audit"],
)  # fmt: skip
def test_a_reference_to_no_question_is_refused_with_its_place(
    tmp_path: Path, section: str, change: Any, where: str
) -> None:
    rules = shipped(section)
    change(rules)
    with pytest.raises(PolicyError) as caught:
        load_rulebook(own(tmp_path, section, rules))
    assert str(caught.value).startswith(
        f"{where}: no question 'anything_new' in questions.yaml; use one of declining_depth"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r["questions"]["room_to_grow"].update(asks="Who grows"), "ending in"),
        (lambda r: r["questions"]["room_to_grow"].update(goal="fame"), "questions.room_to_grow: no goal 'fame'"),
        (lambda r: r["questions"]["room_to_grow"].update(features=["seat_*", "cats_*"]), "is named 'cats_"),
        (lambda r: r["questions"]["room_to_grow"].pop("decision"), "questions.room_to_grow.decision: is required"),
        (lambda r: r["goals"]["grow_accounts"].pop("gives_up"), "goals.grow_accounts.gives_up: is required"),
        (lambda r: r["goals"].update(fame=r["goals"]["grow_accounts"]), "goals.fame: no question serves it"),
        (lambda r: r["questions"].update({f"q{n}": r["questions"]["room_to_grow"] for n in range(9)}), "at most"),
    ],
    ids="no question mark|no goal|no column|no decision|free goal|idle goal|too many".split("|"),
)
def test_a_list_that_decides_nothing_is_refused(tmp_path: Path, change: Any, message: str) -> None:
    rules = shipped("questions")
    change(rules)
    with pytest.raises(PolicyError) as caught:
        load_section(QuestionPolicy, "questions", own(tmp_path, "questions", rules))
    assert message in str(caught.value)


def test_the_list_is_short() -> None:
    assert len(RULES.questions.questions) <= MOST_QUESTIONS
