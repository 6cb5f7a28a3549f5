"""Topics, tone and signals of hand-made texts, and how they are quoted and summed."""

from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from uam_platform.contracts.tables import STATEMENTS, UTTERANCES
from uam_platform.evidence.assets import leaks
from uam_platform.evidence.cohort_themes import cohort_themes
from uam_platform.evidence.emerging import emerging_themes
from uam_platform.evidence.plots import breadth_plot
from uam_platform.evidence.sentences import sentences
from uam_platform.evidence.statements import account_themes, statements
from uam_platform.evidence.themes import themes
from uam_platform.evidence.tone import Tone
from uam_platform.evidence.topics import Reader
from uam_platform.policy.load import PolicyError, load_section, parse
from uam_platform.policy.topics import TopicPolicy

POLICY = load_section(TopicPolicy, "topics")
READER, TONE = Reader(POLICY), Tone(POLICY.sentiment)
START = datetime(2025, 1, 6, 12)  # noqa: DTZ001 - lake timestamps are naive UTC
NO_CHANGES = pd.DataFrame({"change": [], "ticket_id": [], "load_id": [], "row_no": []})


def said(number: int, text: str, **changes: Any) -> dict[str, Any]:
    at = changes.pop("at", START)
    return {
        "utterance_id": f"zendesk:ticket:{number}", "source": "zendesk", "channel": "ticket",
        "ticket_id": f"zendesk:{number}", "conversation_id": f"zendesk:{number}", "account_id": f"a{number}",
        "author_kind": "customer", "said_at": at, "known_at": at, "known_date": at.date(), "text": text,
        "redaction_count": 0, "load_id": "l1", "row_no": number,
    } | changes  # fmt: skip


def found_in(*rows: dict[str, Any], changes: pd.DataFrame = NO_CHANGES) -> pd.DataFrame:
    return statements(pd.DataFrame(list(rows), columns=list(UTTERANCES.column_names)), changes, POLICY)


@pytest.mark.parametrize(("topic", "text"), [(n, text) for n, t in POLICY.topics.items() for text in t.examples])
def test_the_examples_of_a_topic_are_assigned_to_it(topic: str, text: str) -> None:
    assert READER.topic(text)[0] == topic


@pytest.mark.parametrize("text", ["ok, will do", "See you on Monday", "The weather is fine"])
def test_what_says_nothing_has_no_topic(text: str) -> None:
    assert READER.topic(text)[0] is None


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("I want to speak to your manager", ("escalation",)),
        ("This is unacceptable, our CEO wants an answer", ("escalation",)),
        ("We are not sure that we will renew in May", ("renewal_concern",)),
        ("We compare alternatives at the moment", ("renewal_concern",)),
        ("We need 20 more seats for the new office", ("buying_signal",)),
        ("Could we upgrade to the business plan?", ("buying_signal",)),
        ("The report is fine", ()),
    ],
)
def test_signals_are_told_with_the_rule_that_made_them(text: str, reasons: tuple[str, ...]) -> None:
    assert READER.signals(text).reasons == reasons


def test_tone_orders_texts_as_people_would() -> None:
    texts = [
        "This is a joke, completely useless, we are fed up!", "The import is broken", "The report has four columns",
        "The new editor is nice", "We love it, excellent work, it saves us hours!",
    ]  # fmt: skip
    tones = [TONE.of(text) for text in texts]
    assert tones == sorted(tones)
    assert tones[2] == 0.0
    assert all(-1 < tone < 1 for tone in tones)


def test_negation_turns_and_intensity_strengthens() -> None:
    assert TONE.of("not helpful") < 0 < TONE.of("helpful") < TONE.of("very helpful")
    assert TONE.of("not bad") > 0
    assert TONE.of("No. Helpful") > 0, "a negation ends with its sentence"


def test_sentences_end_at_points_and_lines_but_not_at_abbreviations() -> None:
    assert sentences("It fails, e.g. at night. Why?\n\nBest\nRosa") == [
        "It fails, e.g. at night.",
        "Why?",
        "Best",
        "Rosa",
    ]


def test_a_statement_quotes_the_sentence_that_carries_it_and_points_at_its_record() -> None:
    found = found_in(
        said(1, "Hello team,\nWe grow well. The import of our CSV fails at row 9. Thanks in advance.\n\nBest\n[name]")
    )
    assert found["topic"].tolist() == ["import_failures"]
    assert found["quote"].tolist() == ["The import of our CSV fails at row 9."]
    assert found[["ticket_id", "load_id", "row_no"]].iloc[0].tolist() == ["zendesk:1", "l1", 1]
    assert tuple(found.columns) == STATEMENTS.column_names


