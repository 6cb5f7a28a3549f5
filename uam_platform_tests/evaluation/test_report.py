"""The report: one file that needs nothing else, every number in it, no verdict on small worlds; and the ending of the text."""

import re

import pytest

from uam_platform.evaluation.pooled import pool
from uam_platform.evaluation.render import WIDTH, judged_sections, render
from uam_platform.evaluation.report import render_html, render_pooled_html
from uam_platform.evaluation.results import Curve, Row, Scoreboard, Section

CURVE = Curve(
    "reliability",
    "Reliability",
    "foretold",
    "happened",
    (0.1, 0.2),
    (0.1, 0.3),
    {"latent oracle": ((0.1, 0.2), (0.1, 0.2))},
)


def board(precision: float = 0.7, seed: int = 1, accounts: int = 3000, learned: float | None = 0.9) -> Scoreboard:
    alerts = Section(
        "alerts", "Alerts: harm <found>",
        (
            Row(
                "precision", precision, precision - 0.05, precision + 0.05, yardsticks={"random alerts": 0.1}, target="≥ 0.60",
                note="7 & 8",
            ),
            Row("recall", 0.2, 0.1, 0.3, target="≥ 0.50"),
            Row("median delay from onset", None, unit="days", target="≤ 28"),
            Row("recall, cause family support", 0.2, 0.1, 0.3),
        ),
        "how it was counted", (CURVE,),
    )  # fmt: skip
    churn = [
        Section(
            key, key, (Row("share of the oracle's ROC margin", value, target="≥ 0.80"),), "Reference learner: abc123"
        )
        for key, value in (("churn", learned), ("churn_all", 0.5))
    ]
    world = {"accounts": accounts, "days": 546, "seed": seed, "difficulty": "default", "world_version": "2.0.0"}
    return Scoreboard(world, accounts < 3000, 0, (alerts, *churn))


def plain(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_the_report_needs_no_other_file():
    html = render_html(board())
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", html)
    assert not re.findall(r"url\(|@import|<script|<link", html)


def test_the_report_shows_world_reference_every_row_and_its_note_escaped():
    html = render_html(board())
    text = plain(html)
    for words in (
        "3,000 accounts",
        "version 2.0.0",
        "abc123",
        "how it was counted",
        "7 &amp; 8",
        "harm &lt;found&gt;",
        "random alerts 0.100",
    ):
        assert words in text
    assert text.count("recall, cause family support") == 1
    assert html.count("<img ") == 3  # the curve, shares of margins, recall by cause family


def test_each_target_gets_its_verdict_and_the_counts_agree():
    text = plain(render_html(board()))
    assert "precision 0.700 0.650 to 0.750 ≥ 0.60 ✔ met" in text
    assert "recall 0.200 0.100 to 0.300 ≥ 0.50 ✘ not met" in text
    assert "– ≤ 28 ? not estimable" in text
    assert "2 met 1 not met 1 not estimable" in text


def test_a_small_world_is_illustrative_and_judges_nothing():
    text = plain(render_html(board(accounts=1000)))
    assert "Illustrative." in text
    assert "✔" not in text
    assert "✘" not in text
    assert "3 illustrative" in text


def test_the_same_board_gives_the_same_report():
    assert render_html(board()) == render_html(board())


def test_pooled_worlds_show_each_world_beside_the_pooled_number():
    html = render_pooled_html(pool([board(0.7), board(0.8, seed=2)]))
    assert "0.700  0.800" in html
    assert "over 2 worlds" in html
    assert "seed 1, 2" in html


@pytest.mark.parametrize(("learned", "kept"), [(0.9, "churn"), (None, "churn_all")])
def test_targets_count_where_the_learned_model_scored_else_over_all_weeks(learned, kept):
    keys = [section.key for section in judged_sections(board(learned=learned))]
    assert keys == ["alerts", kept]


def test_the_text_ends_with_the_targets_that_are_not_met():
    text = render(board())
    assert max(len(line) for line in text.splitlines()) <= WIDTH
    ending = text[text.index("2 of 4 targets met") :].splitlines()
    assert ending[1] == "  not met: alerts, recall 0.200 (0.100 to 0.300), target ≥ 0.50"
    assert ending[2] == "  not estimable: alerts, median delay from onset –, target ≤ 28"
    assert re.search(r"precision .* ≥ 0.60 met", text)
    assert "illustrative" in render(board(accounts=1000)).splitlines()[-1]
