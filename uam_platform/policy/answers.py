"""What answers which business question: detectors, score lines and reviews refer to questions by their id.

Here: collecting these references over the rulebook's files and refusing one that leads nowhere. Not here: the questions and the features
that answer them (`questions`), collected fields (`sources`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from uam_platform.policy.alerts import AlertPolicy
from uam_platform.policy.load import PolicyError
from uam_platform.policy.questions import QuestionPolicy
from uam_platform.policy.reviews import ReviewPolicy
from uam_platform.policy.scores import ScorePolicy


@dataclass(frozen=True)
class Answer:
    """One reference to a question.

    Attributes:
        question: id of the question.
        kind: alert, score or review.
        name: what answers it, for people.
        where: file and key that say so.
    """

    question: str
    kind: str
    name: str
    where: str


def answers(alerts: AlertPolicy, scores: ScorePolicy, reviews: ReviewPolicy) -> list[Answer]:
    """All references of detectors, score lines and reviews, in the order of the files."""
    return [*_of_alerts(alerts), *_of_scores(scores), *_of_reviews(reviews)]


def _of_alerts(alerts: AlertPolicy) -> Iterator[Answer]:
    for name, detector in alerts.detectors.items():
        yield Answer(detector.answers, "alert", detector.title, f"alerts.yaml: detectors.{name}.answers")


def _of_scores(scores: ScorePolicy) -> Iterator[Answer]:
    for name, formula in scores.formulas.items():
        for place, line in enumerate(formula.lines):
            where = f"formulas.{name}.lines.{place}.answers" if line.answers else f"formulas.{name}.answers"
            yield Answer(formula.answered_by(line), "score", f"{name}: {line.label}", f"scores.yaml: {where}")


def _of_reviews(reviews: ReviewPolicy) -> Iterator[Answer]:
    for name, told in (("weekly product-risk review", reviews.answers), ("monthly alert audit", reviews.audit.answers)):
        key = "answers" if told is reviews.answers else "audit.answers"
        for question in told:
            yield Answer(question, "review", name, f"reviews.yaml: {key}")


def check_references(found: Iterable[Answer], questions: QuestionPolicy) -> None:
    """Refuse references to questions that do not exist.

    Raises:
        PolicyError: one line per reference with file, key and the questions there are.
    """
    known = ", ".join(questions.questions)
    lines = [
        f"{one.where}: no question {one.question!r} in questions.yaml; use one of {known}"
        for one in found
        if one.question not in questions.questions
    ]
    if lines:
        raise PolicyError("\n".join(dict.fromkeys(lines)))