def test_staff_make_no_statements() -> None:
    assert found_in(said(1, "The import fails, we will fix it", author_kind="agent")).empty


def test_a_comment_without_a_topic_of_its_own_speaks_of_its_ticket() -> None:
    later = START + timedelta(days=1)
    comment = said(
        2,
        "It still does not help.",
        channel="ticket_comment",
        utterance_id="zendesk:ticket_comment:2",
        ticket_id="zendesk:1",
        at=later,
    )
    other = said(
        3,
        "The invoice of May is wrong.",
        channel="ticket_comment",
        utterance_id="zendesk:ticket_comment:3",
        ticket_id="zendesk:1",
        at=later,
    )
    found = found_in(said(1, "The import of our CSV fails."), comment, other).set_index("utterance_id")["topic"]
    assert found["zendesk:ticket_comment:2"] == "import_failures"
    assert found["zendesk:ticket_comment:3"] == "billing"


def test_the_comment_that_reopened_a_ticket_is_marked() -> None:
    changes = pd.DataFrame({"change": ["reopened"], "ticket_id": ["zendesk:1"], "load_id": ["l1"], "row_no": [7]})
    comment = said(7, "The import fails again", channel="ticket_comment", ticket_id="zendesk:1")
    assert found_in(comment, said(8, "The import fails"), changes=changes).set_index("row_no")[
        "is_reopen"
    ].to_dict() == {7: True, 8: False}


def test_sums_by_account_count_every_statement_with_a_topic_once() -> None:
    found = found_in(
        *(said(n, "The import of our file fails, I want to speak to your manager.", account_id="a") for n in range(3))
    )
    sums = account_themes(found)
    assert sums[["account_id", "topic", "mention_count", "escalation_count"]].to_numpy().tolist() == [
        ["a", "import_failures", 3, 3]
    ]
    assert sums["sentiment_sum"].iloc[0] == pytest.approx(found["sentiment"].sum())


def test_what_is_said_in_calls_is_counted_beside_what_is_written() -> None:
    spoken = [said(n, "The import of our file fails.", channel="call", ticket_id=None, account_id="a") for n in (1, 2)]
    found = found_in(*spoken, said(3, "The import of our file fails.", account_id="b"))
    assert set(found["channel"]) == {"call", "ticket"}
    sums = account_themes(found).set_index("account_id")
    assert sums[["mention_count", "call_mention_count"]].to_numpy().tolist() == [[2, 2], [1, 0]]
    week = themes(found, contracts_of("a", "b"), POLICY).set_index(["as_of", "topic"])
    row = week.loc[(date(2025, 1, 13), "import_failures")]
    assert (row["mention_count"], row["call_mention_count"]) == (3, 2)
    assert (row["mentioning_account_count"], row["call_account_count"]) == (2, 1)


def contracts_of(*accounts: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "account_id": accounts, "mrr_usd_cents": 100_00, "started_at": START - timedelta(days=90),
            "ended_at": pd.Series([None] * len(accounts), dtype="datetime64[us]"), "known_at": START - timedelta(days=90),
        }
    )  # fmt: skip


def test_one_loud_account_is_not_breadth() -> None:
    loud = [said(n, "The import of our file fails.", account_id="a0") for n in range(10)]
    broad = [said(20 + n, "The invoice is wrong.", account_id=f"a{n}") for n in range(8)]
    found = themes(found_in(*loud, *broad), contracts_of(*(f"a{n}" for n in range(10))), POLICY)
    week = found[found["as_of"] == date(2025, 1, 13)].set_index("topic")
    assert week["breadth"].to_dict() == {"billing": "broad", "import_failures": "loud"}
    assert week.loc["billing", "effective_account_count"] == pytest.approx(8)
    assert week.loc["import_failures", "loudest_share_ratio"] == 1
    assert week.loc["billing", "arr_share_ratio"] == pytest.approx(0.8)


def test_a_week_counts_only_what_was_known_before_it() -> None:
    early, late = said(1, "The invoice is wrong."), said(2, "The invoice is wrong.", at=START + timedelta(days=7))
    before = themes(found_in(early), contracts_of("a1"), POLICY)
    after = themes(found_in(early, late), contracts_of("a1"), POLICY)
    first = date(2025, 1, 13)
    pd.testing.assert_frame_equal(before[before["as_of"] == first], after[after["as_of"] == first])
    assert after["mention_count"].max() == 2


def test_what_everybody_says_in_a_call_is_no_theme() -> None:
    words = ("Sorry, I was on mute.", "Let me share my screen.", "One moment, somebody is at the door.")
    spoken = [said(n, words[n % 3], channel="call", at=START + timedelta(days=60)) for n in range(30)]
    earlier = [said(100 + n, "See you at lunch", at=START) for n in range(30)]
    assert emerging_themes(found_in(*earlier, *spoken), POLICY).empty


def test_new_words_of_several_accounts_come_up_as_a_theme() -> None:
    old = [said(n, f"See you at lunch number {n}", at=START) for n in range(30)]
    recent = START + timedelta(days=60)
    new = [said(100 + n, "The kangaroo badge is everywhere", at=recent) for n in range(8)]
    others = [said(200 + n, "See you at lunch", at=recent) for n in range(8)]
    found = emerging_themes(found_in(*old, *new, *others), POLICY)
    assert "kangaroo" in found["terms"].iloc[0].split()
    assert found["mentioning_account_count"].iloc[0] == 8
    assert not found["terms"].str.contains("lunch").any()


def test_little_said_gives_no_theme_and_no_plot() -> None:
    nothing = found_in()
    assert themes(nothing, contracts_of(), POLICY).empty
    assert emerging_themes(nothing, POLICY).empty
    assert breadth_plot(themes(nothing, contracts_of(), POLICY)) is None


def test_a_quote_that_still_holds_an_address_is_named_without_repeating_it() -> None:
    found = pd.DataFrame({"statement_id": ["s1", "s2"], "quote": ["fine", "write to a@b.example"]})
    assert leaks(found) == {"s2": ["email"]}


def test_a_pattern_that_is_no_regular_expression_is_told() -> None:
    broken = POLICY.model_dump()
    broken["topics"]["billing"]["patterns"] = {"(invoice": 1.0}
    with pytest.raises(PolicyError, match="billing"):
        parse(TopicPolicy, broken, "topics.yaml")


def _members(*accounts: str, cohort: str = "C2", stable: bool = True, day: str = "2025-02-03") -> pd.DataFrame:
    return pd.DataFrame(
        {"account_id": accounts, "as_of": day, "cohort": cohort, "cohort_name": "alike", "is_stable": stable}
    )


def test_a_cohort_is_told_what_its_members_speak_of_by_accounts_and_not_by_words() -> None:
    many = [said(n, "The nightly workflow keeps failing", account_id=f"m{n % 5}") for n in range(5)]
    loud = [said(n, "We hit the API limit every day", account_id="m0") for n in range(10, 30)]
    others = [said(n, "The nightly workflow keeps failing", account_id=f"o{n}") for n in range(40, 42)]
    late = [
        said(n, "Our requests are throttled", account_id=f"m{n - 50}", at=START + timedelta(days=28))
        for n in range(50, 55)
    ]
    found = found_in(*many, *loud, *others, *late)
    accounts = pd.Index([f"m{n}" for n in range(5)] + [f"o{n}" for n in range(40, 95)])
    told = cohort_themes(_members(*(f"m{n}" for n in range(5))), found, accounts, POLICY).set_index("topic")
    assert list(told.index) == ["workflow_failures"], "one loud member and words of the week itself are no theme"
    row = told.loc["workflow_failures"]
    assert (row["mentioning_account_count"], row["account_count"], row["member_share_ratio"]) == (5, 5, 1.0)
    assert row["other_share_ratio"] == pytest.approx(2 / 55)
    assert row["chance_ratio"] < 1e-4
    assert row["statement_id"] in set(found["statement_id"])


def test_what_everybody_speaks_of_sets_no_cohort_apart_and_unstable_clusters_say_nothing() -> None:
    found = found_in(*(said(n, "The nightly workflow keeps failing", account_id=f"m{n}") for n in range(40)))
    accounts = pd.Index([f"m{n}" for n in range(40)])
    row = cohort_themes(_members(*accounts[:10]), found, accounts, POLICY).iloc[0]
    assert row["chance_ratio"] == 1.0
    assert row["member_lift_ratio"] == pytest.approx(1.0, abs=0.05)
    assert cohort_themes(_members(*accounts[:10], cohort="K01", stable=False), found, accounts, POLICY).empty
    assert cohort_themes(_members(), found, accounts, POLICY).empty
